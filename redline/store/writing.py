"""Putting answers of a source in the place of what is held of the same slices. The caller holds the writer's lock."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from redline.market.bar import BarSpec
from redline.market.schema import UTC_US
from redline.store.asked import Series
from redline.store.layout import BARS, DataFile, Partition, TableKind, by_month, period_of
from redline.store.log import Snapshot
from redline.store.reading import in_order, read_file
from redline.store.slices import Difference, Fate, difference, difference_of_lists, ended, known, no_earlier
from redline.store.table import Table

_US = timedelta(microseconds=1)
_OWNER = "owner"  # a column that says which answer a row came with; it is not stored
_Days = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for one slice: all rows of a series from ``first`` to ``last`` (bars), or a ticker's whole list.

    An answer of the whole market is about ``tickers``; about all there are when it names none. ``rows`` has the
    wire's columns.
    """

    series: Series
    first: date
    last: date
    rows: pa.Table
    batch: str
    asked_at: datetime
    market: bool = False
    tickers: tuple[str, ...] = ()
    answer: str = ""


@dataclass(slots=True)
class Swap:
    """Files to add and to remove in one commit, and for each answer how many rows had which ``Fate``."""

    fates: list[list[int]]
    added: list[tuple[DataFile, str]] = field(default_factory=list)
    removed: list[DataFile] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether no file changes."""
        return not self.added and not self.removed


@dataclass(frozen=True, slots=True)
class _Piece:
    """One partition's share: the files to be rewritten, their other rows, and what changes."""

    partition: Partition
    files: tuple[DataFile, ...]
    beside: tuple[pa.Table, ...]
    answer: pa.Table
    change: Difference


class Round:
    """Answers that go into a table together: all from one source and of one bar width, and either of the whole market,
    for the same tickers on different days, or each of a ticker of its own.
    """

    def __init__(self, table: Table, answers: Sequence[Answer]) -> None:
        self._table, self._answers = table, answers
        self._kind: TableKind = table.kind
        self._first = answers[0]

    def swap(self) -> Swap:
        """Write the files that the answers need and return them beside those they replace; nothing is visible yet."""
        snapshot = self._table.snapshot()
        pieces = [self._piece(snapshot, *one) for one in self._by_partition(snapshot)]
        swap = Swap([[0, 0, 0] for _ in self._answers])
        floor = self._floor(snapshot, pieces)
        for piece in pieces:
            self._count(swap, piece)
            if not piece.change.nothing:
                self._rewrite(swap, piece, floor)
        return swap

    # -- which rows ---------------------------------------------------------------------------------------------------

    def _rows(self) -> pa.Table:
        """Return the rows of all answers, as the store keeps them and with their owner, in the table's order."""
        in_turn = sorted(range(len(self._answers)), key=lambda at: _first_ticker(self._answers[at].rows))
        answers = [self._answers[at] for at in in_turn]
        lengths = [one.rows.num_rows for one in answers]
        which = np.repeat(np.arange(len(answers)), lengths)
        rows = known(
            pa.concat_tables([one.rows for one in answers]),
            self._kind.rows,
            pa.array([one.batch for one in answers], pa.string()).take(pa.array(which)),
            pa.array([one.asked_at for one in answers], UTC_US).take(pa.array(which)),
        )
        owners = pa.array(np.array(in_turn, np.int32)[which])
        owned = rows.append_column(pa.field(_OWNER, pa.int32()), owners)
        return in_order([owned], self._kind) if owned.num_rows else owned

    def _by_partition(self, snapshot: Snapshot) -> Iterator[tuple[Partition, pa.Table]]:
        rows = self._rows()
        if self._kind is not BARS:
            yield Partition(), rows
            return
        spec = self._first.series.spec
        parts = dict(_by_period(rows, spec))
        series = (spec.timespan.value, spec.multiplier, False)
        for one, files in snapshot.files.items():
            here = (one.timespan, one.multiplier, one.superseded) == series
            if here and one.period not in parts and any(self._meets(file) for file in files):
                parts[one.period] = rows.slice(0, 0)
        for period in sorted(parts):
            yield Partition(spec.timespan.value, spec.multiplier, period), parts[period]

    def _meets(self, file: DataFile) -> bool:
        """Whether the file can hold rows of a slice, by its statistics."""
        return any(
            file.days[0] <= last and first <= file.days[1] and (tickers is None or _any_between(tickers, *file.tickers))
            for (first, last), tickers in self._asked_for.items()
        )

    @cached_property
    def _asked_for(self) -> dict[tuple[date, date], list[str] | None]:
        """The tickers asked for, sorted, by the span; ``None``: all there are. Thousands of answers have few spans."""
        found: dict[tuple[date, date], list[str] | None] = {}
        if self._first.market:
            about = sorted(self._first.tickers) or None
            return {(one.first, one.last): about for one in self._answers}
        for one in sorted(self._answers, key=lambda one: one.series.ticker):
            cast(list[str], found.setdefault((one.first, one.last), [])).append(one.series.ticker)
        return found

    @cached_property
    def _about(self) -> tuple[pa.Array, pa.Array, pa.Array]:
        """For answers of one series each: their tickers, first and last days."""
        tickers = pa.array([one.series.ticker for one in self._answers], pa.string())
        spans = [pa.array([getattr(one, name) for one in self._answers], pa.date32()) for name in ("first", "last")]
        return tickers, spans[0], spans[1]

    @property
    def _telling(self) -> tuple[str, str, str]:
        """The columns that say whether a row lies in a slice."""
        return "ticker", "source", self._kind.day

    def _inside(self, rows: pa.Table) -> _Days:
        """Return for each row whether it lies in the slice of an answer."""
        its = pc.equal(rows["source"], self._first.series.source)
        day = rows[self._kind.day]
        if not self._first.market:
            tickers, first, last = self._about
            at = pc.index_in(rows["ticker"], value_set=tickers)
            within = pc.and_(pc.greater_equal(day, first.take(at)), pc.less_equal(day, last.take(at)))
            return np.asarray(pc.and_(its, pc.fill_null(within, False)))
        if self._first.tickers:
            its = pc.and_(its, pc.is_in(rows["ticker"], value_set=pa.array(self._first.tickers, pa.string())))
        when = pa.chunked_array([pa.array(np.zeros(rows.num_rows, bool))])
        for one in self._answers:
            low, high = pa.scalar(one.first, pa.date32()), pa.scalar(one.last, pa.date32())
            when = pc.or_(when, pc.and_(pc.greater_equal(day, low), pc.less_equal(day, high)))
        return np.asarray(pc.and_(its, when))

    def _piece(self, snapshot: Snapshot, partition: Partition, answer: pa.Table) -> _Piece:
        alone = {(one.series.ticker,) * 2 for one in self._answers if not one.market}
        files, beside, inside = [], [], []
        for one in snapshot.files.get(partition, ()):
            grows = one.tickers in alone  # Small files of one ticker grow together.
            if not grows and not self._meets(one):
                continue
            if not grows and not self._inside(read_file(self._table.root, one, self._kind, self._telling)).any():
                continue  # Its bounds say that it could; few columns say that it does not.
            rows = read_file(self._table.root, one, self._kind)
            mine = self._inside(rows)
            if mine.any() or grows:
                files.append(one)
                inside.append(rows.filter(pa.array(mine)))
                beside.append(rows.filter(pa.array(~mine)))
        stored, wire = in_order(inside, self._kind), self._kind.wire.names
        if self._kind is BARS:
            change = difference(stored, answer, wire)
        else:
            change = difference_of_lists(stored, answer, wire, ("ticker", self._kind.day))
        return _Piece(partition, tuple(files), tuple(beside), answer, change)

    # -- what changes -------------------------------------------------------------------------------------------------

    def _floor(self, snapshot: Snapshot, pieces: Sequence[_Piece]) -> datetime | None:
        """Return from when on the news is known where it replaces something: when it was asked for, but after all that
        it replaces or that was replaced before. A clock that was set back must not make a row end before it begins.
        """
        before = [pc.max(one.change.gone["known_from"]).as_py() + _US for one in pieces if one.change.gone.num_rows]
        for piece in pieces:
            old = Partition(piece.partition.timespan, piece.partition.multiplier, piece.partition.period, True)
            for one in snapshot.files.get(old, ()):
                if self._meets(one):
                    rows = read_file(self._table.root, one, self._kind)
                    until = pc.max(rows.filter(pa.array(self._inside(rows)))["known_until"]).as_py()
                    before += [until] if until is not None else []
        return max([*before, *(one.asked_at for one in self._answers)]) if before else None

    def _count(self, swap: Swap, piece: _Piece) -> None:
        owners = piece.answer[_OWNER].to_numpy()
        for fate in Fate:
            counts = np.bincount(owners[piece.change.fates == fate], minlength=len(self._answers))
            for at in np.flatnonzero(counts):
                swap.fates[at][fate] += int(counts[at])

    def _rewrite(self, swap: Swap, piece: _Piece, floor: datetime | None) -> None:
        fresh = piece.change.fresh.select(self._kind.rows.names)
        if floor is not None:
            fresh = no_earlier(fresh, floor)
        others = [one for one in (*piece.beside, piece.change.same) if one.num_rows]
        rows = in_order([*others, fresh], self._kind) if others else fresh  # The answer's rows are in order.
        added = [self._table.write(rows, piece.partition)] if rows.num_rows else []
        if piece.change.gone.num_rows and floor is not None:
            old = Partition(piece.partition.timespan, piece.partition.multiplier, piece.partition.period, True)
            added.append(self._table.write(ended(in_order([piece.change.gone], self._kind), floor), old))
        swap.added += added
        swap.removed += piece.files


def _any_between(tickers: Sequence[str], low: str, high: str) -> bool:
    """Whether one of ``tickers`` (sorted) lies between two others, both inclusive."""
    at = bisect_left(tickers, low)
    return at < len(tickers) and tickers[at] <= high


def _first_ticker(rows: pa.Table) -> str:
    return str(rows["ticker"][0].as_py()) if rows.num_rows else ""


def _by_period(rows: pa.Table, spec: BarSpec) -> Iterator[tuple[str, pa.Table]]:
    """Cut bars by their month or year."""
    days = rows["date"].to_numpy().astype("datetime64[D]")
    periods = days.astype("datetime64[M]" if by_month(spec.timespan.value) else "datetime64[Y]")
    found = np.unique(periods)
    for period in found:
        mine = rows if len(found) == 1 else rows.filter(pa.array(periods == period))
        yield period_of(spec, period.astype("datetime64[D]").item()), mine
