"""Jobs over the real downloader, HTTP and the emulator's demo market: what a person with a key meets."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from redline.clock import SystemClock
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.jobs.job import JobState, JobView
from redline.jobs.ledger import JobLedger
from redline.jobs.planner import asked_range, plan
from redline.jobs.runner import Runner
from redline.market.bar import BarSpec, Timespan
from redline.market.calendar import TradingCalendar
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.store import Store
from redline.testing import Emulator
from tests.jobs.conftest import wanted

KEY = "a-key-of-the-tests"
CALENDAR = TradingCalendar(date(2026, 1, 2))


class Desk:
    """A runner over the emulator, with the machine's clock."""

    def __init__(self, home: Path, emulator: Emulator) -> None:
        self.clock = SystemClock()
        self.store = Store(home, self.clock, CALENDAR)
        self.ledger = JobLedger(home / "jobs.db", self.clock)
        budgets, breaker = Budgets(home / "budgets.db", self.clock), Breaker("massive", self.clock)
        self.downloader = MassiveDownloader(
            KEY, home, base_url=emulator.rest, rate_limit_per_minute=600, budgets=budgets, clock=self.clock,
            rng=random.Random(3), timeout=5.0, patience_s=None, breaker=breaker,
        )  # fmt: skip
        self.runner = Runner(self.ledger, self.store, lambda job: self.downloader, self.clock, CALENDAR)
        self.runner.start()

    def done(self, request: DownloadRequest) -> JobView:
        start, end = asked_range(request)
        now, ticker = self.clock.now(), request.tickers[0]
        made = plan(
            request,
            statuses={ticker: self.store.statuses("massive", request.spec, ticker, start, end, now)},
            actions_asked={
                (Dataset.SPLITS, ticker): self.store.actions_asked("massive", Dataset.SPLITS, ticker),
            },
            now=now,
            calendar=CALENDAR,
            calls_for=self.downloader.calls_for,
            limit_per_minute=600,
        )
        return self.runner.wait(self.runner.submit(request, made).job_id, 60)

    def close(self) -> None:
        self.runner.stop()
        self.ledger.close()
        self.store.close()


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as started:
        yield started


@pytest.fixture
def desk(tmp_path: Path, emulator: Emulator) -> Iterator[Desk]:
    emulator.reset()
    made = Desk(tmp_path, emulator)
    yield made
    made.close()


def test_a_year_of_daily_bars_takes_two_calls_and_then_none(desk: Desk, emulator: Emulator) -> None:
    request = wanted("2020-01-02", "2020-12-31", ticker="AAPL")

    first = desk.done(request)
    second = desk.done(request)

    assert (first.state, first.records, first.requests, first.gaps) == (JobState.COMPLETE, 253, 2, ())
    assert (second.state, second.records, second.requests) == (JobState.COMPLETE, 253, 0)
    assert len(emulator.ledger()) == 2
    assert desk.store.splits_table(("AAPL",)).num_rows > 0


def test_weekly_bars_count_once_and_are_held_the_second_time(desk: Desk) -> None:
    request = wanted("2020-01-02", "2020-03-31", ticker="AAPL", spec=BarSpec(Timespan.WEEK), adjusted=False)

    first = desk.done(request)
    second = desk.done(request)

    assert (first.state, first.records, first.requests) == (JobState.COMPLETE, 14, 1)  # weeks of Dec 29 to Mar 29
    assert (second.records, second.requests) == (14, 0)


def test_an_unknown_ticker_is_told_apart_by_the_reference_data(desk: Desk) -> None:
    job = desk.done(wanted("2020-01-02", "2020-01-31", ticker="NOSUCH"))

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.status) == ("unknown_ticker", 404)


def test_faults_of_the_service_cost_time_and_no_row(desk: Desk, emulator: Emulator) -> None:
    emulator.faults(
        [
            {"match": {"path": "/v2/aggs", "nth": 1}, "do": {"status": 429, "headers": {"Retry-After": "1"}}},
            {"match": {"path": "/v2/aggs", "nth": 2}, "do": {"status": 503}},
            {"match": {"path": "/v2/aggs", "nth": 3}, "do": {"cut_after": 200}},
        ]
    )

    job = desk.done(wanted("2020-01-02", "2020-12-31", ticker="AAPL", adjusted=False))

    assert (job.state, job.records, job.requests) == (JobState.COMPLETE, 253, 4)
    assert [one["fired"] for one in emulator.faults_state()] == [1, 1, 1]


def test_a_rejected_key_stops_within_one_request_a_worker(desk: Desk, emulator: Emulator) -> None:
    emulator.faults([{"match": {}, "do": {"status": 401}}])

    job = desk.done(wanted("2020-01-02", "2020-12-31", ticker="AAPL"))

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "invalid_api_key"
    assert len(emulator.ledger()) <= 2
    assert KEY not in str(job.as_json())


def test_a_plan_that_reaches_back_two_years_leaves_the_rest_out_and_says_so(desk: Desk, emulator: Emulator) -> None:
    emulator.plan("basic", calls=1_000)
    today = desk.clock.now().date()
    request = DownloadRequest(("AAPL",), date(2020, 1, 2), date(2020, 12, 31), adjusted=False)
    assert today > date(2023, 1, 1)

    job = desk.done(request)
    again = desk.done(request)

    assert (job.state, job.records) == (JobState.FAILED, 0)
    assert job.error is not None
    assert (job.error.code, job.error.status) == ("not_entitled", 403)
    assert {gap.state for gap in job.gaps} == {SessionState.NOT_ENTITLED}
    assert "timeframe" in job.gaps[0].answer
    assert (again.requests, again.state) == (0, JobState.FAILED)
    assert again.error is not None
    assert (again.error.code, again.error.hint) == (job.error.code, job.error.hint)
