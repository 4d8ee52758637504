"""Putting a source's answer in the place of what is held of the same slice. The caller holds the writer's lock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from redline.market.bar import BarSpec
from redline.store.asked import Series
from redline.store.layout import BARS, DataFile, Partition, by_month, period_of
from redline.store.log import Snapshot
from redline.store.reading import Wanted, in_order, read_file
from redline.store.slices import Difference, difference, difference_of_lists, ended, known
from redline.store.table import Table

_US = timedelta(microseconds=1)


@dataclass(slots=True)
class Swap:
    """Files to add and to remove in one commit, and the count of rows by what happened to them."""

    added: list[tuple[DataFile, str]] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)
    new: int = 0
    changed: int = 0
    same: int = 0

    @property
    def empty(self) -> bool:
        """Whether no file changes."""
        return not self.added and not self.removed


@dataclass(frozen=True, slots=True)
class _Piece:
    """One partition's share of a slice: what is stored there, the files to be rewritten, and their other rows."""

    partition: Partition
    files: tuple[DataFile, ...]
    beside: tuple[pa.Table, ...]
    change: Difference


class Slice:
    """One answer on its way into a table: all rows of a series from ``first`` to ``last`` (bars), or a whole list."""

    def __init__(self, table: Table, series: Series, first: date, last: date) -> None:
        self._table, self._series = table, series
        self._wanted = Wanted((series.ticker,), first, last, series.source)

    def swap(self, answer: pa.Table, batch: str, asked_at: datetime) -> Swap:
        """Write the files that ``answer`` needs and return them beside those they replace; nothing is visible yet."""
        snapshot = self._table.snapshot()
        pieces = [self._piece(snapshot, *one) for one in self._by_partition(snapshot, answer)]
        stamp = self._stamp(snapshot, pieces, asked_at)
        swap = Swap()
        for piece in pieces:
            change = piece.change
            swap.new += change.fresh.num_rows - change.changed
            swap.changed += change.changed
            swap.same += change.same.num_rows
            if not change.nothing:
                self._rewrite(swap, piece, batch, stamp)
        return swap

    def _by_partition(self, snapshot: Snapshot, answer: pa.Table) -> Iterator[tuple[Partition, pa.Table]]:
        if self._table.kind is not BARS:
            yield Partition(), answer.sort_by([(name, "ascending") for name in self._table.kind.sort])
            return
        spec = self._series.spec
        parts = dict(_by_period(answer, spec))
        series = (spec.timespan.value, spec.multiplier, False)
        first, last = period_of(spec, self._wanted.start), period_of(spec, self._wanted.end)
        for partition, files in snapshot.files.items():
            here = (partition.timespan, partition.multiplier, partition.superseded) == series
            if here and first <= partition.period <= last and any(self._wanted.meets(one) for one in files):
                parts.setdefault(partition.period, answer.slice(0, 0))
        for period in sorted(parts):
            yield Partition(spec.timespan.value, spec.multiplier, period), parts[period]

    def _piece(self, snapshot: Snapshot, partition: Partition, answer: pa.Table) -> _Piece:
        ticker = self._series.ticker
        files, beside, inside = [], [], []
        for one in snapshot.files.get(partition, ()):
            if not one.may_hold(ticker):
                continue
            rows = read_file(self._table.root, one, self._table.kind)
            mine = _inside(rows, self._wanted, self._table.kind.day)
            ours = rows.filter(mine)
            if ours.num_rows or one.tickers == (ticker, ticker):  # Small files of one ticker grow together.
                files.append(one)
                inside.append(ours)
                beside.append(rows.filter(pc.invert(mine)))
        stored = in_order(inside, self._table.kind)
        if self._table.kind is BARS:
            return _Piece(partition, tuple(files), tuple(beside), difference(stored, answer))
        change = difference_of_lists(stored, answer, ("ticker", self._table.kind.day))
        return _Piece(partition, tuple(files), tuple(beside), change)

    def _stamp(self, snapshot: Snapshot, pieces: list[_Piece], asked_at: datetime) -> datetime:
        """Return from when the news is known: when it was asked for, but after all that it replaces.

        A wall clock that was set back must not make a row end before it begins.
        """
        gone: list[datetime] = [
            pc.max(one.change.gone["known_from"]).as_py() for one in pieces if one.change.gone.num_rows
        ]
        ends: list[datetime | None] = []
        for piece in pieces:
            old = Partition(piece.partition.timespan, piece.partition.multiplier, piece.partition.period, True)
            for one in snapshot.files.get(old, ()):
                if self._wanted.meets(one):
                    rows = self._wanted.of(read_file(self._table.root, one, self._table.kind), self._table.kind.day)
                    ends.append(pc.max(rows["known_until"]).as_py())
        return max([asked_at, *(one + _US for one in gone), *(one for one in ends if one is not None)])

    def _rewrite(self, swap: Swap, piece: _Piece, batch: str, stamp: datetime) -> None:
        kind = self._table.kind
        fresh = known(piece.change.fresh, kind.rows, batch, stamp)
        rows = in_order([*piece.beside, piece.change.same, fresh], kind)
        added = [self._table.write(rows, piece.partition)] if rows.num_rows else []
        if piece.change.gone.num_rows:
            old = Partition(piece.partition.timespan, piece.partition.multiplier, piece.partition.period, True)
            added.append(self._table.write(ended(in_order([piece.change.gone], kind), stamp), old))
        swap.added += added
        swap.removed += piece.files


def _inside(rows: pa.Table, wanted: Wanted, day: str) -> pa.ChunkedArray:
    ticker = pc.equal(rows["ticker"], wanted.tickers[0] if wanted.tickers else "")
    its = pc.and_(ticker, pc.equal(rows["source"], wanted.source))
    low, high = pa.scalar(wanted.start, pa.date32()), pa.scalar(wanted.end, pa.date32())
    return pc.and_(its, pc.and_(pc.greater_equal(rows[day], low), pc.less_equal(rows[day], high)))


def _by_period(answer: pa.Table, spec: BarSpec) -> Iterator[tuple[str, pa.Table]]:
    """Cut bars (sorted by time) where their month or year changes."""
    if not answer.num_rows:
        return
    days = answer["date"].to_numpy().astype("datetime64[D]")
    periods = days.astype("datetime64[M]" if by_month(spec.timespan.value) else "datetime64[Y]")
    cuts = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist(), len(periods)]
    for start, stop in pairwise(cuts):
        yield period_of(spec, days[start].item()), answer.slice(start, stop - start)
