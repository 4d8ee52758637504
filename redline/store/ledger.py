"""The ledger of sessions: an SQLite file of what was asked, when, and what came back.

It follows the tables: an answer is marked here after the table's commit, with the version that holds it, so that a
start after a crash marks what is missing from the table's log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter

from redline.market.bar import BarSpec, Timespan
from redline.market.part import WHOLE_MARKET, SetAside
from redline.market.request import Dataset
from redline.store.asked import CHANGED, LOST, Asked, Series
from redline.store.contents import Counts
from redline.store.database import Database
from redline.store.layout import Partition, partitions_of
from redline.store.marks import (
    COLUMNS,
    KEY,
    LIKE,
    Mark,
    Window,
    asked_of,
    held_of,
    instant,
    key_of,
    mark_all,
    spans_of,
    us,
    windows,
)

SET_ASIDE_KEPT = 1_000
MARKS_AT_ONCE = 1_000  # Of one transaction: its statements' values are in memory for so many answers.
TICKERS_AT_ONCE = 200  # The marks of so many are read in one go.


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of a series: its first and last date, in how many dates, in how many rows."""

    source: str
    dataset: Dataset
    ticker: str
    spec: BarSpec
    first: date
    last: date
    sessions: int
    rows: int


class Ledger(Database):
    """The ledger's file. Thread-safe, and safe among processes."""

    # -- marks --------------------------------------------------------------------------------------------------------

    def applied(self, dataset: Dataset) -> int:
        """Return the newest version of the table whose record is marked here; -1 before the first."""
        found = self._rows("SELECT version FROM applied WHERE dataset = ?", (dataset.value,))
        return int(found[0][0]) if found else -1

    def mark(self, answers: Sequence[Asked], dataset: Dataset, version: int | None = None) -> None:
        """Write down answers and notes, and the table's ``version`` that holds them (``None``: no file changed)."""
        with self._changing() as db:
            if version is not None:
                db.execute("INSERT OR REPLACE INTO applied VALUES (?, ?)", (dataset.value, version))
            for at in range(0, len(answers), MARKS_AT_ONCE):
                mark_all(db, answers[at : at + MARKS_AT_ONCE])

    def keep_set_aside(self, series: Series, span: tuple[date, date], batch: str, rows: Sequence[SetAside]) -> None:
        """Keep the rows of a page that could not be used, in place of those of the same page of the same batch."""
        first, last = span[0].toordinal(), span[1].toordinal()
        with self._changing() as db:
            db.execute(
                f"DELETE FROM set_aside WHERE {KEY} AND first = ? AND last = ? AND batch = ?",  # noqa: S608
                (*key_of(series), first, last, batch),
            )
            db.executemany(
                "INSERT INTO set_aside (source, dataset, timespan, multiplier, ticker, first, last, batch, reason, row)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*key_of(series), first, last, batch, one.reason, one.row) for one in rows[:SET_ASIDE_KEPT]],
            )

    # -- questions ----------------------------------------------------------------------------------------------------

    def spans(self, series: Series, start: date = date.min, end: date = date.max) -> list[Asked]:
        """Return what was asked of a series that touches ``start`` to ``end``, in the order of the commits."""
        with self._lock, self._explained():
            return spans_of(self._db, series, start, end)

    def marks(
        self, series: Series, tickers: Iterable[str], start: date, end: date
    ) -> Iterator[tuple[str, tuple[Mark, ...]]]:
        """Yield, ticker by ticker, the marks of series that are like ``series`` but for the ticker, if they touch
        ``start`` to ``end``. Marks that are equal give equal spans. Reads some tickers at a time: those of a market
        over a year are a million rows.
        """
        width = (*key_of(series, ticker=False), start.toordinal(), end.toordinal())
        in_turn = sorted(set(tickers))
        for at in range(0, len(in_turn), TICKERS_AT_ONCE):
            some = in_turn[at : at + TICKERS_AT_ONCE]
            rows = self._rows(
                f"SELECT ticker, {COLUMNS} FROM asked WHERE {LIKE} AND last >= ? AND first <= ?"  # noqa: S608
                f" AND ticker IN ({', '.join('?' * len(some))}) ORDER BY ticker, seq",
                (*width, *some),
            )
            for ticker, group in groupby(rows, key=itemgetter(0)):
                yield ticker, tuple(row[1:] for row in group)

    def first_and_last_asked(self, series: Series) -> tuple[datetime, datetime] | None:
        """Return when an answer about the series was first and last asked for."""
        first = self._rows(f"SELECT MIN(asked_at) FROM since WHERE {KEY}", key_of(series))  # noqa: S608
        last = self._rows(f"SELECT MAX(asked_at) FROM asked WHERE {KEY} AND state IS NULL", key_of(series))  # noqa: S608
        return (instant(first[0][0]), instant(last[0][0])) if first[0][0] is not None else None

    def counts(self, spec: BarSpec, start: date, end: date) -> Counts:
        """Return how many bars of each series are held on the dates from ``start`` to ``end``. Equal counts may be one
        and the same: do not change them.
        """
        low, high = start.toordinal(), end.toordinal()
        rows = self._rows(
            "SELECT source, ticker, first, last, counts FROM asked"
            " WHERE dataset = ? AND timespan = ? AND multiplier = ? AND state IS NULL AND last >= ? AND first <= ?"
            " ORDER BY source, ticker, seq",
            (Dataset.BARS.value, spec.timespan.value, spec.multiplier, low, high),
        )
        found: Counts = {}
        known: dict[tuple[Mark, ...], dict[int, int]] = {}
        for series, group in groupby(rows, key=itemgetter(0, 1)):
            marks = tuple(row[2:] for row in group)
            if marks not in known:
                known[marks] = held_of(marks, low, high)
            if known[marks]:
                found[series] = known[marks]
        return found

    def partitions(self) -> list[Partition]:
        """Return the partitions of live bars in which something is held."""
        return [
            one
            for timespan, multiplier, first, last in self._rows(
                "SELECT timespan, multiplier, MIN(first), MAX(last) FROM held WHERE dataset = ? GROUP BY 1, 2",
                (Dataset.BARS.value,),
            )
            for one in partitions_of(
                BarSpec(Timespan(timespan), multiplier), date.fromordinal(first), date.fromordinal(last)
            )
        ]

    def lists(self, dataset: Dataset) -> list[tuple[str, str]]:
        """Return the source and ticker of each list of splits or dividends that was ever asked for, sorted."""
        return self._rows(
            "SELECT DISTINCT source, ticker FROM asked WHERE dataset = ? AND ticker <> ? ORDER BY source, ticker",
            (dataset.value, WHOLE_MARKET),
        )

    def sources_of_windows(self, dataset: Dataset) -> list[str]:
        """Return the sources whose whole market's list of splits is known for some dates, sorted."""
        rows = self._rows("SELECT DISTINCT source FROM windows WHERE dataset = ? ORDER BY source", (dataset.value,))
        return [source for (source,) in rows]

    def changed(self, dataset: Dataset) -> list[Asked]:
        """Return the marks of rows that another program changed and that were not asked for again yet, by ticker."""
        return [
            asked_of(Series(source, dataset, ticker, BarSpec(Timespan(timespan or "day"), multiplier or 1)), tuple(row))
            for source, ticker, timespan, multiplier, *row in self._rows(
                f"SELECT source, ticker, timespan, multiplier, {COLUMNS} FROM asked"  # noqa: S608
                " WHERE dataset = ? AND asked_at = ? AND batch = ?"
                " ORDER BY ticker, timespan, multiplier, source, first",
                (dataset.value, us(LOST), CHANGED),
            )
        ]

    def windows(self, source: str, dataset: Dataset) -> list[Window]:
        """Return the spans of execution dates for which the whole market's list is known, sorted."""
        return windows(self._rows("SELECT * FROM windows WHERE source = ? AND dataset = ?", (source, dataset.value)))

    def lists_asked(self, source: str, dataset: Dataset) -> dict[str, datetime]:
        """Return when the list of each ticker was last asked for, of those that were asked for one by one."""
        rows = self._rows(
            "SELECT ticker, MAX(asked_at) FROM asked"
            " WHERE source = ? AND dataset = ? AND state IS NULL AND asked_at > ? GROUP BY ticker",
            (source, dataset.value, us(LOST)),
        )
        return {ticker: instant(at) for ticker, at in rows}

    def known(self) -> list[tuple[Series, date, date]]:
        """Return every series of one ticker that was ever asked for, with the first and last date asked, sorted."""
        return [
            (Series(source, Dataset(dataset), ticker, BarSpec(Timespan(timespan or "day"), multiplier or 1)),
             date.fromordinal(first), date.fromordinal(last))
            for source, dataset, ticker, timespan, multiplier, first, last in self._rows(
                "SELECT source, dataset, ticker, timespan, multiplier, MIN(first), MAX(last) FROM asked"
                " WHERE ticker <> ? GROUP BY dataset, ticker, timespan, multiplier, source"
                " ORDER BY dataset, ticker, timespan, multiplier, source",
                (WHOLE_MARKET,),
            )
        ]  # fmt: skip

    def held(self) -> list[Held]:
        """Return what is held, sorted by dataset, ticker, width and source."""
        return [
            Held(source, Dataset(dataset), ticker, BarSpec(Timespan(timespan or "day"), multiplier or 1),
                 date.fromordinal(first), date.fromordinal(last), sessions, rows)
            for source, dataset, ticker, timespan, multiplier, first, last, sessions, rows in self._rows(
                "SELECT * FROM held ORDER BY dataset, ticker, timespan, multiplier, source"
            )
        ]  # fmt: skip

    def set_aside(self, source: str, ticker: str, dataset: Dataset) -> list[SetAside]:
        """Return the rows that were set aside, oldest first."""
        rows = self._rows(
            "SELECT reason, row FROM set_aside WHERE source = ? AND ticker = ? AND dataset = ? ORDER BY rowid",
            (source, ticker, dataset.value),
        )
        return [SetAside(*row) for row in rows]

    def generation(self) -> int:
        """Return a number that grows with each mark."""
        found = self._rows("SELECT seq FROM sqlite_sequence WHERE name = 'asked'")
        return int(found[0][0]) if found else 0
