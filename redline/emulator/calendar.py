"""When the New York exchanges are open: the rules, for market status, holidays and simulated minutes.

Rules of the exchange's published calendar since 1998, with its unscheduled closings; early closes at 13:00.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import Enum
from functools import cache


class SessionKind(Enum):
    """What kind of day it is at the exchange."""

    FULL = "open"
    EARLY_CLOSE = "early-close"
    CLOSED = "closed"


UNSCHEDULED = {
    date(2001, 9, 11),
    date(2001, 9, 12),
    date(2001, 9, 13),
    date(2001, 9, 14),
    date(2004, 6, 11),
    date(2007, 1, 2),
    date(2012, 10, 29),
    date(2012, 10, 30),
    date(2018, 12, 5),
    date(2025, 1, 9),
}


def session_kind(day: date) -> SessionKind:
    """Return whether the exchange is open on a New York date."""
    if day.weekday() > 4 or day in UNSCHEDULED or day in holidays(day.year):
        return SessionKind.CLOSED
    return SessionKind.EARLY_CLOSE if day in early_closes(day.year) else SessionKind.FULL


def close_minute(kind: SessionKind) -> int:
    """Return the minute of the day, New York, at which regular hours end; a closed day counts as a full one."""
    return 13 * 60 if kind is SessionKind.EARLY_CLOSE else 16 * 60


@cache
def holidays(year: int) -> dict[date, str]:
    """Return the full holidays of a year with their names, by date."""
    found = {
        _nth(year, 1, 0, 3): "Martin Luther King, Jr. Day",
        _nth(year, 2, 0, 3): "Washington's Birthday",
        _easter(year) - timedelta(days=2): "Good Friday",
        _last_monday_of_may(year): "Memorial Day",
        _observed(date(year, 7, 4)): "Independence Day",
        _nth(year, 9, 0, 1): "Labor Day",
        _nth(year, 11, 3, 4): "Thanksgiving",
        _observed(date(year, 12, 25)): "Christmas",
    }
    if date(year, 1, 1).weekday() != 5:  # a Saturday's New Year is not made up for: 31 December is in another year
        found[_observed(date(year, 1, 1))] = "New Year's Day"
    if year >= 2022:
        found[_observed(date(year, 6, 19))] = "Juneteenth"
    return dict(sorted(found.items()))


@cache
def early_closes(year: int) -> dict[date, str]:
    """Return the days of a year that end at 13:00, with their names, by date."""
    eve = 5 if year < 2013 and date(year, 7, 4).weekday() == 3 else 3  # a Thursday's eve was the Friday until 2012
    candidates = {
        date(year, 7, eve): "Independence Day",
        _nth(year, 11, 3, 4) + timedelta(days=1): "Thanksgiving",
        date(year, 12, 24): "Christmas",
    }
    closed = holidays(year)
    return {day: name for day, name in candidates.items() if day.weekday() < 5 and day not in closed}


def _observed(day: date) -> date:
    return day - timedelta(days=1) if day.weekday() == 5 else day + timedelta(days=1) if day.weekday() == 6 else day


def _nth(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    return date(year, 5, 31) - timedelta(days=date(year, 5, 31).weekday())


def _easter(year: int) -> date:
    """Return Easter Sunday (the anonymous Gregorian rule)."""
    golden, century, rest = year % 19, year // 100, year % 100
    epact = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
