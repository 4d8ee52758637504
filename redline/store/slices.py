"""What changes when a source's answer for a slice is held against the rows stored for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from redline.market.schema import UTC_US


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows stored and still true; rows that are news; rows stored and true no more. ``changed``: news of old keys."""

    same: pa.Table
    fresh: pa.Table
    gone: pa.Table
    changed: int

    @property
    def nothing(self) -> bool:
        """Whether the store stays as it is."""
        return not (bool(self.fresh.num_rows) or bool(self.gone.num_rows))


def difference(stored: pa.Table, answer: pa.Table) -> Difference:
    """Hold bars of one ticker and source, each ``timestamp`` once in either, against each other.

    ``stored`` has the columns of the store, ``answer`` those of the wire; ``fresh`` has the wire's, the others the
    store's; both are sorted by time, and so is the outcome. A missing value equals a missing value, NaN equals NaN.
    """
    if stored.num_rows == 0:
        return Difference(stored, answer, stored, 0)
    at = pc.index_in(answer["timestamp"], value_set=stored["timestamp"].combine_chunks())
    known = answer.filter(pc.is_valid(at))
    before = stored.take(pc.drop_null(at))
    alike = pa.chunked_array([pa.array([True] * known.num_rows, pa.bool_())])
    for name in answer.schema.names:
        alike = pc.and_(alike, _alike(before[name], known[name]))
    unlike = pc.invert(alike)
    kept = before.filter(alike)
    true_still = kept["timestamp"].combine_chunks()
    fresh = answer.filter(pc.invert(pc.is_in(answer["timestamp"], value_set=true_still)))
    gone = stored.filter(pc.invert(pc.is_in(stored["timestamp"], value_set=true_still)))
    return Difference(kept, fresh, gone, pc.sum(unlike).as_py() or 0)


def difference_of_lists(stored: pa.Table, answer: pa.Table, key: tuple[str, ...]) -> Difference:
    """Hold a ticker's whole list of corporate actions against the one stored: rows are alike in all or not alike."""
    wire = answer.schema.names
    old = [tuple(row.values()) for row in stored.select(wire).to_pylist()]
    new = [tuple(row.values()) for row in answer.to_pylist()]
    new_at = {row: at for at, row in reversed(list(enumerate(new)))}
    old_at = {row: at for at, row in reversed(list(enumerate(old)))}
    same = sorted(at for row, at in old_at.items() if row in new_at)
    fresh = sorted(at for row, at in new_at.items() if row not in old_at)
    gone = sorted(set(range(len(old))) - set(same))
    place = [wire.index(name) for name in key]
    gone_keys = {tuple(old[at][one] for one in place) for at in gone}
    changed = sum(tuple(new[at][one] for one in place) in gone_keys for at in fresh)
    return Difference(stored.take(pa.array(same, pa.int64())), answer.take(pa.array(fresh, pa.int64())),
                      stored.take(pa.array(gone, pa.int64())), changed)  # fmt: skip


def _alike(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    alike = pc.fill_null(pc.equal(one, other), False)
    alike = pc.or_(alike, pc.and_(pc.is_null(one), pc.is_null(other)))
    if pa.types.is_floating(one.type):
        alike = pc.or_(alike, pc.fill_null(pc.and_(pc.is_nan(one), pc.is_nan(other)), False))
    return alike


def known(rows: pa.Table, schema: pa.Schema, batch: str, known_from: datetime) -> pa.Table:
    """Return wire rows as the store keeps them: with their batch and from when they are known."""
    count = rows.num_rows
    return pa.Table.from_arrays(
        [
            *rows.columns,
            pa.repeat(pa.scalar(batch, pa.string()), count),
            pa.repeat(pa.scalar(known_from, UTC_US), count),
            pa.nulls(count, UTC_US),
        ],
        schema=schema,
    )


def ended(rows: pa.Table, known_until: datetime) -> pa.Table:
    """Return stored rows as superseded at ``known_until``."""
    at = rows.schema.get_field_index("known_until")
    return rows.set_column(at, rows.schema.field(at), pa.repeat(pa.scalar(known_until, UTC_US), rows.num_rows))
