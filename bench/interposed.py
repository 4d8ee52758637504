"""Stand between REDLINE and the machine: every write, fsync, rename, link, commit and request passes a listener.

``interpose(listen)`` is for a bench's own process, before an engine is opened in it. ``listen(stage, moment)`` is
called ``before`` and ``after`` each step, and in the ``middle`` of a write, when half of the bytes are in the file. It
may raise ``OSError`` (a full disk) or end the process (``kill -9``).

| stage | the step |
|---|---|
| write, fsync, rename | of the store's files; rename is also what gives a data file its name |
| commit | the link that gives a table's log entry its number: the only commit point |
| mark | a transaction of the store's ledger |
| close | a transaction of the job ledger |
| budget | a transaction of the request budgets |
| request, parse | one answer of the source fetched, and read |
| export | a file that a user reads: written, fsynced, renamed |
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

Listener = Callable[[str, str], None]
STAGES = ("write", "fsync", "rename", "commit", "mark", "close", "budget", "request", "parse", "export")
_DATABASES = {"ledger.db": "mark", "jobs.db": "close", "budgets.db": "budget"}
_EXPORT = ".export-"


def interpose(listen: Listener) -> None:
    """Let every step of this process from now on pass ``listen``. Once a process."""
    _files(listen)
    _exports(listen)
    _databases(listen)
    _source(listen)


def _files(listen: Listener) -> None:
    from redline.store.files import Files

    plain = Files()

    def write(self: Files, path: Path, data: bytes) -> None:
        listen("write", "before")
        half = len(data) // 2
        Path(path).write_bytes(data[:half])
        listen("write", "middle")
        plain_write(plain, path, data)
        listen("write", "after")

    plain_write = Files.write
    Files.write = write  # type: ignore[method-assign]
    for name in ("fsync", "rename", "link"):
        setattr(Files, name, _around(listen, getattr(Files, name), name))


def _around(listen: Listener, step: Callable[..., Any], name: str) -> Callable[..., Any]:
    def stage_of(arguments: tuple[Any, ...]) -> str:
        into_log = name == "link" and Path(arguments[-1]).parent.name == "_delta_log"
        return "commit" if into_log else "rename" if name == "link" else name

    def passed(*arguments: Any) -> Any:
        stage = stage_of(arguments)
        listen(stage, "before")
        done = step(*arguments)
        listen(stage, "after")
        return done

    return passed


def _exports(listen: Listener) -> None:
    plain_replace, plain_fsync = os.replace, os.fsync

    def replace(old: Any, new: Any, **more: Any) -> None:
        exported = _EXPORT in str(old)
        if exported:
            listen("export", "before")
        plain_replace(old, new, **more)
        if exported:
            listen("export", "after")

    def fsync(handle: Any) -> None:
        if isinstance(handle, int) and _EXPORT in os.readlink(f"/proc/self/fd/{handle}"):
            listen("export", "middle")
        plain_fsync(handle)

    os.replace, os.fsync = replace, fsync


def _databases(listen: Listener) -> None:
    class Cursor(sqlite3.Cursor):
        def execute(self, sql: str, *more: Any) -> Any:
            return _executed(self.connection, sql, lambda: super(Cursor, self).execute(sql, *more))

    class Connection(sqlite3.Connection):
        stage = ""

        def cursor(self, *_: Any) -> Any:  # type: ignore[override]
            return super().cursor(Cursor)

        def execute(self, sql: str, *more: Any) -> Any:
            return _executed(self, sql, lambda: super(Connection, self).execute(sql, *more))

        def commit(self) -> None:
            if not self.in_transaction:
                return super().commit()
            return _executed(self, "COMMIT", super().commit)

    def _executed(link: Any, sql: str, run: Callable[[], Any]) -> Any:
        if not link.stage or sql.strip().upper() not in ("COMMIT", "END"):
            return run()
        try:
            listen(link.stage, "before")
        except OSError as error:
            full = sqlite3.OperationalError("database or disk is full")
            full.sqlite_errorcode, full.sqlite_errorname = sqlite3.SQLITE_FULL, "SQLITE_FULL"
            raise full from error
        done = run()
        listen(link.stage, "after")
        return done

    plain_connect = sqlite3.connect

    def connect(database: Any, *arguments: Any, **options: Any) -> Any:
        link = plain_connect(database, *arguments, factory=Connection, **options)
        link.stage = _DATABASES.get(Path(str(database)).name, "")
        return link

    sqlite3.connect = sqlite3.dbapi2.connect = connect


def _source(listen: Listener) -> None:
    from redline.downloaders.massive_downloader import MassiveDownloader

    for name, stage in (("fetch", "request"), ("parse_page", "parse")):
        setattr(MassiveDownloader, name, _step(listen, getattr(MassiveDownloader, name), stage))


def _step(listen: Listener, step: Callable[..., Any], stage: str) -> Callable[..., Any]:
    def passed(*arguments: Any, **options: Any) -> Any:
        listen(stage, "before")
        done = step(*arguments, **options)
        listen(stage, "after")
        return done

    return passed
