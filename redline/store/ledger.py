"""The ledger of sessions: an SQLite file of what was asked, when, and what came back.

It follows the tables: an answer is marked here after the table's commit, with the version that holds it, so that a
start after a crash marks what is missing from the table's log.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

from redline.errors import DiskFull, StoreBusy, StoreError, StoreUnwritable
from redline.market.bar import BarSpec, Timespan
from redline.market.part import WHOLE_MARKET, SetAside
from redline.market.request import Dataset
from redline.store.asked import CHANGED, LOST, Asked, Series
from redline.store.contents import Counts
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
TICKERS_AT_ONCE = 200  # The marks of so many are read in one go.
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL,
    timespan TEXT NOT NULL, multiplier INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    asked_at INTEGER NOT NULL, answer TEXT NOT NULL, batch TEXT NOT NULL, state TEXT, counts BLOB,
    rows_new INTEGER NOT NULL, rows_changed INTEGER NOT NULL, rows_same INTEGER NOT NULL, set_aside INTEGER NOT NULL,
    market INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS asked_series ON asked (dataset, ticker, timespan, multiplier, source, last);
CREATE TABLE IF NOT EXISTS held (
    source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL, timespan TEXT NOT NULL,
    multiplier INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, sessions INTEGER NOT NULL,
    rows INTEGER NOT NULL, PRIMARY KEY (dataset, ticker, timespan, multiplier, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS since (
    source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL, timespan TEXT NOT NULL,
    multiplier INTEGER NOT NULL, asked_at INTEGER NOT NULL,
    PRIMARY KEY (dataset, ticker, timespan, multiplier, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS windows (
    source TEXT NOT NULL, dataset TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    first_asked INTEGER NOT NULL, last_asked INTEGER NOT NULL, PRIMARY KEY (source, dataset, first)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applied (dataset TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_aside (
    source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL, timespan TEXT NOT NULL,
    multiplier INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, batch TEXT NOT NULL,
    reason TEXT NOT NULL, row TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS set_aside_series ON set_aside (dataset, ticker, source);
PRAGMA user_version = 2;
"""
_FROM_1 = "ALTER TABLE asked ADD COLUMN market INTEGER NOT NULL DEFAULT 0"


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


class Ledger:
    """The ledger's file. Thread-safe, and safe among processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        with self._explained():
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(self._path, timeout=30.0, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            if db.execute("PRAGMA user_version").fetchone() == (1,):
                _raised(db)
            db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            db.close()
            if getattr(error, "sqlite_errorname", "") not in _DAMAGED:
                raise
            # Nothing is lost: what was stored is marked again from the tables' logs, the rest is asked for again.
            os.replace(self._path, self._path.with_suffix(".damaged"))
            for beside in ("-wal", "-shm"):
                Path(f"{self._path}{beside}").unlink(missing_ok=True)
            return self._open()
        return db

    def close(self) -> None:
        """Close the file; the ledger cannot be used afterwards."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreUnwritable(
                f"The store's ledger cannot be opened: {os.strerror(error.errno or 0)}.",
                "Give the data folder to the user that runs REDLINE.",
            ) from error
        except sqlite3.Error as error:
            raise _meaning(error) from error

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._explained():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:  # A commit that failed, on a full disk say, leaves it open.
                    self._db.execute("ROLLBACK")
                raise

    def _rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self._lock, self._explained():
            return self._db.execute(query, values).fetchall()

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
            mark_all(db, answers)

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


def _raised(db: sqlite3.Connection) -> None:
    """Bring a file of version 1 to this one."""
    db.execute("BEGIN IMMEDIATE")
    if db.execute("PRAGMA user_version").fetchone() == (1,):  # Nobody else did meanwhile.
        db.execute(_FROM_1)
        db.execute("PRAGMA user_version = 2")
    db.execute("COMMIT")


def _meaning(error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return DiskFull("No space left for the store's ledger.", "Make room on the disk of the data folder.")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy("Another process is writing to the store's ledger.", "Ask again when it has finished.")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreUnwritable("The store's ledger cannot be written.", "Give the data folder to REDLINE's user.")
    return StoreError("The store's ledger could not be read or written.", "Look at the disk of the data folder.")
