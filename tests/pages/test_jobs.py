"""The list of jobs and the page of one: filters with counts, the time that is left, ten thousand tickers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from redline.jobs.job import JobState, Waiting
from redline.market.request import DownloadRequest
from redline.web.application import create_app
from redline.web.contexts.cards import card
from redline.web.contexts.jobs import JobPage, JobsPage, job_page, jobs_page
from redline.web.contexts.pace import Pace, calls_left, eta, paces
from tests.browser.market import GAP, MarketEngine, bulk_job

RUNNING = {
    "state": "running",
    "plan": {"calls": 115},
    "parts": {"total": 115, "done": 68, "failed": 0},
    "requests": 68,
}
TEN = Pace(10.0, 60.0, 10)


def job(**more: Any) -> dict[str, Any]:
    return RUNNING | more


@pytest.fixture
def engine(tmp_path: Path) -> MarketEngine:
    return MarketEngine(tmp_path)


def listed(engine: MarketEngine, chosen: str = "") -> JobsPage:
    with create_app(engine).test_request_context():
        return jobs_page(engine, engine.jobs(), chosen)


def shown(engine: MarketEngine, job_id: str) -> JobPage:
    with create_app(engine).test_request_context():
        return job_page(engine, engine.job(job_id))


@pytest.mark.parametrize(
    ("given", "pace", "said"),
    [
        (job(), TEN, "About 4 m 42 s left: 47 calls at 10 a minute."),
        (job(), Pace(10.0, 60.0, 0), "About 3 m 42 s left: 47 calls at 10 a minute."),
        (job(), Pace(60_000.0, 60.0, 0), "The key's budget asks for no wait: 47 calls at 60,000 a minute."),
        (job(), Pace(5.0, 1.0, 5), "About 9 s left: 47 calls at 300 a minute."),
        (
            job(),
            Pace(10.0, 60.0, 10, jobs=3),
            "About 4 m 42 s left: 47 calls at 10 a minute; the key is shared with 2 other jobs.",
        ),
        (
            job(state="paused"),
            Pace(10.0, 60.0, 10, jobs=0),
            "About 4 m 42 s left once it goes on: 47 calls at 10 a minute.",
        ),
        (job(state="complete"), TEN, ""),
        (job(parts={"total": 115, "done": 115, "failed": 0}), TEN, ""),
        (job(), None, ""),
    ],
    ids=["busy-key", "free-key", "no-limit", "by-second", "shared", "paused", "ended", "last-part", "no-budget"],
)
def test_the_time_that_is_left_comes_from_the_plan_and_the_keys_limit(
    given: dict[str, Any], pace: Pace | None, said: str
) -> None:
    assert eta(given, pace) == said


def test_calls_beyond_the_plan_leave_as_many_as_there_are_parts() -> None:
    assert calls_left(job(requests=114)) == 47
    assert calls_left(job(requests=20)) == 95
    assert calls_left(job(parts={"total": 115, "done": 100, "failed": 15})) == 0


def test_of_each_source_the_key_in_use_sets_the_pace_for_all_jobs_at_work() -> None:
    rows = [
        {"source": "massive", "limit": 5, "window_s": 60, "used": 1},
        {"source": "massive", "limit": 100, "window_s": 60, "used": 0},
    ]

    found = paces(rows, [("massive", "running"), ("massive", "queued"), ("massive", "paused"), ("massive", "failed")])

    assert found == {"massive": Pace(5.0, 60.0, 1, jobs=2)}


def test_each_filter_shows_its_jobs_and_how_many_there_are(engine: MarketEngine) -> None:
    for n, state in enumerate(JobState):
        engine.put(bulk_job(state, 4, job_id=f"b{n}"))

    page = listed(engine)
    assert {one.label: one.count for one in page.filters} == {
        "All": "8",
        "Running": "1",
        "Waiting": "2",  # and queued
        "Paused": "1",
        "Done": "1",
        "Incomplete": "1",
        "Failed": "1",
        "Cancelled": "1",
    }
    assert [one.state for one in page.cards] == ["paused", "waiting", "running", "queued"]
    assert page.events == "/events?jobs=b3,b2,b1,b0"
    assert page.lead.startswith("4 of 8 still to do: 1 paused, 1 waiting, 1 running, 1 queued.")
    for one in page.filters:
        alone = listed(engine, one.name)
        assert len(alone.cards) + len(alone.ended) == int(one.count)
    assert listed(engine, "nonsense").filters[0].current


def test_a_page_without_jobs_at_work_needs_no_stream(engine: MarketEngine) -> None:
    engine.put(bulk_job(JobState.COMPLETE, 4))

    assert listed(engine).events == ""


def test_a_waiting_job_says_why_and_for_how_long(engine: MarketEngine) -> None:
    engine.put(bulk_job(JobState.WAITING, waiting=Waiting("the key's budget is used up", 42.0)))

    one = listed(engine).cards[0]

    assert (one.why, one.wait_s) == ("Waiting: the key's budget is used up.", 42)
    assert one.eta == "About 16 h 39 m left: 5,000 calls at 5 a minute."  # the stand-in's key: 2 of 5 are used


def test_ten_thousand_tickers_stay_small(engine: MarketEngine) -> None:
    engine.put(bulk_job(JobState.INCOMPLETE))

    page = shown(engine, "bulk1")

    assert page.card.title == "10,000 tickers, day bars"
    assert (
        page.plan[0].value
        == "T00000, T00001, T00002, T00003, T00004, T00005, T00006, T00007, T00008, T00009 and 9,990 more"
    )
    assert len(page.card.pieces) == 60
    assert page.card.pieces_said == "10,000 parts: 5,000 done, 5,000 failed; the first 60 are shown"
    assert len(page.tickers) == len(page.gaps) == 200
    assert page.tickers_said == "5,000 of 10,000 tickers not complete; the first 200 are listed"
    assert page.gaps[0].href == "/explain?ticker=T05000&date=2024-06-11"
    assert page.gaps_said == "the first 200 of 5,000 gaps"
    assert (page.tickers[0].ticker, page.tickers[0].reason) == ("T05000", "No rows.")
    assert [(one.name, one.value) for one in page.reasons] == [
        ("Complete", "5,000"),
        ("Incomplete", "0"),
        ("Failed", "5,000"),
        ("5,000 tickers", "No rows."),
    ]
    assert page.chart is None


def test_a_universe_whose_list_is_still_to_come_is_called_by_its_name(engine: MarketEngine) -> None:
    request = DownloadRequest((), GAP[0], GAP[-1], universe="us_stocks")
    engine.put(bulk_job(JobState.RUNNING, request=request, tickers_count=0))

    page = shown(engine, "bulk1")

    assert page.card.title == "us stocks, day bars"
    assert page.plan[0].value == "all of us stocks: looked up by the first part"


def test_a_job_of_many_tickers_offers_no_chart_of_its_first(engine: MarketEngine) -> None:
    made = card(bulk_job(JobState.COMPLETE, 3))

    assert (made.data, made.exports, made.again) == ("/data", (), "")
