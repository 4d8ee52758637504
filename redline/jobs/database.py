"""The file of the job ledger: how it is opened, locked and kept private, and what its errors mean."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from redline.errors import ConfigError, DiskFull, RedlineError, StoreBusy, StoreError, StoreUnwritable
from redline.jobs.tables import MIGRATIONS, SCHEMA_VERSION, metadata

BUSY_MS = 20_000
CONNECTIONS = 4  # Each is held for one transaction. SQLite keeps the handle of one that closes beside others.


class Database:
    """A SQLite file in WAL mode, 0600 with its side files. Thread-safe; several processes may have it open.

    A commit survives ``kill -9``. A power cut may take the newest ones (``synchronous=NORMAL``): the store is the
    truth about rows, so what is lost is asked for or noticed again; ``settle`` makes what is written last.

    Raises:
        ConfigError: the file was written by a newer version; it is left as it is.
        StoreUnwritable: the folder or the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        version = self._checked_version()
        self._make_private()
        self._engine = create_engine(
            f"sqlite:///{path}",
            connect_args={"timeout": BUSY_MS / 1000},
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=BUSY_MS / 1000,
        )
        event.listen(self._engine, "connect", _on_connect)
        event.listen(self._engine, "begin", _on_begin)
        self._open_all()
        if version == SCHEMA_VERSION:
            return  # Nothing is written: a start must work on a full disk too.
        with self.write() as link:
            _migrate(link)
            metadata.create_all(link)
            link.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _open_all(self) -> None:
        """Open every connection there will be, so that a crowd of readers costs no handle."""
        with translated(), ExitStack() as stack:
            for _ in range(CONNECTIONS):
                stack.enter_context(closing(self._engine.raw_connection()))

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that no other writer gets between; it is committed at the end of the block."""
        with translated(), self._engine.begin() as link:
            yield link

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open one consistent view of the file."""
        with translated(), self._engine.connect().execution_options(reading=True) as link:
            yield link

    def settle(self) -> None:
        """Bring all that is committed to the disk itself, power cut or not."""
        with self.read() as link:
            link.rollback()
            link.connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _checked_version(self) -> int:
        """Return the schema's version; 0 of a file that is new. Raises ConfigError for a newer one than ours."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return 0
        with translated(), closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as link:
            version = int(link.execute("PRAGMA user_version").fetchone()[0])
        if version > SCHEMA_VERSION:
            raise ConfigError(
                f"The job database has schema {version}; this version of REDLINE knows up to {SCHEMA_VERSION}.",
                "Start the newer version again, or point REDLINE_HOME at another folder. Nothing was changed.",
            )
        return version

    def _make_private(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            os.chmod(self.path, 0o600)  # Side files take over the mode of the file.
        except OSError as e:
            raise StoreUnwritable(
                "The job database cannot be written.", "Check owner, mode and space of the folder REDLINE_HOME."
            ) from e


def _migrate(link: Connection) -> None:
    """Bring the tables of an earlier version to this one; a new file (version 0) has none."""
    version = int(link.exec_driver_sql("PRAGMA user_version").scalar_one())
    for earlier in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
        for statement in MIGRATIONS[earlier]:
            link.exec_driver_sql(statement)


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the file into ours, by SQLite's own codes."""
    try:
        yield
    except PoolTimeout as e:
        raise StoreBusy("All connections to the job database are in use.", "Ask again in a moment.") from e
    except (DBAPIError, sqlite3.Error) as e:
        origin = e.orig if isinstance(e, DBAPIError) else e
        raise _meaning(getattr(origin, "sqlite_errorcode", 0) & 0xFF, origin) from e


def _meaning(code: int, origin: BaseException | None) -> RedlineError:
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StoreBusy("The job database is in use by another process.", "Ask again in a moment.")
    if code == sqlite3.SQLITE_FULL:
        return DiskFull("No space left for the job database.", "Free some space; work goes on by itself.")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return StoreUnwritable("The job database cannot be written.", "Check owner and mode of the folder.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreError(
            "The job database is damaged.",
            "Move jobs.db away; a new one is made. The stored rows are not in it and stay as they are.",
        )
    return StoreError(f"The job database failed: {type(origin).__name__}.", "The log says more.")


def _on_connect(link: Any, _record: Any) -> None:
    link.isolation_level = None  # Transactions are begun by us, below: the driver begins them too late.
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "secure_delete=ON", f"busy_timeout={BUSY_MS}"):
        link.execute(f"PRAGMA {pragma}").close()


def _on_begin(link: Connection) -> None:
    reading = link.get_execution_options().get("reading", False)
    link.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")
