"""What changes when a source's answer for a slice is held against the rows stored for it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from redline.market.schema import UTC_US


class Fate(IntEnum):
    """What became of a row of an answer."""

    NEW = 0
    CHANGED = 1
    SAME = 2


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows stored and still true; rows that are news; rows stored and true no more.

    ``fates`` has a ``Fate`` for each row of the answer, in its order.
    """

    same: pa.Table
    fresh: pa.Table
    gone: pa.Table
    fates: np.ndarray[Any, np.dtype[np.int8]]

    @property
    def nothing(self) -> bool:
        """Whether the store stays as it is."""
        return not (bool(self.fresh.num_rows) or bool(self.gone.num_rows))


def difference(stored: pa.Table, answer: pa.Table, wire: Sequence[str]) -> Difference:
    """Hold bars of one source, each ticker and time once in either, against each other.

    Both have the columns of the store; those of ``wire`` decide whether a row is alike. ``fresh`` are rows of
    ``answer``, the others of ``stored``; order is kept. A missing value equals a missing value, NaN equals NaN.
    """
    fates = np.full(answer.num_rows, Fate.NEW, np.int8)
    if stored.num_rows == 0:
        return Difference(stored, answer, stored, fates)
    theirs, ours = _keys(stored, answer)
    at = pc.index_in(ours, value_set=theirs)
    known = pc.is_valid(at)
    before, after = stored.take(pc.drop_null(at)), answer.filter(known)
    alike = pa.chunked_array([pa.array([True] * after.num_rows, pa.bool_())])
    for name in wire:
        alike = pc.and_(alike, _alike(before[name], after[name]))
    alike = alike.to_numpy()
    fates[known.to_numpy(zero_copy_only=False)] = np.where(alike, Fate.SAME, Fate.CHANGED)
    kept = np.zeros(stored.num_rows, bool)
    kept[pc.drop_null(at).to_numpy()[alike]] = True
    return Difference(
        stored.filter(pa.array(kept)),
        answer.filter(pa.array(fates != Fate.SAME)),
        stored.filter(pa.array(~kept)),
        fates,
    )


def _keys(stored: pa.Table, answer: pa.Table) -> tuple[pa.Array, pa.Array]:
    """Return one number for each row of both, equal where ticker and time are."""
    times = [rows["timestamp"].to_numpy().astype("int64") for rows in (stored, answer)]
    tickers = pc.unique(pa.chunked_array([*stored["ticker"].chunks, *answer["ticker"].chunks], pa.string()))
    if len(tickers) == 1:
        return pa.array(times[0]), pa.array(times[1])
    _, places = np.unique(np.concatenate(times), return_inverse=True)
    cut = stored.num_rows
    keys = [
        (pc.index_in(rows["ticker"], value_set=tickers).to_numpy().astype("int64") << 32) | places[part]
        for rows, part in ((stored, slice(0, cut)), (answer, slice(cut, None)))
    ]
    return pa.array(keys[0]), pa.array(keys[1])


def difference_of_lists(stored: pa.Table, answer: pa.Table, wire: Sequence[str], key: tuple[str, ...]) -> Difference:
    """Hold lists of corporate actions against those stored: rows are alike in all of ``wire`` or not alike."""
    old = [tuple(row.values()) for row in stored.select(wire).to_pylist()]
    new = [tuple(row.values()) for row in answer.select(wire).to_pylist()]
    new_at = {row: at for at, row in reversed(list(enumerate(new)))}
    old_at = {row: at for at, row in reversed(list(enumerate(old)))}
    same = sorted(at for row, at in old_at.items() if row in new_at)
    fresh = sorted(at for row, at in new_at.items() if row not in old_at)
    gone = sorted(set(range(len(old))) - set(same))
    place = [list(wire).index(name) for name in key]
    gone_keys = {tuple(old[at][one] for one in place) for at in gone}
    fates = np.full(len(new), Fate.SAME, np.int8)
    for at in fresh:
        changed = tuple(new[at][one] for one in place) in gone_keys
        fates[at] = Fate.CHANGED if changed else Fate.NEW
    return Difference(stored.take(pa.array(same, pa.int64())), answer.take(pa.array(fresh, pa.int64())),
                      stored.take(pa.array(gone, pa.int64())), fates)  # fmt: skip


def _alike(one: pa.ChunkedArray, other: pa.ChunkedArray) -> pa.ChunkedArray:
    alike = pc.fill_null(pc.equal(one, other), False)
    alike = pc.or_(alike, pc.and_(pc.is_null(one), pc.is_null(other)))
    if pa.types.is_floating(one.type):
        alike = pc.or_(alike, pc.fill_null(pc.and_(pc.is_nan(one), pc.is_nan(other)), False))
    return alike


def known(rows: pa.Table, schema: pa.Schema, batches: pa.Array, known_from: pa.Array) -> pa.Table:
    """Return wire rows as the store keeps them: each with its batch and from when it is known."""
    return pa.Table.from_arrays(
        [*rows.columns, batches, known_from, pa.nulls(rows.num_rows, UTC_US)],
        schema=schema,
    )


def no_earlier(rows: pa.Table, floor: datetime) -> pa.Table:
    """Return rows of the store, known from ``floor`` on where they said an earlier instant."""
    at = rows.schema.get_field_index("known_from")
    least = pa.scalar(floor, UTC_US)
    risen = pc.if_else(pc.less(rows["known_from"], least), least, rows["known_from"])
    return rows.set_column(at, rows.schema.field(at), risen)


def ended(rows: pa.Table, known_until: datetime) -> pa.Table:
    """Return stored rows as superseded at ``known_until``."""
    at = rows.schema.get_field_index("known_until")
    return rows.set_column(at, rows.schema.field(at), pa.repeat(pa.scalar(known_until, UTC_US), rows.num_rows))
