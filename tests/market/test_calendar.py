"""Sessions, half days and when data settles, against the exchange's published calendar."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from redline.market.bar import BarSpec, Timespan
from redline.market.calendar import TradingCalendar, day_of, midnight
from redline.market.session import SessionState, SessionStatus, gaps

CALENDAR = TradingCalendar(date(2026, 11, 25))


def test_a_year_has_its_sessions() -> None:
    assert len(CALENDAR.sessions(date(2020, 1, 1), date(2020, 12, 31))) == 253
    assert not CALENDAR.is_session(date(2025, 1, 9))  # Day of mourning for President Carter.
    assert not CALENDAR.is_session(date(2026, 7, 3))  # July 4 is a Saturday.
    assert CALENDAR.sessions(date(2024, 3, 2), date(2024, 3, 3)) == []


def test_the_day_after_thanksgiving_closes_at_one() -> None:
    assert CALENDAR.hours(date(2026, 11, 27))[1] == datetime(2026, 11, 27, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2024, 6, 3, 15, tzinfo=UTC), date(2024, 5, 31)),  # Monday, in the session.
        (datetime(2024, 6, 3, 20, tzinfo=UTC), date(2024, 6, 3)),  # Monday, at the close.
        (datetime(2024, 6, 2, 3, tzinfo=UTC), date(2024, 5, 31)),  # Saturday evening in New York.
    ],
)
def test_the_last_finished_session(now: datetime, expected: date) -> None:
    assert CALENDAR.last_finished(now) == expected


def test_a_friday_settles_on_monday_at_eleven_new_york() -> None:
    assert CALENDAR.settles_at(date(2024, 5, 31)) == datetime(2024, 6, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize(("day", "hour"), [(date(2024, 1, 15), 5), (date(2024, 7, 15), 4), (date(2024, 3, 11), 4)])
def test_midnight_in_new_york_follows_daylight_saving(day: date, hour: int) -> None:
    assert midnight(day).hour == hour
    assert day_of(midnight(day)) == day


@pytest.mark.parametrize(
    ("spec", "day", "window"),
    [
        (BarSpec(), date(2024, 5, 1), (date(2024, 5, 1), date(2024, 5, 1))),
        (BarSpec(Timespan.MINUTE, 5), date(2024, 5, 1), (date(2024, 5, 1), date(2024, 5, 1))),
        (BarSpec(Timespan.WEEK), date(2024, 5, 1), (date(2024, 4, 28), date(2024, 5, 4))),
        (BarSpec(Timespan.WEEK), date(2024, 4, 28), (date(2024, 4, 28), date(2024, 5, 4))),
        (BarSpec(Timespan.MONTH), date(2024, 2, 15), (date(2024, 2, 1), date(2024, 2, 29))),
        (BarSpec(Timespan.QUARTER), date(2024, 12, 31), (date(2024, 10, 1), date(2024, 12, 31))),
        (BarSpec(Timespan.YEAR), date(2024, 5, 1), (date(2024, 1, 1), date(2024, 12, 31))),
        (BarSpec(Timespan.DAY, 5), date(2024, 5, 1), (date(2024, 5, 1), date(2024, 5, 5))),
    ],
)
def test_which_days_a_bar_stands_for(spec: BarSpec, day: date, window: tuple[date, date]) -> None:
    assert spec.window(day) == window


def test_neighbouring_sessions_of_one_state_are_one_gap() -> None:
    days = CALENDAR.sessions(date(2024, 5, 1), date(2024, 5, 10))
    states = [SessionState.STORED, SessionState.NEVER_ASKED, SessionState.NEVER_ASKED, SessionState.STORED]
    states += [SessionState.NEVER_ASKED, SessionState.NOT_ENTITLED, SessionState.NOT_LISTED, SessionState.FAILED]

    found = gaps("AAPL", [SessionStatus(day, state) for day, state in zip(days, states, strict=True)])

    assert [(gap.start, gap.end, gap.state.value) for gap in found] == [
        (date(2024, 5, 2), date(2024, 5, 3), "never_asked"),
        (date(2024, 5, 7), date(2024, 5, 7), "never_asked"),
        (date(2024, 5, 8), date(2024, 5, 8), "not_entitled"),
        (date(2024, 5, 10), date(2024, 5, 10), "failed"),
    ]
    assert all(gap.as_json()["reason"] for gap in found)
