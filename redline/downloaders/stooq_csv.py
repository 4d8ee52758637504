"""Stooq's CSV: its address without the key, and the bytes of an answer to rows. Pure.

Source: answers that its users quote (read 2026-11). ``d1`` and ``d2`` are inclusive dates; one answer holds any range.
``o`` holds seven marks, each of which leaves out one adjustment: splits, dividends, five kinds of rights and others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import numpy as np

from redline.downloaders.pager import Parsed
from redline.downloaders.stooq_errors import NAME, no_rows, not_csv
from redline.errors import MalformedPage
from redline.market.bar import BarSpec, Timespan, unit_start
from redline.market.normalize import BAR_RECORD, bars, zone
from redline.market.part import Part, SetAside
from redline.market.schema import BARS_WIRE

INTERVALS = {BarSpec(Timespan.DAY): "d", BarSpec(Timespan.WEEK): "w", BarSpec(Timespan.MONTH): "m"}
RAW, SPLITS_ONLY = "1111111", "0111111"
_HEADER = ["Date", "Open", "High", "Low", "Close"]
_FIELDS = len(_HEADER)
_SHOWN = 500
_NUMBER = re.compile(r"[-+]?[\d.]+(?:[eE][-+]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A row as it came, and its values: the volume is NaN where there is none."""

    text: str
    day: date
    values: tuple[float, float, float, float, float]


def url(base: str, symbol: str, interval: str, start: date | None = None, end: date | None = None, o: str = "") -> str:
    """Return the address of the rows from ``start`` to ``end``, both counted; without them of all there are."""
    asked = {"s": symbol, "i": interval}
    if start is not None and end is not None:
        asked |= {"d1": f"{start:%Y%m%d}", "d2": f"{end:%Y%m%d}"}
    return f"{base}/q/d/l/?{urlencode(asked | ({'o': o} if o else {}))}"


def parse(body: bytes, part: Part, finished: date) -> Parsed:
    """Return the rows of one answer. ``finished``: the last day whose session is over; later rows are no bars yet.

    Raises:
        MalformedPage: it is neither CSV nor "No data", it was cut, or not one row of it can be used.
    """
    if no_rows(body):
        return Parsed(BARS_WIRE.empty_table(), said="No data")
    lines, aside = _lines(body, part.what)
    whole: list[Line] = []
    for line in lines:
        why = _not_whole(line.day, part.spec, finished)
        if why:
            aside.append(SetAside(why, line.text))
        else:
            whole.append(line)
    table, bad = table_of(whole, part)
    if bad and not table.num_rows:
        raise MalformedPage(
            NAME,
            f"not one of {len(bad):,} rows for {part.what} can be used: {bad[0].reason}.",
            f"The first was {bad[0].row[:200]}",
        )
    return Parsed(table, (*aside, *bad))


def has_rows(body: bytes, what: str) -> bool:
    """Return whether an answer has rows; raises ``MalformedPage`` where it is neither CSV nor "No data"."""
    return not no_rows(body) and bool(_lines(body, what)[0])


def table_of(lines: Sequence[Line], part: Part) -> tuple[Any, tuple[SetAside, ...]]:
    """Return rows as a wire table, each stamped at the start of its day, week or month; and the rows set aside."""
    where = zone(part.ticker)
    records = np.full(len(lines), -1, BAR_RECORD)
    records["t"] = [midnight(_start(part.spec, one.day), where) for one in lines]
    for at, name in enumerate(("open", "high", "low", "close", "volume")):
        records[name] = [one.values[at] for one in lines]
    records["vwap"] = np.nan
    return bars(records, part, lambda at: lines[at].text)


def _number(text: str) -> float:
    """Return a number as Stooq writes it; raises ``ValueError`` for all else, signs of infinity included."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(text)
    return float(text)


def _lines(body: bytes, what: str) -> tuple[list[Line], list[SetAside]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_csv(body, what) from error
    header, *rows = text.splitlines() or [""]
    names = [name.strip() for name in header.split(",")]
    if names not in (_HEADER, [*_HEADER, "Volume"]):
        raise not_csv(body, what)
    if not rows:
        raise MalformedPage(NAME, f"the answer to {what} has a header and no row.", "It was cut. Retry.")
    lines: list[Line] = []
    aside: list[SetAside] = []
    for row in rows:
        fields = row.split(",")
        try:
            if len(fields) != len(names):
                raise ValueError(row)
            values = [_number(field) for field in fields[1:]]
            volume = values[4] if len(values) == _FIELDS else np.nan
            lines.append(Line(row[:_SHOWN], date.fromisoformat(fields[0]), (*values[:4], volume)))  # type: ignore[arg-type]
        except ValueError as error:
            if row is rows[-1]:
                raise MalformedPage(NAME, f"the answer to {what} ends in the middle of a row.", "Retry.") from error
            aside.append(SetAside("it is no date and numbers as in its header", row[:_SHOWN]))
    return lines, aside


def _not_whole(day: date, spec: BarSpec, finished: date) -> str:
    """Return why a row is no bar: its time is not over, or nobody can say which week it is of."""
    if spec.window(day)[1] > finished:
        return "its session, week or month is not over"
    # A Sunday may end Stooq's week, and begins ours: no source says which day of it a week's row bears.
    return "its week cannot be told: it bears a Sunday" if spec.timespan is Timespan.WEEK and day.weekday() == 6 else ""


def _start(spec: BarSpec, day: date) -> date:
    return unit_start(spec.timespan, day)


@lru_cache(maxsize=65_536)
def midnight(day: date, where: ZoneInfo) -> int:
    """Return the start of a day in milliseconds; days are the same in each ticker of a bulk file."""
    return round(datetime.combine(day, time(), where).astimezone(UTC).timestamp() * 1000)
