"""Stooq's bulk files on disk: a zip of one text file a ticker, or one such file. Nothing of it is unpacked to disk.

Source: archives as their users quote them (read 2026-11): ``data/daily/us/nasdaq stocks/1/aapl.us.txt`` with the header
``<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>``; updates of a day hold many tickers in one
file. Prices are adjusted for splits and dividends, and volumes with them: that is why these are fractional.
"""

from __future__ import annotations

import math
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from redline.downloaders.stooq_csv import Line, number, table_of
from redline.downloaders.stooq_errors import NAME
from redline.downloaders.stooq_symbols import from_stooq
from redline.errors import BadField, MalformedPage, RedlineError, UnknownTicker, Unsupported
from redline.market.part import Part
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE
from redline.market.ticker import is_ticker

SOURCE = "stooq_bulk"
MOST_BYTES = 64 * 1024 * 1024
"""Of one file inside; the longest history is about 1 MB."""

_HEADER = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"
_NAMES = (_HEADER, f"{_HEADER},<OPENINT>")
_UPDATE = re.compile(r"\d{8}_d")
_DATE = re.compile(r"\d{8}")
_FIELDS = 7
_SHOWN = 500
Found = dict[str, tuple[Any, int]]


def read(path: Path, wanted: Sequence[str] | None) -> tuple[Found, dict[str, RedlineError]]:
    """Return (ticker to (``BARS_WIRE`` table, number of rows set aside), ticker to why the file has it not).

    Raises:
        BadField: there is no such file.
        MalformedPage: it is none of Stooq's bulk files, or is damaged.
        Unsupported: it holds hours or minutes.
    """
    found: Found = {}
    for ticker, lines, aside in _series(path, None if wanted is None else set(wanted)):
        table, bad = _table(ticker, lines)
        before = found.get(ticker)
        found[ticker] = (table, aside + len(bad)) if before is None else _merged(before, table, aside + len(bad))
    if wanted is None:
        return found, {}
    failures: dict[str, RedlineError] = {one: UnknownTicker(NAME, one) for one in wanted if one not in found}
    return {one: found[one] for one in wanted if one in found}, failures


def _series(path: Path, wanted: set[str] | None) -> Iterator[tuple[str, list[Line], int]]:
    """Yield (ticker, its rows in one file, rows set aside) of all files that may hold a ``wanted`` one."""
    for name, body in _files(path, wanted):
        lines, aside = _lines(name, body)
        crypto = "crypto" in name.lower()
        if not lines and not aside:  # Stooq's archives have empty files
            lines = {PurePosixPath(name).name.removesuffix(".txt"): []}
        for symbol in dict.fromkeys((*lines, *aside)):
            ticker = from_stooq(symbol, crypto=crypto)
            if ticker is not None and is_ticker(ticker) and (wanted is None or ticker in wanted):
                yield ticker, lines.get(symbol, []), aside.get(symbol, 0)


def _files(path: Path, wanted: set[str] | None) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of each text file inside that may hold a ``wanted`` ticker."""
    if not path.is_file():
        raise BadField("path", path.name, "there is no such file")
    try:
        if path.suffix.lower() == ".txt":
            with path.open("rb") as text:
                yield path.name, _capped(text.read(MOST_BYTES + 1), path.name)
            return
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if _may_hold(info.filename, wanted):
                    with archive.open(info) as file:
                        yield info.filename, _capped(file.read(MOST_BYTES + 1), info.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise MalformedPage(
            NAME, f"the bulk file {path.name} is no zip, or damaged.", "Download it again with your browser."
        ) from error
    except OSError as error:
        raise BadField("path", path.name, "this file cannot be read") from error


def _may_hold(name: str, wanted: set[str] | None) -> bool:
    stem = PurePosixPath(name).name.lower()
    if not stem.endswith(".txt"):
        return False
    stem = stem.removesuffix(".txt")
    ticker = from_stooq(stem, crypto="crypto" in name.lower())
    return bool(_UPDATE.fullmatch(stem)) or (ticker is not None and (wanted is None or ticker in wanted))


def _capped(body: bytes, name: str) -> bytes:
    if len(body) > MOST_BYTES:
        raise MalformedPage(NAME, f"the file {PurePosixPath(name).name} in it is larger than {MOST_BYTES} bytes.")
    return body


def _lines(name: str, body: bytes) -> tuple[dict[str, list[Line]], dict[str, int]]:
    """Return symbol to rows, and symbol to how many were set aside."""
    header, *rows = body.decode("utf-8-sig", "replace").splitlines() or [""]
    if header.strip().upper() not in (*_NAMES, ""):
        raise MalformedPage(NAME, f"{PurePosixPath(name).name} in it has another header than Stooq's bulk files.")
    lines: dict[str, list[Line]] = {}
    aside: dict[str, int] = {}
    for row in rows:
        symbol, _, rest = row.partition(",")
        period, *fields = rest.split(",")[:8]
        if len(fields) == _FIELDS and period != "D":
            raise Unsupported(
                f"stooq: {PurePosixPath(name).name} holds no days, but {period[:8]!r}.", "Take the daily file."
            )
        line = _line(row, fields) if len(fields) == _FIELDS else None
        if line is None:
            aside[symbol] = aside.get(symbol, 0) + 1
        else:
            lines.setdefault(symbol, []).append(line)
    return lines, aside


def _line(row: str, fields: Sequence[str]) -> Line | None:
    try:
        if not _DATE.fullmatch(fields[0]):
            return None
        o, h, low, c, v = map(number, fields[2:7])
        return Line(row[:_SHOWN], date.fromisoformat(fields[0]), (o, h, low, c, v))
    except ValueError:
        return None


def _table(ticker: str, lines: Sequence[Line]) -> tuple[Any, tuple[object, ...]]:
    if not lines:
        return BARS_WIRE.empty_table(), ()
    if ticker.startswith("C:"):  # a currency has no volume; the file has 0
        lines = [Line(one.text, one.day, (*one.values[:4], math.nan)) for one in lines]
    days = [one.day for one in lines]
    return table_of(lines, Part(SOURCE, Dataset.BARS, ticker, min(days), max(days)))


def _merged(before: tuple[Any, int], table: Any, aside: int) -> tuple[Any, int]:
    """Return the rows of a ticker that stands in two files, by time; of a day that is in both the first stays."""
    there = set(before[0]["date"].to_pylist())
    fresh = [day not in there for day in table["date"].to_pylist()]
    more = table.filter(pa.array(fresh, pa.bool_()))
    both = pa.concat_tables([before[0], more]).combine_chunks().sort_by("timestamp")
    return both, before[1] + aside + len(fresh) - more.num_rows
