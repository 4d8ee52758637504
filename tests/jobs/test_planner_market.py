"""Plans for many tickers: pages, answers for the whole market, and the cheapest mix, held against all others."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redline.jobs.planner import plan
from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.part import WHOLE_MARKET, Part, Plan, Route
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState, SessionStatus
from tests.jobs.vendor import CALENDAR

NOW = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)
TODAY = date(2024, 6, 3)
LAST = date(2024, 5, 31)
MONTH_AGO = NOW - timedelta(days=30)
MINUTE = BarSpec(Timespan.MINUTE)
ALL_STOCKS = 11_432  # peers (d)


def calls_for(part: Part, sessions: int) -> int:
    """Return the bill of Massive's pages: 50,000 minutes, 960 of them a session; all else is one call."""
    minutes = part.dataset is Dataset.BARS and part.spec.timespan.intraday
    return max(1, -(-sessions * 960 // 50_000)) if minutes else 1


def status(day: date, state: SessionState = SessionState.STORED) -> SessionStatus:
    asked = None if state is SessionState.NEVER_ASKED else MONTH_AGO
    return SessionStatus(day, state, state is SessionState.STORED, "massive", asked, "", settled=True)


def names(count: int) -> tuple[str, ...]:
    return tuple(f"T{n:05}" for n in range(count))


def planned(
    request: DownloadRequest,
    lacking: dict[str, Sequence[date]] | None = None,
    *,
    splits: datetime | None = None,
    market_bars: bool = True,
    limit: float | None = 5,
    state: SessionState = SessionState.NEVER_ASKED,
) -> Plan:
    """Return the plan when tickers lack some sessions, or all of them, if ``lacking`` says nothing."""
    days = CALENDAR.sessions(request.start, request.end)
    shared = [status(day, SessionState.NEVER_ASKED) for day in days]
    statuses = {
        one: shared if lacking is None else [status(day, state) if day in lacking[one] else status(day) for day in days]
        for one in request.tickers
    }
    return plan(
        request,
        statuses=statuses,
        actions_asked={(Dataset.SPLITS, one): splits for one in request.tickers},
        now=NOW,
        calendar=CALENDAR,
        calls_for=calls_for,
        limit_per_minute=limit,
        market_bars=market_bars,
    )


def bars(plan: Plan) -> list[Part]:
    return [one for one in plan.parts if one.dataset is Dataset.BARS]


YEAR = CALENDAR.sessions(date(2023, 6, 5), LAST)


@pytest.mark.parametrize(
    ("tickers", "start", "spec", "route", "bar_calls", "list_calls"),
    [
        pytest.param(ALL_STOCKS, date(2019, 6, 3), DAILY, Route.GROUPED, 1_259, 6, id="day-bars-all-stocks-5-years"),
        pytest.param(500, date(2023, 6, 5), DAILY, Route.GROUPED, 250, 2, id="day-bars-500-tickers-1-year"),
        pytest.param(100, date(2023, 6, 5), DAILY, Route.PAGES, 100, 2, id="day-bars-100-tickers-1-year"),
        pytest.param(500, date(2022, 6, 1), MINUTE, Route.PAGES, 500 * 10, 3, id="minute-bars-500-tickers-2-years"),
        pytest.param(
            ALL_STOCKS, date(2023, 6, 5), MINUTE, Route.PAGES, ALL_STOCKS * 5, 2, id="minute-bars-all-stocks-1-year"
        ),
        pytest.param(1, date(2023, 6, 5), DAILY, Route.PAGES, 1, 1, id="one-ticker"),
        pytest.param(2_000, LAST, DAILY, Route.GROUPED, 1, 1, id="last-session-2,000-tickers"),
    ],
)
def test_the_standard_jobs_take_the_cheapest_route(
    tickers: int, start: date, spec: BarSpec, route: Route, bar_calls: int, list_calls: int
) -> None:
    made = planned(DownloadRequest(names(tickers), start, LAST, spec=spec))

    assert made.route is route
    assert made.calls == bar_calls + list_calls
    assert sum(one.dataset is Dataset.SPLITS for one in made.parts) == list_calls
    assert all(made.calls <= other.calls for other in made.alternatives if other.possible)


def test_an_answer_for_the_whole_market_is_one_session_and_the_splits_come_by_years() -> None:
    made = planned(DownloadRequest(names(500), date(2023, 6, 5), LAST))

    assert bars(made) == [Part("massive", Dataset.BARS, WHOLE_MARKET, day, day, DAILY) for day in reversed(YEAR)]
    assert [(one.ticker, one.start, one.end) for one in made.parts if one.dataset is Dataset.SPLITS] == [
        (WHOLE_MARKET, date(2023, 1, 1), date(2023, 12, 31)),
        (WHOLE_MARKET, date(2024, 1, 1), TODAY),
    ]


def test_a_source_without_such_answers_is_asked_page_by_page() -> None:
    made = planned(DownloadRequest(names(300), YEAR[0], LAST), market_bars=False)

    assert (made.route, made.calls, made.alternatives) == (Route.PAGES, 600, ())


def test_a_second_run_takes_no_call() -> None:
    made = planned(DownloadRequest(names(500), YEAR[0], LAST), dict.fromkeys(names(500), ()), splits=NOW)

    assert (made.route, made.calls, made.parts, made.alternatives) == (Route.NONE, 0, (), ())
    assert made.held == made.sessions == 500 * len(YEAR)


def test_sessions_that_all_lack_come_for_the_market_and_a_new_ticker_s_history_by_pages() -> None:
    new, old = "NEW", names(400)
    request = DownloadRequest((*old, new), YEAR[0], LAST)

    made = planned(request, {**dict.fromkeys(old, YEAR[-2:]), new: YEAR}, splits=NOW)

    assert made.route is Route.MIXED
    assert [(one.ticker, one.start, one.end) for one in made.parts] == [
        (WHOLE_MARKET, YEAR[-1], YEAR[-1]),
        (WHOLE_MARKET, YEAR[-2], YEAR[-2]),
        (new, YEAR[0], YEAR[-3]),
    ]


def test_what_is_no_plain_stock_has_pages_and_a_list_of_its_own() -> None:
    index = ("I:SPX", "X:BTCUSD", "ODD:NAME")

    made = planned(DownloadRequest((*index, *names(9)), LAST, LAST))

    assert [one.what for one in made.parts] == [
        "day bars of the whole market 2024-05-31",
        "splits of the whole market 2024-01-01 to 2024-06-03",
        "day bars I:SPX 2024-05-31 to 2024-05-31",
        "day bars X:BTCUSD 2024-05-31 to 2024-05-31",
        "day bars ODD:NAME 2024-05-31 to 2024-05-31",
        "splits ODD:NAME",
    ]


def test_bars_of_weeks_have_pages_and_their_own_splits() -> None:
    made = planned(DownloadRequest(names(30), date(2024, 5, 26), date(2024, 6, 1), spec=BarSpec(Timespan.WEEK)))

    assert (made.route, made.calls) == (Route.PAGES, 60)
    assert not any(one.whole_market for one in made.parts)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sets(st.integers(0, 5)), min_size=1, max_size=6), st.booleans())
def test_parts_bring_all_that_lacks_and_no_other_mix_takes_fewer_calls(holes: list[set[int]], due: bool) -> None:
    week = YEAR[-6:]
    request = DownloadRequest(names(len(holes)), week[0], week[-1])
    lacking = {one: [week[n] for n in mine] for one, mine in zip(request.tickers, holes, strict=True)}

    made = planned(request, lacking, splits=None if due else NOW)

    for ticker, days in lacking.items():
        mine = [one for one in bars(made) if one.ticker in (ticker, WHOLE_MARKET)]
        assert all(any(one.start <= day <= one.end for one in mine) for day in days)
    assert made.calls == len(made.parts)
    others = [
        len(chosen) + len({day for one, days in lacking.items() if one not in chosen for day in days})
        for size in range(len(holes) + 1)
        for chosen in itertools.combinations(request.tickers, size)
    ]
    assert len(bars(made)) == min(others)
    assert made.calls - len(bars(made)) == (1 if due else 0)  # One window of splits, or the list of the only ticker.


def test_a_repair_asks_for_what_failed_or_came_late_and_for_nothing_else() -> None:
    request = DownloadRequest(("A", "B"), YEAR[0], LAST, repair=True)
    days = {"A": YEAR[3:5], "B": YEAR[100:101]}

    lost = planned(request, days, splits=NOW, state=SessionState.FAILED)
    late = planned(request, days, splits=NOW, state=SessionState.LATE)
    never = planned(request, days, splits=NOW, state=SessionState.NEVER_ASKED)

    assert [(one.ticker, one.start, one.end) for one in lost.parts] == [("A", *YEAR[3:5]), ("B", YEAR[100], YEAR[100])]
    assert late.parts == lost.parts
    assert (lost.sessions, lost.held) == (3, 0)
    assert never.parts == ()


def test_a_universe_not_known_yet_asks_for_its_list_and_bills_a_whole_market() -> None:
    request = DownloadRequest((), YEAR[0], LAST, universe="us_stocks", as_of=date(2024, 5, 1))

    made = planned(request)

    assert made.parts == (Part("massive", Dataset.TICKERS, "us_stocks", date(2024, 5, 1), date(2024, 5, 1)),)
    assert (made.route, made.calls) == (Route.GROUPED, 12 + len(YEAR) + 2)
    assert made.sessions == ALL_STOCKS * len(YEAR)
    assert [one.calls for one in made.alternatives][:1] == [12 + 2 * ALL_STOCKS]


def test_a_universe_whose_tickers_are_known_is_planned_as_those() -> None:
    request = DownloadRequest(names(300), YEAR[0], LAST)

    assert planned(replace(request, universe="held")) == planned(request)


def test_other_routes_stand_beside_the_chosen_one_with_what_they_cost() -> None:
    day_bars = planned(DownloadRequest(names(500), YEAR[0], LAST))
    minute_bars = planned(DownloadRequest(names(500), date(2022, 6, 1), LAST, spec=MINUTE))

    pages, files = day_bars.alternatives
    assert (pages.route, pages.calls, pages.possible) == (Route.PAGES, 1_000, True)
    assert pages.minutes > day_bars.minutes
    assert (files.route, files.calls, files.possible) == (Route.FLAT_FILES, 2, False)
    assert files.why
    [files] = minute_bars.alternatives  # No answer for the whole market holds minutes.
    assert 16e9 < files.size_bytes < 17e9  # peers (d): 504 files, 16.6 GB
    assert files.as_json()["possible"] is False
