"""Columns as they came to bars of days: numbers and dates read, rows that cannot be used set aside. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from redline.config.custom_api import CustomApi
from redline.config.custom_api_values import NEEDED
from redline.downloaders.generic_body import MISSING, Sheet
from redline.downloaders.generic_dates import days_of, unit_of, wrong_unit
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.normalize import BAR_RECORD, bars, zone
from redline.market.part import Part, SetAside
from redline.net.redact import redact

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_NUMBERS = ("open", "high", "low", "close", "volume", "vwap", "transactions")
#: A row a day is asked for. With more than so many of each, the answer holds bars within a day.
_ROWS_A_DAY = 2


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of one answer. ``records`` of the days asked for, ``shown`` beside them; ``days`` of all that could be read.

    ``outside``: how many rows of other days there were.
    """

    records: Any
    shown: tuple[str, ...]
    aside: tuple[SetAside, ...]
    days: frozenset[int]
    outside: int = 0


def rows_of(api: CustomApi, sheet: Sheet, part: Part) -> Rows:
    """Return the rows of an answer.

    Raises:
        MalformedPage: no date can be read, all are in another unit, or there are several rows a day.
    """
    where = zone(part.ticker)
    days, reasons = days_of(api, sheet.columns["date"], api.zone or where)
    unit = wrong_unit(api, sheet.columns["date"], days)
    if unit:
        raise MalformedPage(
            api.source,
            f"the dates of the answer to {part.what} are not in {unit_of(api)}: {sheet.columns['date'][0]!r:.40}.",
            f"Set date_unit to {unit}.",
        )
    if reasons and len(reasons) == sheet.count:
        raise _no_dates(api, sheet, part)
    for ticker_at, value in enumerate(sheet.columns.get("ticker", ())):
        if value != part.ticker:
            reasons.setdefault(ticker_at, f"its ticker is {value!r:.60}")
    numbers = {name: _numbers(name, sheet, reasons) for name in _NUMBERS}
    good = np.array([at for at in range(sheet.count) if at not in reasons], "i8")
    kept_days = days[good]
    _check_days(api, kept_days, part)
    inside = (kept_days >= np.datetime64(part.start)) & (kept_days <= np.datetime64(part.end))
    kept = good[inside]
    records = np.full(len(kept), -1, BAR_RECORD)
    records["t"] = [_midnight_ms(day, where) for day in days[kept].tolist()]
    for name in _NUMBERS:
        records[name] = numbers[name][kept]
    return Rows(
        records,
        tuple(sheet.show(int(at)) for at in kept),
        tuple(SetAside(reasons[at], redact(sheet.show(at))) for at in sorted(reasons)),
        frozenset(kept_days.astype("i8").tolist()),
        int(len(good) - len(kept)),
    )


def parsed(api: CustomApi, part: Part, answers: Sequence[Rows]) -> Parsed:
    """Return the bars of all answers of a part, sorted: an API may give them in any order.

    Raises:
        MalformedPage: rows came, and not one of them can be used.
    """
    records = np.concatenate([one.records for one in answers])
    shown = [text for one in answers for text in one.shown]
    table, bad = bars(records, part, shown.__getitem__)
    aside = tuple(one for rows in answers for one in rows.aside)
    aside += tuple(SetAside(redact(one.reason), redact(one.row)) for one in bad)
    outside = sum(one.outside for one in answers)
    if aside and not table.num_rows and not outside:
        raise MalformedPage(
            api.source,
            f"not one of {len(aside):,} rows for {part.what} can be used: {aside[0].reason}.",
            f"The first was {aside[0].row[:200]}",
        )
    if outside:
        aside += (SetAside(f"{outside:,} rows are of other days than {part.start} to {part.end}", ""),)
    return Parsed(table, aside)


def _numbers(name: str, sheet: Sheet, reasons: dict[int, str]) -> Any:
    """Return a column of numbers; why a value is none goes into ``reasons``. What is not mapped is not known."""
    unknown = -1 if name == "transactions" else np.nan
    if name not in sheet.columns:
        return np.full(sheet.count, unknown)
    read = np.full(sheet.count, np.nan)
    for at, value in enumerate(sheet.columns[name]):
        if value is MISSING and name in NEEDED:
            reasons.setdefault(at, f"it has no {name}")
            continue
        try:
            read[at] = unknown if value in (None, "", MISSING) else _number(value, whole=name == "transactions")
        except (ValueError, OverflowError):
            reasons.setdefault(at, f"its {name} {value!r:.40} is no number")
    return read


def _number(value: object, *, whole: bool) -> float:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(value)):
        raise ValueError(value)
    return float(value)


def _no_dates(api: CustomApi, sheet: Sheet, part: Part) -> MalformedPage:
    return MalformedPage(
        api.source,
        f"not one of {sheet.count:,} dates in the answer to {part.what} can be read as {api.date_format.text}: "
        f"the first is {sheet.columns['date'][0]!r:.60}.",
        "Set date_format to how they are written, or correct the column of date in column_mapping.",
    )


def _check_days(api: CustomApi, days: Any, part: Part) -> None:
    if len(days) > _ROWS_A_DAY * len(np.unique(days)):
        raise MalformedPage(
            api.source,
            f"the answer to {part.what} has several rows a day: {len(days):,} rows of {len(np.unique(days)):,} days.",
            "One a day is wanted. Ask for day bars in endpoint; if rows of other tickers came too, map ticker.",
        )


@lru_cache(maxsize=100_000)
def _midnight_ms(day: date, where: ZoneInfo) -> int:
    """Return the start of a day in a zone, in milliseconds: where other sources stamp it."""
    return round(datetime.combine(day, time(), where).timestamp() * 1000)
