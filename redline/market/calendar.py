"""The exchange's calendar: which days are sessions, when they end, and when their data no longer changes.

Sessions are those of the New York Stock Exchange, from the library ``exchange_calendars``; it is loaded at the first
question, for it brings pandas with it (1.5 s).
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
FIRST = date(1970, 1, 2)
SETTLES = time(11, 0)  # Vendor: files of a day are complete by about 11:00 ET of the next (contract page 5.5).


class TradingCalendar:
    """Sessions of the New York Stock Exchange from 1970 to the end of the year after ``today``. Thread-safe."""

    def __init__(self, today: date) -> None:
        self._last = date(today.year + 1, 12, 31)
        self._loading = threading.Lock()

    @cached_property
    def _library(self) -> Any:
        with self._loading:
            import exchange_calendars

            return exchange_calendars.get_calendar("XNYS", start=FIRST.isoformat(), end=self._last.isoformat())

    @cached_property
    def _sessions(self) -> list[date]:
        return [stamp.date() for stamp in self._library.sessions]

    def sessions(self, start: date, end: date) -> list[date]:
        """Return the sessions from ``start`` to ``end``, both inclusive, sorted."""
        return self._sessions[bisect_left(self._sessions, start) : bisect_right(self._sessions, end)]

    def is_session(self, day: date) -> bool:
        """Return whether the exchange opens on that day at all."""
        at = bisect_left(self._sessions, day)
        return at < len(self._sessions) and self._sessions[at] == day

    def hours(self, session: date) -> tuple[datetime, datetime]:
        """Return opening and close of a session, in UTC; half days close early.

        Raises:
            ValueError: the day is no session.
        """
        if not self.is_session(session):
            raise ValueError(f"{session} is no session")
        label = session.isoformat()
        return self._library.session_open(label).to_pydatetime(), self._library.session_close(label).to_pydatetime()

    def next_session(self, day: date) -> date:
        """Return the first session after ``day``."""
        return self._sessions[bisect_right(self._sessions, day)]

    def last_finished(self, now: datetime) -> date:
        """Return the last session whose close has passed at ``now`` (aware)."""
        today = now.astimezone(NEW_YORK).date()
        at = bisect_right(self._sessions, today) - 1
        if self._sessions[at] == today and now < self.hours(today)[1]:
            at -= 1
        return self._sessions[at]

    def settles_at(self, session: date) -> datetime:
        """Return when data of ``session`` no longer changes: 11:00 New York of the next session, in UTC (design 6)."""
        return datetime.combine(self.next_session(session), SETTLES, NEW_YORK).astimezone(UTC)


def midnight(day: date) -> datetime:
    """Return the start of a New York day, in UTC: 04:00 or 05:00."""
    return datetime.combine(day, time(), NEW_YORK).astimezone(UTC)


def day_of(instant: datetime) -> date:
    """Return the New York date of an instant."""
    return instant.astimezone(NEW_YORK).date()


def day_after(day: date) -> date:
    """Return the next calendar day."""
    return day + timedelta(days=1)
