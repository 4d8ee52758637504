"""Bars: their timespan, and which sessions one bar stands for."""

from __future__ import annotations

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
