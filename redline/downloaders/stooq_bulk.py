"""Stooq's bulk files on disk: a zip of one text file a ticker, or one such file. Nothing of it is unpacked to disk.

Source: archives as their users quote them (read 2026-11): ``data/daily/us/nasdaq stocks/1/aapl.us.txt`` with the header
``<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>``; updates of a day hold many tickers in one
file. Prices are adjusted for splits and dividends, and volumes with them: that is why these are fractional.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from redline.downloaders.stooq_csv import midnight
from redline.downloaders.stooq_errors import NAME
from redline.downloaders.stooq_symbols import from_stooq
from redline.errors import BadField, MalformedPage, RedlineError, UnknownTicker, Unsupported
from redline.market.normalize import BAR_RECORD, bars, zone
from redline.market.part import Part
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE
from redline.market.ticker import is_ticker

SOURCE = "stooq_bulk"
MOST_BYTES = 64 * 1024 * 1024
"""Of one file inside; the longest history is about 1 MB."""

_HEADER = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"
_HEADERS = (_HEADER, f"{_HEADER},<OPENINT>")
_COLUMNS = ("symbol", "period", "date", "time", "open", "high", "low", "close", "volume", "open_interest")
_VALUES = ("open", "high", "low", "close", "volume")
_NUMBER = r"^-?\d+(\.\d+)?([eE][-+]?\d+)?$"
_DAY = r"^\d{8}$"
_UPDATE = re.compile(r"\d{8}_d")
Found = dict[str, tuple[Any, int]]


def read(path: Path, wanted: Sequence[str] | None) -> tuple[Found, dict[str, RedlineError]]:
    """Return (ticker to (``BARS_WIRE`` table, number of rows set aside), ticker to why the file has it not).

    Raises:
        BadField: there is no such file.
        MalformedPage: it is none of Stooq's bulk files, or is damaged.
        Unsupported: it holds hours or minutes.
    """
    found: Found = {}
    for ticker, rows, aside in _series(path, None if wanted is None else set(wanted)):
        table, bad = _table(ticker, rows)
        before = found.get(ticker)
        found[ticker] = (table, aside + bad) if before is None else _merged(before, table, aside + bad)
    if wanted is None:
        return found, {}
    failures: dict[str, RedlineError] = {one: UnknownTicker(NAME, one) for one in wanted if one not in found}
    return {one: found[one] for one in wanted if one in found}, failures


def _series(path: Path, wanted: set[str] | None) -> Iterator[tuple[str, Any, int]]:
    """Yield (ticker, its rows in one file, rows set aside) of all files that may hold a ``wanted`` one."""
    for name, body in _files(path, wanted):
        rows, aside = _rows(name, body)
        symbols = rows["symbol"].combine_chunks().dictionary_encode()
        codes, found = symbols.indices.to_numpy(), symbols.dictionary.to_pylist()
        named = dict.fromkeys((*found, *aside))
        if not named:  # Stooq's archives have empty files
            named = {PurePosixPath(name).name.removesuffix(".txt"): None}
        code_of = {symbol: code for code, symbol in enumerate(found)}
        for symbol in named:
            ticker = from_stooq(symbol, crypto="crypto" in name.lower())
            if ticker is not None and is_ticker(ticker) and (wanted is None or ticker in wanted):
                own = rows if len(named) == 1 else rows.take(np.flatnonzero(codes == code_of.get(symbol, -1)))
                yield ticker, own, aside[symbol]


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


def _rows(name: str, body: bytes) -> tuple[Any, Counter[str]]:
    """Return the rows that are text in the right places, and how many of each symbol are not."""
    header, _, rest = body.decode("utf-8-sig", "replace").partition("\n")
    if header.strip().upper() not in (*_HEADERS, ""):
        raise MalformedPage(NAME, f"{PurePosixPath(name).name} in it has another header than Stooq's bulk files.")
    names = _COLUMNS[: header.count(",") + 1]
    aside: Counter[str] = Counter()
    if not rest.strip():
        return pa.table({one: pa.array([], pa.string()) for one in _COLUMNS}), aside

    def bad(row: Any) -> str:
        aside[row.text.partition(",")[0]] += 1
        return "skip"

    raw = rest.encode()
    rows = csv.read_csv(
        pa.py_buffer(raw),
        csv.ReadOptions(use_threads=False, block_size=len(raw) + 1, column_names=names),
        csv.ParseOptions(quote_char=False, invalid_row_handler=bad),
        csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
    )
    other = rows.filter(pc.not_equal(rows["period"], "D"))
    if other.num_rows:
        period = other["period"][0].as_py()[:8]
        raise Unsupported(f"stooq: {PurePosixPath(name).name} holds no days, but {period!r}.", "Take the daily file.")
    good = pc.match_substring_regex(rows["date"], _DAY)
    for one in _VALUES:
        good = pc.and_(good, pc.match_substring_regex(rows[one], _NUMBER))
    aside.update(rows.filter(pc.invert(good))["symbol"].to_pylist())
    return rows.filter(good), aside


def _table(ticker: str, rows: Any) -> tuple[Any, int]:
    """Return rows of one symbol as a wire table, and how many could not be used."""
    days = [_day(text) for text in rows["date"].to_pylist()]
    known = [day for day in days if day is not None]
    if not known:
        return BARS_WIRE.empty_table(), len(days)
    rows, where = rows.filter(pa.array([day is not None for day in days])), zone(ticker)
    records = np.full(len(known), -1, BAR_RECORD)
    records["t"] = [midnight(day, where) for day in known]
    for one in _VALUES:
        records[one] = rows[one].cast(pa.float64()).to_numpy()
    if ticker.startswith("C:"):
        records["volume"] = np.nan  # a currency has none; the file has 0
    records["vwap"] = np.nan
    table, bad = bars(records, Part(SOURCE, Dataset.BARS, ticker, min(known), max(known)), lambda at: "")
    return table, len(days) - len(known) + len(bad)


@lru_cache(maxsize=65_536)
def _day(text: str) -> date | None:
    """Return the date of eight digits, if they are one; days are the same in each file."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _merged(before: tuple[Any, int], table: Any, aside: int) -> tuple[Any, int]:
    """Return the rows of a ticker that stands in two files, by time; of a day that is in both the first stays."""
    there = set(before[0]["date"].to_pylist())
    fresh = [day not in there for day in table["date"].to_pylist()]
    more = table.filter(pa.array(fresh, pa.bool_()))
    both = pa.concat_tables([before[0], more]).combine_chunks().sort_by("timestamp")
    return both, before[1] + aside + len(fresh) - more.num_rows
