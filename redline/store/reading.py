"""Reading rows back: the files that can hold them, then the rows themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from redline.errors import CorruptPartition
from redline.market.schema import UTC_US
from redline.store.contents import ranked
from redline.store.layout import DataFile, Partition, TableKind
from redline.store.log import Snapshot

SNAPSHOTS_TRIED = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows: of these tickers (``None``: of all), of these days (inclusive), of one source or of all."""

    tickers: tuple[str, ...] | None
    start: date = date.min
    end: date = date.max
    source: str | None = None

    def meets(self, file: DataFile) -> bool:
        """Whether the file can hold such rows, by its statistics."""
        if file.days[1] < self.start or file.days[0] > self.end:
            return False
        return self.tickers is None or any(file.may_hold(ticker) for ticker in self.tickers)

    def of(self, rows: pa.Table, day: str) -> pa.Table:
        """Return those of ``rows`` that are wanted; ``day`` is the column of the day."""
        wanted = None
        if self.tickers is not None:
            wanted = pc.is_in(rows["ticker"], value_set=pa.array(self.tickers, pa.string()))
        if self.start > date.min or self.end < date.max:
            low, high = pa.scalar(self.start, pa.date32()), pa.scalar(self.end, pa.date32())
            inside = pc.and_(pc.greater_equal(rows[day], low), pc.less_equal(rows[day], high))
            wanted = inside if wanted is None else pc.and_(wanted, inside)
        if self.source is not None:
            its = pc.equal(rows["source"], self.source)
            wanted = its if wanted is None else pc.and_(wanted, its)
        return rows if wanted is None else rows.filter(wanted)


def read_file(root: Path, file: DataFile, kind: TableKind, columns: Sequence[str] | None = None) -> pa.Table:
    """Return all rows of a file, with all columns or some.

    Raises:
        FileNotFoundError: it is gone; a newer snapshot no longer names it, or somebody deleted it.
        CorruptPartition: it is not what was written.
    """
    try:
        # As a single stream: the folders' names must not become columns.
        with pq.ParquetFile(root / file.path, memory_map=True, page_checksum_verification=True) as opened:
            names = list(columns or kind.rows.names)
            schema = kind.rows if columns is None else pa.schema([kind.rows.field(one) for one in names])
            return opened.read(names).select(names).cast(schema)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        raise damaged(file, kind) from error


def damaged(file: DataFile, kind: TableKind, what: str = "is not what was written") -> CorruptPartition:
    """Return the error of a file that is gone or not what was written: which, and what it held."""
    held = f"{file.tickers[0]} to {file.tickers[1]}" if file.tickers[0] != file.tickers[1] else file.tickers[0]
    return CorruptPartition(
        f"A file of {kind.dataset.value} {what}: {file.path}, with {held}, {file.days[0]} to {file.days[1]}.",
        "Repair the store, which takes such files out, then download that range again.",
        file=file.path,
        ticker=held,
        start=file.days[0].isoformat(),
        end=file.days[1].isoformat(),
    )


def read_rows(
    root: Path, kind: TableKind, wanted: Wanted, snapshot: Callable[[], Snapshot], choose: Callable[[Partition], bool]
) -> list[pa.Table]:
    """Return the wanted rows of the chosen partitions, one table each, sorted by path; all of one snapshot.

    A file that a newer commit replaced and cleaned up meanwhile makes us look again.
    """
    for _ in range(SNAPSHOTS_TRIED):
        files = [one for one in snapshot().chosen(choose) if wanted.meets(one)]
        try:
            return [wanted.of(read_file(root, one, kind), kind.day) for one in files]
        except FileNotFoundError:
            continue
    gone = next((one for one in files if not (root / one.path).exists()), files[0])
    raise damaged(gone, kind, "is missing")


def known_at(rows: pa.Table, as_of: datetime | None) -> pa.Table:
    """Return the rows that were the truth at ``as_of`` (aware); of today, when ``None``."""
    if as_of is None:
        return rows.filter(pc.is_null(rows["known_until"]))
    instant = pa.scalar(as_of, UTC_US)
    until = pc.fill_null(pc.greater(rows["known_until"], instant), True)
    return rows.filter(pc.and_(pc.less_equal(rows["known_from"], instant), until))


def in_order(tables: Iterable[pa.Table], kind: TableKind) -> pa.Table:
    """Return the rows of tables as one in the table's order; what is in order is not sorted again."""
    some = [one for one in tables if one.num_rows]
    if not some:
        return kind.rows.empty_table()
    whole = pa.concat_tables(some)
    columns = [_ranks(whole[name]) for name in kind.sort]
    if _in_turn(columns):
        return whole
    return whole.take(pa.array(np.lexsort(columns[::-1])))


def _ranks(column: pa.ChunkedArray) -> Any:
    """Return numbers that sort as a column does: texts by their rank, for there are few of them among many rows."""
    if not pa.types.is_string(column.type):
        return column.to_numpy().astype("int64") if pa.types.is_timestamp(column.type) else column.to_numpy()
    texts, places = ranked(column)
    ranks = np.empty(len(texts), np.int64)
    ranks[np.asarray(pc.sort_indices(texts))] = np.arange(len(texts))
    return ranks[places]


def _in_turn(columns: list[Any]) -> bool:
    """Whether rows are in order already, by the ranks of their columns, the first one first."""
    decided = np.zeros(len(columns[0]) - 1, bool)
    for column in columns:
        before, after = column[:-1], column[1:]
        if bool(((before > after) & ~decided).any()):
            return False
        decided |= before < after
    return True
