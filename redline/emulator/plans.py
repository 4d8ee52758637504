"""What each of the vendor's plans may see and how often it may ask (massive-contract, section 4; stocks)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from redline.emulator.eastern import NEW_YORK, day_start_ms

END_OF_DAY_HOUR = 20
"""New York hour at which the extended session, and with it the day, is over for an end-of-day plan (I)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One plan. ``None``: no limit for ``years`` and ``calls_per_minute``, end of day for ``delay_min``."""

    name: str
    calls_per_minute: int | None
    years: int | None
    delay_min: int | None
    extras: frozenset[str]

    @property
    def word(self) -> str:
        """Return the ``status`` of a bars answer: DELAYED on plans that run 15 minutes late."""
        return "DELAYED" if self.delay_min else "OK"

    def floor(self, now: datetime) -> date | None:
        """Return the oldest date that the plan may ask for: rolling by day, five years measured as 1827 days."""
        if self.years is None:
            return None
        return now.astimezone(NEW_YORK).date() - timedelta(days=math.ceil(365.25 * self.years))

    def horizon_ms(self, now: datetime) -> int:
        """Return the first millisecond that the plan may not see yet."""
        if self.delay_min is not None:
            return int((now - timedelta(minutes=self.delay_min)).timestamp() * 1000)
        local = now.astimezone(NEW_YORK)
        today = local.date()
        return day_start_ms(today + timedelta(days=1) if local.hour >= END_OF_DAY_HOUR else today)


PLANS = {
    plan.name: plan
    for plan in (
        Plan("basic", 5, 2, None, frozenset()),
        Plan("starter", None, 5, 15, frozenset({"seconds"})),
        Plan("developer", None, 10, 15, frozenset({"seconds", "trades"})),
        Plan("advanced", None, None, 0, frozenset({"seconds", "trades", "quotes"})),
    )
}
