"""Lists of tickers that a source named: a small CSV file each, one column, beside the tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from redline.store.files import Files, make_folders, put

_HEAD = "ticker"


def write(
    files: Files, folder: Path, source: str, name: str, as_of: date, tickers: Sequence[str], asked_at: datetime
) -> None:
    """Write a list; its instant (aware) is the file's own time. Raises ``OSError``."""
    make_folders(files, folder, folder.parent)
    path = _path(folder, source, name, as_of)
    put(files, path, "\n".join([_HEAD, *tickers, ""]).encode())
    os.utime(path, (asked_at.timestamp(), asked_at.timestamp()))
    files.fsync(folder)


def read(folder: Path, source: str, name: str, as_of: date) -> tuple[datetime, tuple[str, ...]] | None:
    """Return when a list was asked for (UTC) and its tickers; ``None``: it is not there, or not whole."""
    path = _path(folder, source, name, as_of)
    try:
        lines = path.read_text("utf-8").split("\n")
        asked_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return None
    whole = lines[0] == _HEAD and lines[-1] == ""
    return (asked_at, tuple(lines[1:-1])) if whole else None


def _path(folder: Path, source: str, name: str, as_of: date) -> Path:
    return folder / f"{source}-{name}-{as_of}.csv"
