"""Windows of bars: which one an instant falls into, and where a window starts.

Hours start on the hour, days at midnight in New York, weeks on Sunday, months and quarters on their first day (vendor's
knowledge base, "How does Massive treat hourly bars"). Multiples count from 1970 on, so that the windows of a request do
not depend on its ``from`` (I).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from redline.emulator.eastern import DAY_MS, HOUR_MS, Millis, utc, wall

TIMESPANS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
INTRADAY_MS = {"second": 1_000, "minute": 60_000, "hour": HOUR_MS}
_DAYS = {"day": (1, 0), "week": (7, 4)}  # 1970-01-01 was a Thursday, four days after a Sunday
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Window:
    """``multiplier`` times ``timespan``, in New York time."""

    multiplier: int
    timespan: str

    @property
    def base(self) -> str:
        """Return the timespan of the base bars, the ones that ``limit`` counts."""
        if self.timespan == "second":
            return "second"
        return "minute" if self.timespan in INTRADAY_MS else "day"

    @property
    def is_base(self) -> bool:
        return self.multiplier == 1 and self.timespan == self.base

    def index(self, utc_ms: Millis) -> Millis:
        """Return the number of the window that each instant falls into; it grows with time."""
        local = wall(utc_ms)
        if self.timespan in INTRADAY_MS:
            return local // (INTRADAY_MS[self.timespan] * self.multiplier)
        days = local // DAY_MS
        if self.timespan in _DAYS:
            size, shift = _DAYS[self.timespan]
            return (days + shift) // (size * self.multiplier)
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        return months // (_MONTHS[self.timespan] * self.multiplier)

    def start(self, index: Millis) -> Millis:
        """Return the first millisecond (UTC) of each window."""
        if self.timespan in INTRADAY_MS:
            return utc(index * (INTRADAY_MS[self.timespan] * self.multiplier))
        if self.timespan in _DAYS:
            size, shift = _DAYS[self.timespan]
            return utc((index * (size * self.multiplier) - shift) * DAY_MS)
        months = (index * (_MONTHS[self.timespan] * self.multiplier)).astype("datetime64[M]")
        return utc(months.astype("datetime64[D]").astype(np.int64) * DAY_MS)

    def start_of(self, utc_ms: int, further: int = 0) -> int:
        """Return where the window of one instant starts, or the one ``further`` windows on."""
        return int(self.start(self.index(np.array([utc_ms], dtype=np.int64)) + further)[0])
