"""What has to be asked, and what it costs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redline.jobs.bill import minutes
from redline.jobs.planner import actions_due, asked_range, needs_asking, plan
from redline.jobs.spans import bar_parts, joined, runs
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part, Plan, Route
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState, SessionStatus
from tests.jobs.conftest import wanted
from tests.jobs.vendor import CALENDAR

NOW = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)
MINUTE = BarSpec(Timespan.MINUTE)
YEAR = CALENDAR.sessions(date(2023, 6, 5), date(2024, 5, 31))
REQUEST = DownloadRequest(("ACME",), YEAR[0], YEAR[-1], spec=MINUTE, adjusted=False)


def pages_of(sessions: int) -> Callable[[Part, int], int]:
    """Return a bill of one call for each ``sessions`` sessions, as intraday bars have; daily bars take one."""

    def calls(part: Part, covered: int) -> int:
        daily = not part.spec.timespan.intraday
        return 1 if daily or part.dataset is not Dataset.BARS else max(1, -(-covered // sessions))

    return calls


def status(
    day: date, state: SessionState, asked: datetime | None = NOW - timedelta(days=30), settled: bool = True
) -> SessionStatus:
    return SessionStatus(day, state, 1 if state is SessionState.STORED else 0, "massive", asked, "", settled)


def planned(request: DownloadRequest, statuses: Sequence[SessionStatus], splits: datetime | None = NOW) -> Plan:
    return plan(
        request,
        statuses={"ACME": statuses},
        actions_asked={(Dataset.SPLITS, "ACME"): splits},
        now=NOW,
        calendar=CALENDAR,
        calls_for=pages_of(52),
        limit_per_minute=5,
    )


@pytest.mark.parametrize(
    ("state", "age", "settled", "asked"),
    [
        (SessionState.NEVER_ASKED, None, False, True),
        (SessionState.FAILED, timedelta(seconds=1), False, True),
        (SessionState.STORED, timedelta(days=9_999), True, False),
        (SessionState.STORED, timedelta(minutes=14), False, False),
        (SessionState.STORED, timedelta(minutes=16), False, True),
        (SessionState.VENDOR_HAS_NONE, timedelta(days=400), True, False),
        (SessionState.NOT_LISTED, timedelta(days=400), True, False),
        (SessionState.LATE, timedelta(minutes=14), False, False),
        (SessionState.LATE, timedelta(minutes=16), False, True),
        (SessionState.NOT_ENTITLED, timedelta(hours=23), True, False),
        (SessionState.NOT_ENTITLED, timedelta(hours=25), True, True),
        (SessionState.NOT_ENTITLED, timedelta(minutes=16), False, True),  # today's, of a plan that ends with the day
        (SessionState.MARKET_CLOSED, None, False, False),
        (SessionState.STORED, timedelta(days=-1), False, True),  # asked by a clock that was a day ahead
    ],
)
def test_a_session_is_asked_for_when_asking_can_change_something(
    state: SessionState, age: timedelta | None, settled: bool, asked: bool
) -> None:
    at = None if age is None else NOW - age

    assert needs_asking(status(YEAR[0], state, at, settled), NOW) is asked


def test_a_retry_does_not_wait_for_a_refusal_to_grow_old() -> None:
    refused = status(YEAR[0], SessionState.NOT_ENTITLED, NOW - timedelta(minutes=1))

    assert not needs_asking(refused, NOW)
    assert needs_asking(refused, NOW, explicit=True)


def test_splits_are_due_once_a_day() -> None:
    assert actions_due(None, NOW)
    assert not actions_due(NOW - timedelta(hours=23), NOW)
    assert actions_due(NOW - timedelta(hours=25), NOW)
    assert actions_due(NOW + timedelta(days=1), NOW)  # written by a clock that was ahead


def test_daily_bars_never_held_take_one_call_and_the_splits_another() -> None:
    request = wanted("2014-01-02", "2023-12-29")
    days = CALENDAR.sessions(request.start, request.end)

    made = planned(request, [status(day, SessionState.NEVER_ASKED, None) for day in days], splits=None)

    assert (made.route, made.calls, made.sessions, made.held) == (Route.PAGES, 2, len(days), 0)
    assert [one.dataset for one in made.parts] == [Dataset.BARS, Dataset.SPLITS]
    assert (made.parts[0].start, made.parts[0].end) == (days[0], days[-1])


def test_nothing_lacking_is_no_part_no_call_and_no_time() -> None:
    made = planned(REQUEST, [status(day, SessionState.STORED) for day in YEAR])

    assert (made.route, made.parts, made.calls, made.minutes) == (Route.NONE, (), 0, 0.0)
    assert made.held == made.sessions == len(YEAR)


def test_raw_bars_and_tickers_with_a_prefix_need_no_splits() -> None:
    days = [status(day, SessionState.NEVER_ASKED, None) for day in YEAR[:5]]
    prefixed = DownloadRequest(("X:BTCUSD",), YEAR[0], YEAR[4])

    assert [one.dataset for one in planned(REQUEST, days, splits=None).parts] == [Dataset.BARS]
    assert planned(prefixed, days, splits=None).parts == ()


def test_daily_gaps_at_both_ends_are_one_call_over_what_is_held() -> None:
    request = DownloadRequest(("ACME",), YEAR[0], YEAR[-1], adjusted=False)
    ends = {*YEAR[:3], *YEAR[-3:]}
    states = [status(day, SessionState.NEVER_ASKED if day in ends else SessionState.STORED) for day in YEAR]

    made = planned(request, states)

    assert [(one.start, one.end) for one in made.parts] == [(YEAR[0], YEAR[-1])]
    assert (made.calls, made.held) == (1, len(YEAR) - 6)


def test_intraday_gaps_far_apart_stay_apart_and_near_ones_are_joined() -> None:
    lacking = {YEAR[0], YEAR[30], YEAR[200]}
    states = [status(day, SessionState.NEVER_ASKED if day in lacking else SessionState.STORED) for day in YEAR]

    made = planned(REQUEST, states)

    assert [(one.start, one.end) for one in made.parts] == [(YEAR[0], YEAR[30]), (YEAR[200], YEAR[200])]
    assert made.calls == 2


def test_weeks_are_asked_for_whole_and_never_beyond_today() -> None:
    week = BarSpec(Timespan.WEEK)
    request = wanted("2024-05-22", "2024-06-03", spec=week, adjusted=False)
    first, last = asked_range(request)
    days = [one for one in CALENDAR.sessions(first, last) if one <= date(2024, 6, 3)]

    made = planned(request, [status(day, SessionState.NEVER_ASKED, None) for day in days])

    assert [(one.start, one.end) for one in made.parts] == [(date(2024, 5, 19), date(2024, 6, 3))]
    assert made.sessions == len(CALENDAR.sessions(request.start, request.end))


def test_bars_of_several_days_are_asked_for_as_one_range() -> None:
    request = wanted("2024-01-02", "2024-03-28", spec=BarSpec(Timespan.DAY, 3), adjusted=False)
    days = CALENDAR.sessions(request.start, request.end)
    states = [status(day, SessionState.NEVER_ASKED if at > 50 else SessionState.STORED) for at, day in enumerate(days)]

    made = planned(request, states)

    assert [(one.start, one.end) for one in made.parts] == [(request.start, request.end)]


def test_minutes_follow_the_limit_and_the_first_calls_are_free() -> None:
    assert minutes(0, 5) == 0
    assert minutes(5, 5) < 0.1
    assert 1 <= minutes(6, 5) < 1.1
    assert 99 <= minutes(500, 5) < 100
    assert minutes(6_000, 600) == pytest.approx(20)  # 0.2 s a call: the source is slower than the limit
    assert minutes(1_000, None) == pytest.approx(1_000 * 0.2 / 60)


@given(st.sets(st.integers(0, len(YEAR) - 1), max_size=40), st.integers(1, 80))
@settings(max_examples=150, deadline=None)
def test_parts_cover_what_is_lacking_in_order_and_apart(lacking: set[int], page: int) -> None:
    need = [YEAR[at] for at in sorted(lacking)]

    parts = bar_parts(REQUEST, "ACME", need, now=NOW, calendar=CALENDAR, calls_for=pages_of(page))

    assert all(any(one.start <= day <= one.end for one in parts) for day in need)
    assert all(before.end < after.start for before, after in itertools.pairwise(parts))
    assert all(one.start in need and one.end in need for one in parts)


@given(st.sets(st.integers(0, 60), min_size=1, max_size=9), st.integers(1, 30))
@settings(max_examples=150, deadline=None)
def test_no_other_way_to_cut_takes_fewer_calls(lacking: set[int], page: int) -> None:
    days = [YEAR[at] for at in sorted(lacking)]
    spans = runs(days, YEAR)
    alone = [Part("massive", Dataset.BARS, "ACME", start, end, MINUTE) for start, end in spans]

    def calls(part: Part) -> int:
        return max(1, -(-len(CALENDAR.sessions(part.start, part.end)) // page))

    best = sum(calls(one) for one in joined(alone, calls))

    for size in range(len(alone)):
        for cuts in itertools.combinations(range(1, len(alone)), size):
            edges = [0, *cuts, len(alone)]
            pieces = [(alone[a].start, alone[b - 1].end) for a, b in itertools.pairwise(edges)]
            total = sum(calls(Part("massive", Dataset.BARS, "ACME", *one, MINUTE)) for one in pieces)
            assert best <= total


@given(st.sets(st.integers(0, len(YEAR) - 1), max_size=60))
@settings(max_examples=100, deadline=None)
def test_runs_hold_exactly_their_days(chosen: set[int]) -> None:
    days = {YEAR[at] for at in chosen}

    spans = runs(days, YEAR)

    assert {day for start, end in spans for day in YEAR if start <= day <= end} == days
    for (_, end), (start, _) in itertools.pairwise(spans):
        assert YEAR.index(start) - YEAR.index(end) > 1


def test_sessions_that_the_plan_refused_are_told_apart_from_those_that_are_held() -> None:
    refused = [status(day, SessionState.NOT_ENTITLED, NOW - timedelta(hours=1)) for day in YEAR[:100]]

    made = planned(REQUEST, [*refused, *(status(day, SessionState.STORED) for day in YEAR[100:])])

    assert (made.held, made.refused, made.calls) == (len(YEAR), 100, 0)
    assert [(gap.start, gap.end) for gap in made.not_in_plan] == [(YEAR[0], YEAR[99])]


def test_a_refusal_of_the_day_before_is_no_longer_counted_as_refused() -> None:
    old = [status(day, SessionState.NOT_ENTITLED, NOW - timedelta(hours=25)) for day in YEAR]

    made = planned(REQUEST, old)

    assert (made.held, made.refused, made.not_in_plan) == (0, 0, ())
