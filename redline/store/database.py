"""The ledger's file: an SQLite database, opened, raised to this version, changed in steps, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redline.errors import DiskFull, StoreBusy, StoreError, StoreUnwritable

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


class Database:
    """The file. Thread-safe, and safe among processes."""

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
