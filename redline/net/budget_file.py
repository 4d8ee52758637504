"""The file that all processes share: opened privately, one transaction at a time, replaced when it is damaged."""

from __future__ import annotations

import os
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from redline.clock import Clock
from redline.errors import DiskFull, StoreBusy, StoreError, StoreUnwritable

if sys.platform != "win32":
    import fcntl

T = TypeVar("T")
Work = Callable[[sqlite3.Connection, float], T]

BUSY_S = 30.0
"""How long a transaction may wait for another process; each takes well under a millisecond."""

_SCHEMA = """
CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), boot TEXT NOT NULL, busy_from REAL) STRICT;
CREATE TABLE keys (id TEXT PRIMARY KEY, source TEXT NOT NULL, "limit" REAL NOT NULL, paused_until REAL NOT NULL,
                   pause_reason TEXT NOT NULL, seen TEXT NOT NULL) STRICT;
CREATE TABLE slots (id INTEGER PRIMARY KEY, key TEXT NOT NULL, ended_at REAL NOT NULL, owner TEXT, token TEXT,
                    started INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE INDEX slots_of_key ON slots (key, ended_at);
CREATE TABLE queue (ticket INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL, owner TEXT NOT NULL,
                    token TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE turns (key TEXT NOT NULL, owner TEXT NOT NULL, turn INTEGER NOT NULL, PRIMARY KEY (key, owner)) STRICT;
CREATE TABLE usage (key TEXT NOT NULL, day TEXT NOT NULL, endpoint TEXT NOT NULL, n INTEGER NOT NULL,
                    PRIMARY KEY (key, day, endpoint)) STRICT;
CREATE TABLE recent (key TEXT NOT NULL, bucket INTEGER NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (key, bucket)) STRICT;
"""

_INHERITED: list[sqlite3.Connection] = []
"""Connections that a fork copied. SQLite forbids to use or close them in the child, so they are kept, unused."""


class BudgetFile:
    """A SQLite file of mode 0600 in a folder of mode 0700. Thread-safe, process-safe, fork-safe.

    A damaged file is moved aside (``NAME.damaged``) and a new one begins with every slot busy for one window: what the
    vendor has just seen is unknown then, and one window later it does not matter any more. The same holds for a file
    that was deleted while in use.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._pid, self._lock = os.getpid(), threading.Lock()
        self._db: sqlite3.Connection | None = None
        self._inode = 0

    def run(self, work: Work[T]) -> T:
        """Run ``work(connection, now)`` in one exclusive transaction and return what it returns.

        ``now`` is the clock's ``since_boot``, read once the transaction has begun. After damage ``work`` runs again,
        on the new file.

        Raises:
            StoreError: the file cannot be read or written (DiskFull, StoreBusy, StoreUnwritable).
        """
        if self._pid != os.getpid():
            self._forget_parent()
        with self._lock:
            try:
                return self._once(work)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise _as_store_error(error) from error
                self._set_aside()
            try:
                return self._once(work)
            except sqlite3.DatabaseError as error:
                raise _as_store_error(error) from error

    def close(self) -> None:
        """Close the connection; the next ``run`` opens it again."""
        if self._pid == os.getpid():
            with self._lock:
                self._disconnect()

    def _once(self, work: Work[T]) -> T:
        db = self._connected()
        db.execute("BEGIN IMMEDIATE")
        try:
            now = self._clock.since_boot()
            self._notice_new_boot(db, now)
            result = work(db, now)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return result

    def _notice_new_boot(self, db: sqlite3.Connection, now: float) -> None:
        (boot,) = db.execute("SELECT boot FROM meta").fetchone() or (None,)
        if boot is None:
            raise sqlite3.DatabaseError("the row that names the boot is missing")
        if boot != self._clock.boot_id():
            db.execute("UPDATE meta SET boot = ?, busy_from = NULL", (self._clock.boot_id(),))
            db.execute("UPDATE slots SET ended_at = ?, owner = NULL, token = NULL, started = 0", (now,))
            db.execute("UPDATE keys SET paused_until = 0")
            for table in ("queue", "turns", "recent"):
                db.execute(f"DELETE FROM {table}")  # noqa: S608 - three fixed names

    def _connected(self) -> sqlite3.Connection:
        if self._db is not None:
            try:
                if os.stat(self._path).st_ino == self._inode:
                    return self._db
            except FileNotFoundError:
                pass
            self._disconnect()  # another process moved the file aside, or somebody deleted it
        with _exclusive(self._path):
            self._db = self._open(lost=self._inode != 0)
            self._inode = os.stat(self._path).st_ino
        return self._db

    def _open(self, *, lost: bool) -> sqlite3.Connection:
        existed = self._path.exists()
        if not existed:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        os.chmod(self._path, 0o600)
        db = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone() is None:
                busy_from = self._clock.since_boot() if existed or lost else None
                db.executescript("BEGIN IMMEDIATE;" + _SCHEMA)
                db.execute("INSERT INTO meta VALUES (1, ?, ?)", (self._clock.boot_id(), busy_from))
                db.execute("COMMIT")
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self) -> None:
        seen = self._inode
        self._disconnect()
        with _exclusive(self._path):
            if self._path.exists() and seen in (0, os.stat(self._path).st_ino):
                for suffix in ("-wal", "-shm"):
                    Path(f"{self._path}{suffix}").unlink(missing_ok=True)
                os.replace(self._path, f"{self._path}.damaged")
        self._inode = -1  # not 0: whatever begins now begins after a loss

    def _disconnect(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _forget_parent(self) -> None:
        if self._db is not None:
            _INHERITED.append(self._db)
        self._db, self._inode = None, 0
        self._pid, self._lock = os.getpid(), threading.Lock()


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time open, make or replace the file; the folder is made when it is missing."""
    try:
        for folder in [*reversed(path.parent.parents), path.parent]:
            if not folder.exists():
                folder.mkdir(mode=0o700, exist_ok=True)
                os.chmod(folder, 0o700)
        fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable() from error
    try:
        if sys.platform != "win32":
            fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


_FULL, _BUSY, _LOCKED, _IOERR = sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR
_SHUT = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}


def _code(error: sqlite3.Error) -> int:
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF  # extended codes keep the plain one in the low byte


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return _code(error) not in {_FULL, _BUSY, _LOCKED, _IOERR, *_SHUT}


def _as_store_error(error: sqlite3.DatabaseError) -> StoreError:
    code = _code(error)
    if code == _FULL:
        return DiskFull("No space is left for the request budget.", "Free some space; nothing was sent meanwhile.")
    if code in (_BUSY, _LOCKED):
        return StoreBusy("Another process holds the request budget.", "Ask again; if it stays, end that process.")
    if code in _SHUT:
        return _unwritable()
    return StoreError("The request budget could not be read or written.", "Check the disk of the state folder.")


def _unwritable() -> StoreUnwritable:
    return StoreUnwritable(
        "The request budget cannot be written.", "Make the state folder (REDLINE_STATE_DIR) writable."
    )
