"""Bars: their timespan, and which sessions one bar stands for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from redline.market.word import Word


class Timespan(Word):
    """The unit of a bar, by the vendor's own words."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"

    @property
    def intraday(self) -> bool:
        """Whether a session has several bars of this timespan."""
        return self in (Timespan.SECOND, Timespan.MINUTE, Timespan.HOUR)


_SECONDS = {Timespan.SECOND: 1, Timespan.MINUTE: 60, Timespan.HOUR: 3_600}
_DAY_S, _QUIET_S = 86_400, 4 * 3_600


@dataclass(frozen=True, slots=True, order=True)
class BarSpec:
    """What a bar covers: ``multiplier`` units of ``timespan``."""

    timespan: Timespan = Timespan.DAY
    multiplier: int = 1

    @property
    def label(self) -> str:
        """The name of the series in ledgers and file names: ``1day``, ``5minute``."""
        return f"{self.multiplier}{self.timespan.value}"

    def __str__(self) -> str:
        return self.timespan.value if self.multiplier == 1 else f"{self.multiplier}-{self.timespan.value}"

    @property
    def spreads(self) -> bool:
        """Whether one bar stands for several sessions."""
        return not self.timespan.intraday and self != DAILY

    @property
    def overnight(self) -> bool:
        """Whether an intraday bar may hold trades of two sessions: it is longer than the four hours from midnight to
        the first trade, and a day is no whole multiple of it.
        """
        length = self.multiplier * _SECONDS.get(self.timespan, 0)
        return length > _QUIET_S and _DAY_S % length != 0

    def window(self, day: date) -> tuple[date, date]:
        """Return the first and last date (inclusive) that a bar dated ``day`` stands for.

        Weeks start on Sunday, months, quarters and years on their first day (vendor: custom bars, snapping). A bar of
        several units runs from its own date on: the vendor does not say where it anchors those.
        """
        if self.timespan.intraday:
            return day, day
        first = day if self.multiplier > 1 else unit_start(self.timespan, day)
        after = first
        for _ in range(self.multiplier):
            after = unit_after(self.timespan, after)
        return first, after - timedelta(days=1)

    def snap(self, start: date, end: date) -> tuple[date, date]:
        """Widen ``start`` to ``end`` (inclusive) to whole units, as the vendor does."""
        last = unit_after(self.timespan, unit_start(self.timespan, end)) - timedelta(days=1)
        return unit_start(self.timespan, start), max(last, end)

    def dated(self, start: date, end: date) -> tuple[date, date]:
        """Return the first and last date (inclusive) that a bar of ``start`` to ``end`` may bear.

        Wider than ``snap`` for bars of several units: they may begin up to their own length before ``start``, for the
        vendor does not say where it anchors them. A bar within a session never begins on the day before.
        """
        first, last = self.snap(start, end)
        if self.overnight:
            return first - timedelta(days=-(-self.multiplier * _SECONDS[self.timespan] // _DAY_S)), last
        if not self.timespan.intraday:
            for _ in range(self.multiplier - 1):
                first = unit_start(self.timespan, first - timedelta(days=1))
        return first, last

    def seams(self, days: Iterable[date], start: date, end: date) -> list[tuple[date, date]]:
        """Return spans of dates (inclusive, apart, sorted) of all bars of ``start`` to ``end`` that one of ``days`` may
        cut in two: it is inside of them, and not their first. Empty for bars within a session.
        """
        if not self.spreads:
            return []
        first, last = self.dated(start, end)
        found: list[tuple[date, date]] = []
        for day in sorted(days):
            opens, closes = self.dated(day, day)[0], self.window(day)[1]
            if opens == day or closes < first or opens > last:
                continue
            joins = found and opens <= found[-1][1]
            found[-1:] = [(found[-1][0], max(closes, found[-1][1]))] if joins else [*found[-1:], (opens, closes)]
        return found


DAILY = BarSpec()


def unit_start(timespan: Timespan, day: date) -> date:
    """Return the first date of the week, month, quarter or year of ``day``; the day itself below that."""
    if timespan is Timespan.WEEK:
        return day - timedelta(days=(day.weekday() + 1) % 7)
    if timespan is Timespan.MONTH:
        return day.replace(day=1)
    if timespan is Timespan.QUARTER:
        return date(day.year, 3 * ((day.month - 1) // 3) + 1, 1)
    if timespan is Timespan.YEAR:
        return date(day.year, 1, 1)
    return day


def unit_after(timespan: Timespan, day: date) -> date:
    """Return the first date after the unit that starts on ``day``."""
    if timespan is Timespan.WEEK:
        return day + timedelta(days=7)
    months = {Timespan.MONTH: 1, Timespan.QUARTER: 3, Timespan.YEAR: 12}.get(timespan)
    if months is None:
        return day + timedelta(days=1)
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)
