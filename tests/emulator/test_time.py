"""New York time, windows and the exchange's calendar, against independent sources."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import exchange_calendars
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.emulator.calendar import SessionKind, session_kind
from redline.emulator.eastern import utc, wall
from redline.emulator.models.windows import TIMESPANS, Window

NEW_YORK = ZoneInfo("America/New_York")
INSTANTS = st.integers(min_value=883_612_800, max_value=2_366_841_600)  # 1998 to 2044, seconds


@given(INSTANTS)
def test_wall_time_is_new_york_s(seconds: int) -> None:
    local = datetime.fromtimestamp(seconds, NEW_YORK)
    clock_hands = int(local.replace(tzinfo=UTC).timestamp() * 1000)

    assert int(wall(np.array([seconds * 1000]))[0]) == clock_hands


@given(INSTANTS)
def test_midnight_goes_there_and_back(seconds: int) -> None:
    day = datetime.fromtimestamp(seconds, NEW_YORK).date()
    midnight = int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp() * 1000)

    assert int(utc(wall(np.array([midnight])))[0]) == midnight


@given(INSTANTS, st.sampled_from(TIMESPANS), st.integers(min_value=1, max_value=40))
def test_an_instant_lies_in_its_window_and_the_next_starts_where_it_ends(
    seconds: int, timespan: str, multiplier: int
) -> None:
    window = Window(multiplier, timespan)
    start, end = window.start_of(seconds * 1000), window.start_of(seconds * 1000, 1)

    in_the_hour_that_comes_twice = timespan in ("second", "minute", "hour")
    assert start - 3_600_000 * in_the_hour_that_comes_twice <= seconds * 1000 < end + 3_600_000
    assert window.start_of(start) == start
    assert start < end


@pytest.mark.parametrize("first", [date(1999, 1, 1), date(2016, 1, 1)])
def test_sessions_are_those_of_an_independent_calendar(first: date) -> None:
    last = first + timedelta(days=3650)
    calendar = exchange_calendars.get_calendar("XNYS", start=first.isoformat(), end=last.isoformat())
    sessions = {stamp.date() for stamp in calendar.sessions}
    early = {stamp.date() for stamp in calendar.early_closes}
    days = [first + timedelta(days=at) for at in range((last - first).days)]

    assert [day for day in days if (session_kind(day) is not SessionKind.CLOSED) != (day in sessions)] == []
    assert [day for day in days if session_kind(day) is SessionKind.EARLY_CLOSE and day not in early] == []
