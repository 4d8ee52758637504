"""Dates of a user's API to days. Pure.

A text without an offset names its day itself. An instant (a number, or a text with an offset) belongs to the day that
it falls on in the API's zone. One trap: many APIs stamp days at midnight UTC, which in New York is the evening before.
An answer whose stamps are all midnight UTC means the days that UTC names.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from redline.config.custom_api import CustomApi
from redline.config.date_format import UNIX

_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Days of prices. A stamp in the wrong unit lands in January 1970 or beyond the year 2200.
_FIRST, _LAST = date(1970, 2, 1), date(2200, 1, 1)


def unit_of(api: CustomApi) -> str:
    """Return the unit of dates that are numbers: the one named, else seconds for ``unix`` and milliseconds."""
    return api.date_unit or ("s" if api.date_format.text == UNIX else "ms")


def days_of(api: CustomApi, values: Sequence[object], zone: ZoneInfo) -> tuple[Any, dict[int, str]]:
    """Return the day of each value (``datetime64[D]``, NaT where it is no date), and why those are none, by place."""
    moments: list[datetime | None] = []
    bad: dict[int, str] = {}
    for place, value in enumerate(values):
        try:
            moments.append(_moment(api, value))
        except (ValueError, OverflowError):
            moments.append(None)
            bad[place] = f"its date is {value!r:.60}, and {api.date_format.text} was wanted"
    instants = [one for one in moments if one is not None and one.tzinfo is not None]
    where = UTC if instants and all(_is_midnight(one) for one in instants) else zone
    return np.array([None if one is None else _day(one, where) for one in moments], "datetime64[D]"), bad


def wrong_unit(api: CustomApi, values: Sequence[object], days: Any) -> str:
    """Return the unit that numbers are in whose days are all beyond belief, in words; empty when one is not."""
    good = days[~np.isnat(days)]
    number = next((value for value in values if isinstance(value, int | float) and not isinstance(value, bool)), None)
    if number is None or np.any((good >= np.datetime64(_FIRST)) & (good < np.datetime64(_LAST))):
        return ""
    for unit, per_second in _PER_SECOND.items():
        try:
            if _FIRST <= _instant(number, per_second).date() < _LAST:
                return unit
        except OverflowError:
            continue
    return f"what they are in ({', '.join(_PER_SECOND)}), or correct the column of date"


def _moment(api: CustomApi, value: object) -> datetime:
    if isinstance(value, str):
        if api.date_format.text != UNIX and not (api.date_unit and value.lstrip("-").isdecimal()):
            return api.date_format.read(value)
        return _instant(float(value) if "." in value else int(value), _PER_SECOND[unit_of(api)])
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(value)
    if api.date_format.all_digits and api.date_unit is None:
        return api.date_format.read(str(value))
    return _instant(value, _PER_SECOND[unit_of(api)])


def _instant(value: int | float, per_second: int) -> datetime:
    if isinstance(value, int):
        return _EPOCH + timedelta(
            seconds=value // per_second, microseconds=value % per_second * 1_000_000 // per_second
        )
    return _EPOCH + timedelta(seconds=value / per_second)


def _is_midnight(moment: datetime) -> bool:
    at = moment.astimezone(UTC)
    return not (at.hour or at.minute or at.second or at.microsecond)


def _day(moment: datetime, where: Any) -> date:
    return moment.date() if moment.tzinfo is None else moment.astimezone(where).date()
