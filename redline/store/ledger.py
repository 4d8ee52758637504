"""The ledger of sessions: an SQLite file of what was asked, when, and what came back.

It follows the tables: an answer is marked here after the table's commit, with the version that holds it, so that a
start after a crash marks what is missing from the table's log.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from redline.errors import DiskFull, StoreBusy, StoreError, StoreUnwritable
from redline.market.bar import BarSpec, Timespan
from redline.market.part import SetAside
from redline.market.request import Dataset
from redline.market.session import SessionState
from redline.store.asked import LOST, Asked, Series, packed, rows_by_day, unpacked

SET_ASIDE_KEPT = 1_000
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_KEY = "source = ? AND dataset = ? AND ticker = ? AND timespan = ? AND multiplier = ?"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS asked (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL,
    timespan TEXT NOT NULL, multiplier INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    asked_at INTEGER NOT NULL, answer TEXT NOT NULL, batch TEXT NOT NULL, state TEXT, counts BLOB,
    rows_new INTEGER NOT NULL, rows_changed INTEGER NOT NULL, rows_same INTEGER NOT NULL, set_aside INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS asked_series ON asked (dataset, ticker, timespan, multiplier, source, last);
CREATE TABLE IF NOT EXISTS held (
    source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL, timespan TEXT NOT NULL,
    multiplier INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, sessions INTEGER NOT NULL,
    rows INTEGER NOT NULL, PRIMARY KEY (dataset, ticker, timespan, multiplier, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS since (
    source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL, timespan TEXT NOT NULL,
    multiplier INTEGER NOT NULL, asked_at INTEGER NOT NULL,
    PRIMARY KEY (dataset, ticker, timespan, multiplier, source)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applied (dataset TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS set_aside (
    source TEXT NOT NULL, dataset TEXT NOT NULL, ticker TEXT NOT NULL, timespan TEXT NOT NULL,
    multiplier INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, batch TEXT NOT NULL,
    reason TEXT NOT NULL, row TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS set_aside_series ON set_aside (dataset, ticker, source);
PRAGMA user_version = 1;
"""


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
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

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
            for one in answers:
                days, state = (one.first.toordinal(), one.last.toordinal()), one.state.value if one.state else None
                db.execute(  # What the new one covers wholly is no longer needed; an answer outdoes notes too.
                    f"DELETE FROM asked WHERE {_KEY} AND first >= ? AND last <= ? AND (? IS NULL OR state = ?)",  # noqa: S608
                    (*_key(one.series), *days, state, state),
                )
                db.execute(f"INSERT INTO asked VALUES (NULL, {', '.join('?' * 16)})", _values(one))  # noqa: S608
                if one.state is None:
                    self._sum_up(db, one.series)
                    self._remember(db, one)

    def _remember(self, db: sqlite3.Connection, one: Asked) -> None:
        """Keep since when the series is known; of one that was lost, forget it."""
        if one.asked_at == LOST:
            db.execute(f"DELETE FROM since WHERE {_KEY}", _key(one.series))  # noqa: S608
            return
        values = (*_key(one.series), (one.asked_at - _EPOCH) // _US)
        db.execute(
            "INSERT INTO since VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET asked_at = MIN(asked_at, excluded.asked_at)",
            values,
        )

    def _sum_up(self, db: sqlite3.Connection, series: Series) -> None:
        counts = {day: rows for day, rows in rows_by_day(self.spans(series)).items() if rows}
        db.execute(f"DELETE FROM held WHERE {_KEY}", _key(series))  # noqa: S608
        if counts:
            sums = (min(counts), max(counts), len(counts), sum(counts.values()))
            db.execute("INSERT INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*_key(series), *sums))

    def keep_set_aside(self, series: Series, span: tuple[date, date], batch: str, rows: Sequence[SetAside]) -> None:
        """Keep the rows of a page that could not be used, in place of those of the same page of the same batch."""
        first, last = span[0].toordinal(), span[1].toordinal()
        with self._changing() as db:
            db.execute(
                f"DELETE FROM set_aside WHERE {_KEY} AND first = ? AND last = ? AND batch = ?",  # noqa: S608
                (*_key(series), first, last, batch),
            )
            db.executemany(
                "INSERT INTO set_aside VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*_key(series), first, last, batch, one.reason, one.row) for one in rows[:SET_ASIDE_KEPT]],
            )

    # -- questions ----------------------------------------------------------------------------------------------------

    def spans(self, series: Series, start: date = date.min, end: date = date.max) -> list[Asked]:
        """Return what was asked of a series that touches ``start`` to ``end``, in the order of the commits."""
        rows = self._rows(
            f"SELECT first, last, asked_at, answer, batch, state, counts, rows_new, rows_changed, rows_same, set_aside"  # noqa: S608
            f" FROM asked WHERE {_KEY} AND last >= ? AND first <= ? ORDER BY seq",
            (*_key(series), start.toordinal(), end.toordinal()),
        )
        return [_asked(series, row) for row in rows]

    def first_and_last_asked(self, series: Series) -> tuple[datetime, datetime] | None:
        """Return when an answer about the series was first and last asked for."""
        first = self._rows(f"SELECT asked_at FROM since WHERE {_KEY}", _key(series))  # noqa: S608
        last = self._rows(f"SELECT MAX(asked_at) FROM asked WHERE {_KEY} AND state IS NULL", _key(series))  # noqa: S608
        return (_EPOCH + first[0][0] * _US, _EPOCH + last[0][0] * _US) if first else None

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


def _key(series: Series) -> tuple[str, str, str, str, int]:
    bars = series.dataset is Dataset.BARS
    width = (series.spec.timespan.value, series.spec.multiplier) if bars else ("", 0)
    return (series.source, series.dataset.value, series.ticker, *width)


def _values(one: Asked) -> tuple[Any, ...]:
    return (
        *_key(one.series),
        one.first.toordinal(),
        one.last.toordinal(),
        (one.asked_at - _EPOCH) // _US,
        one.answer,
        one.batch,
        one.state.value if one.state else None,
        packed(one.counts) if one.counts else None,
        one.rows_new,
        one.rows_changed,
        one.rows_same,
        one.set_aside,
    )


def _asked(series: Series, row: tuple[Any, ...]) -> Asked:
    first, last, asked_at, answer, batch, state, counts, new, changed, same, set_aside = row
    return Asked(
        series,
        date.fromordinal(first),
        date.fromordinal(last),
        _EPOCH + asked_at * _US,
        answer,
        batch,
        SessionState(state) if state else None,
        unpacked(counts) if counts else {},
        new,
        changed,
        same,
        set_aside,
    )


def _meaning(error: sqlite3.Error) -> StoreError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith("SQLITE_FULL"):
        return DiskFull("No space left for the store's ledger.", "Make room on the disk of the data folder.")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreBusy("Another process is writing to the store's ledger.", "Ask again when it has finished.")
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
        return StoreUnwritable("The store's ledger cannot be written.", "Give the data folder to REDLINE's user.")
    return StoreError("The store's ledger could not be read or written.", "Look at the disk of the data folder.")
