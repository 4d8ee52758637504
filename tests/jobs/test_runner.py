"""What a job comes to when the source behaves, and when it does not."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

import pytest

from redline.clock import Watch
from redline.errors import (
    Conflict,
    DiskFull,
    InvalidKey,
    MalformedPage,
    MissingKey,
    NotEntitled,
    NotFound,
    ProviderUnavailable,
    RateLimited,
)
from redline.jobs.job import JobRecord, JobState, Lease
from redline.jobs.leases import PartLedger
from redline.jobs.marks import Mark
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Delivery, Listing
from redline.market.request import Dataset
from redline.market.session import SessionState
from redline.store import Store
from redline.store.store import Committed
from tests.jobs.conftest import LONG, World, wanted
from tests.jobs.vendor import CALENDAR, UNKNOWN, VendorDownloader

DAILY = BarSpec()


def states(world: World, start: date, end: date, ticker: str = "ACME") -> list[SessionState]:
    return [one.state for one in world.store.statuses("massive", DAILY, ticker, start, end, world.clock.now())]


# -- what it costs ----------------------------------------------------------------------------------------------------


def test_a_first_request_takes_two_calls_and_a_second_none(world: World) -> None:
    first = world.done(wanted())
    second = world.done(wanted())

    assert first.state is JobState.COMPLETE
    assert (first.requests, first.records) == (2, 21)  # bars and splits; sessions of January 2024 in New York
    assert (second.requests, second.records, second.plan["route"]) == (0, 21, "none")
    assert second.state is JobState.COMPLETE
    assert first.job_id < second.job_id


def test_a_longer_request_asks_for_what_is_lacking_and_nothing_else(world: World) -> None:
    world.done(wanted())
    world.vendor.asked.clear()

    longer = world.done(wanted("2023-12-18", "2024-02-09"))

    assert world.vendor.asked == ["bars ACME 2023-12-18 2024-02-09"]  # one call covers both ends: cheaper than two
    assert (longer.state, longer.requests, longer.records) == (JobState.COMPLETE, 1, 37)


def test_dividends_are_a_job_of_their_own_and_cost_one_call_a_day(world: World) -> None:
    first = world.done(wanted(dataset=Dataset.DIVIDENDS))
    second = world.done(wanted(dataset=Dataset.DIVIDENDS))
    world.clock.advance(25 * 3600)
    third = world.done(wanted(dataset=Dataset.DIVIDENDS))

    assert [one.requests for one in (first, second, third)] == [1, 0, 1]
    assert {one.state for one in (first, second, third)} == {JobState.COMPLETE}


def test_a_session_that_is_not_settled_is_asked_again_after_a_quarter_of_an_hour(world: World) -> None:
    today = wanted("2024-05-31", "2024-06-03")  # asked at 11:00 New York on June 3: that session is open
    world.done(today)
    soon = world.done(today)
    world.clock.advance(16 * 60)
    later = world.done(today)
    world.clock.advance(48 * 3600)
    settled = world.done(wanted("2024-05-31", "2024-06-03", adjusted=False))
    again = world.done(wanted("2024-05-31", "2024-06-03", adjusted=False))

    assert [one.requests for one in (soon, later, settled, again)] == [0, 1, 1, 0]


def test_a_dead_quiet_job_ends_at_once_although_all_workers_wait(world: World) -> None:
    world.done(wanted())
    stuck = threading.Event()
    world.vendor.faults = [lambda watch: _block(stuck), lambda watch: _block(stuck)]
    world.submit(wanted(ticker="ONE"))
    world.submit(wanted(ticker="TWO"))

    nothing_to_do = world.submit(wanted())

    stuck.set()
    assert nothing_to_do.state is JobState.COMPLETE


def _block(until: threading.Event) -> None:
    until.wait(10)


# -- why rows are missing ---------------------------------------------------------------------------------------------


def test_an_unknown_ticker_fails_the_job_and_says_nothing_about_sessions(world: World) -> None:
    world.vendor.has_nothing, world.vendor.listings = {"NOPE"}, {"NOPE": UNKNOWN}

    job = world.done(wanted(ticker="NOPE"))

    assert (job.state, job.records) == (JobState.FAILED, 0)
    assert job.error is not None
    assert (job.error.code, job.error.status) == ("unknown_ticker", 404)
    assert 'does not know the ticker "NOPE"' in job.error.sentence
    assert set(states(world, date(2024, 1, 2), date(2024, 1, 31), "NOPE")) == {SessionState.FAILED}


def test_dates_before_a_listing_are_no_gap(world: World) -> None:
    world.vendor.has_nothing = {"YOUNG"}
    world.vendor.listings = {"YOUNG": Listing(known=True, listed=date(2024, 3, 1))}

    job = world.done(wanted(ticker="YOUNG"))

    assert (job.state, job.records, job.gaps) == (JobState.COMPLETE, 0, ())
    assert set(states(world, date(2024, 1, 2), date(2024, 1, 31), "YOUNG")) == {SessionState.NOT_LISTED}
    assert world.done(wanted(ticker="YOUNG")).requests == 0


def test_dates_around_a_delisting_are_told_apart(world: World) -> None:
    world.vendor.has_nothing = {"GONE"}
    world.vendor.listings = {"GONE": Listing(known=True, delisted=date(2024, 1, 12))}

    job = world.done(wanted(ticker="GONE"))

    assert job.state is JobState.COMPLETE
    assert [(gap.start, gap.end, gap.state) for gap in job.gaps] == [
        (date(2024, 1, 2), date(2024, 1, 12), SessionState.VENDOR_HAS_NONE)
    ]


def test_sessions_that_the_source_has_nothing_of_are_explained_gaps(world: World) -> None:
    world.vendor.silent = {date(2024, 1, 10), date(2024, 1, 11)}

    job = world.done(wanted())

    assert (job.state, job.records, job.requests) == (JobState.COMPLETE, 19, 2)
    assert [(gap.start, gap.end, gap.state) for gap in job.gaps] == [
        (date(2024, 1, 10), date(2024, 1, 11), SessionState.VENDOR_HAS_NONE)
    ]


def test_a_session_whose_rows_cannot_be_used_is_not_passed_off_as_empty(world: World) -> None:
    world.vendor.spoilt = {date(2024, 1, 10)}

    job = world.done(wanted())

    assert (job.state, job.records, job.set_aside) == (JobState.INCOMPLETE, 20, 1)
    assert [(gap.start, gap.state, gap.answer) for gap in job.gaps] == [
        (date(2024, 1, 10), SessionState.FAILED, "1 rows set aside: its high is below its low")
    ]


def test_an_answer_of_unusable_rows_only_is_no_empty_answer(world: World) -> None:
    world.vendor.spoilt = set(CALENDAR.sessions(date(2024, 1, 2), date(2024, 1, 31)))

    job = world.done(wanted())

    assert (job.state, job.records, job.set_aside) == (JobState.FAILED, 0, 21)
    assert not [asked for asked in world.vendor.asked if asked.startswith("ticker")]


def test_dates_below_the_floor_of_the_plan_are_left_out_and_said(world: World) -> None:
    world.vendor.floor = date(2022, 6, 3)

    job = world.done(wanted("2021-01-04", "2022-12-30", adjusted=False))

    assert job.state is JobState.INCOMPLETE
    assert world.vendor.asked == ["bars ACME 2021-01-04 2022-12-30", "bars ACME 2022-06-03 2022-12-30"]
    assert [(gap.start, gap.end, gap.state) for gap in job.gaps] == [
        (date(2021, 1, 4), date(2022, 6, 2), SessionState.NOT_ENTITLED)
    ]
    assert "timeframe" in job.gaps[0].answer
    assert job.error is not None
    assert job.error.code == "not_entitled"


def test_dates_that_the_plan_refused_are_in_the_bill_and_not_asked_again_for_a_day(world: World) -> None:
    world.vendor.floor = date(2022, 6, 3)
    request = wanted("2021-01-04", "2022-12-30", adjusted=False)
    world.done(request)

    bill = world.plan(request)
    world.clock.advance(25 * 3600)
    next_day = world.plan(request)

    assert (bill.calls, bill.parts) == (0, ())
    assert [(gap.start, gap.end) for gap in bill.not_in_plan] == [(date(2021, 1, 4), date(2022, 6, 2))]
    assert next_day.calls == 1


def test_a_retry_after_a_change_of_plan_asks_for_the_refused_dates_only(world: World) -> None:
    world.vendor.floor = date(2022, 6, 3)
    job = world.done(wanted("2021-01-04", "2022-12-30", adjusted=False))
    world.vendor.floor = date(1970, 1, 1)
    world.vendor.asked.clear()
    world.clock.advance(5)

    world.runner.retry(job.job_id)
    again = world.runner.wait(job.job_id, LONG)

    assert world.vendor.asked == ["bars ACME 2021-01-04 2022-06-02"]
    assert (again.state, again.gaps, again.error) == (JobState.COMPLETE, (), None)
    assert again.sessions_done == again.sessions_total


def test_a_dataset_outside_of_the_plan_fails_the_job_with_that_error(world: World) -> None:
    world.vendor.faults = [NotEntitled("massive", "bars", "You are not entitled to this data.")]

    job = world.done(wanted(adjusted=False))

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.status) == ("not_entitled", 403)
    assert {gap.state for gap in job.gaps} == {SessionState.NOT_ENTITLED}


def test_bars_without_their_splits_are_not_complete(world: World) -> None:
    def refused(job: JobRecord) -> VendorDownloader:
        return _NoSplits(world.vendor)

    world.downloader_for = refused

    job = world.done(wanted())

    assert (job.state, job.records, job.gaps) == (JobState.INCOMPLETE, 21, ())
    assert job.error is not None
    assert job.error.code == "not_entitled"


class _NoSplits(VendorDownloader):
    def pages(self, part, watch):  # type: ignore[no-untyped-def]
        if part.dataset is not Dataset.BARS:
            raise NotEntitled("massive", part.what, "You are not entitled to this data.")
        return super().pages(part, watch)


# -- when the source is unwell ----------------------------------------------------------------------------------------


def unavailable() -> ProviderUnavailable:
    return ProviderUnavailable("massive", "503 for bars.")


def test_an_outage_is_waited_out_and_pages_before_it_are_not_asked_again(world: World) -> None:
    world.vendor.page_sessions = 10
    world.vendor.faults = [None, unavailable(), unavailable(), unavailable()]

    job = world.done(wanted(adjusted=False))

    assert (job.state, job.records) == (JobState.COMPLETE, 21)
    assert world.vendor.asked == [
        "bars ACME 2024-01-02 2024-01-16",
        *["bars ACME 2024-01-17 2024-01-30"] * 4,  # three times in vain
        "bars ACME 2024-01-31 2024-01-31",
    ]
    assert max(world.clock.slept) <= 8


def test_an_outage_that_does_not_end_fails_the_job_and_a_retry_brings_the_rest(world: World) -> None:
    world.runner = world.new_runner(patience_s=60)
    world.vendor.faults = [unavailable() for _ in range(1_000)]
    job = world.done(wanted(adjusted=False))
    requests = len(world.vendor.asked)
    world.vendor.faults = []
    world.clock.advance(5)

    world.runner.retry(job.job_id)
    again = world.runner.wait(job.job_id, LONG)

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert (job.error.code, job.error.status) == ("provider_unavailable", 503)
    assert {gap.state for gap in job.gaps} == {SessionState.FAILED}
    assert 8 < requests < 24  # a minute of waits that grow to 4 to 8 s each
    assert (again.state, again.records, again.error) == (JobState.COMPLETE, 21, None)


def test_a_429_is_no_attempt_and_the_job_says_what_it_waits_for(world: World) -> None:
    world.vendor.faults = [RateLimited("massive", "bars", 3_600, asked_by_server=True) for _ in range(8)]

    job = world.done(wanted(adjusted=False))

    assert (job.state, job.records) == (JobState.COMPLETE, 21)
    assert world.clock.now() - datetime(2024, 6, 3, 15, 0, tzinfo=UTC) >= timedelta(hours=8)


def test_a_job_that_waits_for_its_turn_is_waiting_and_says_for_how_long(world: World) -> None:
    waiting, go_on = threading.Event(), threading.Event()

    def wait(watch: Watch) -> None:
        watch.on_wait("the key's limit of 5 a minute", 42)
        waiting.set()
        go_on.wait(10)
        watch.on_wait("", 0)

    world.vendor.faults = [wait]
    job = world.submit(wanted(adjusted=False))
    assert waiting.wait(10)
    seen = world.runner.get(job.job_id)
    go_on.set()
    ended = world.runner.wait(job.job_id, LONG)

    assert (seen.state, seen.requests) == (JobState.WAITING, 1)
    assert seen.as_json()["waiting"] == {"reason": "the key's limit of 5 a minute", "seconds": 42.0}
    assert (ended.state, ended.waiting) == (JobState.COMPLETE, None)


def test_a_rejected_key_ends_the_job_and_no_other_part_is_tried(world: World) -> None:
    world.runner = world.new_runner(workers=1)
    world.vendor.faults = [InvalidKey("massive", "Massive.com", "bars")]

    job = world.done(wanted())

    assert (job.state, job.requests) == (JobState.FAILED, 1)
    assert job.error is not None
    assert (job.error.code, job.error.status) == ("invalid_api_key", 401)
    assert "Invalid Massive.com API key" in job.error.sentence
    assert (job.parts.total, job.parts.failed) == (2, 2)


def test_a_key_revoked_on_page_three_keeps_two_pages_and_says_so(world: World) -> None:
    world.vendor.page_sessions = 5
    world.vendor.faults = [None, None, InvalidKey("massive", "Massive.com", "bars, page 3")]

    job = world.done(wanted(adjusted=False))

    assert (job.state, job.records) == (JobState.FAILED, 10)
    assert [(gap.start, gap.state) for gap in job.gaps] == [(date(2024, 1, 17), SessionState.FAILED)]


def test_a_missing_key_ends_the_job_before_any_request(world: World) -> None:
    def no_key(job: JobRecord) -> VendorDownloader:
        raise MissingKey("massive", "Massive.com")

    world.downloader_for = no_key

    job = world.done(wanted())

    assert (job.state, job.requests) == (JobState.FAILED, 0)
    assert job.error is not None
    assert (job.error.code, job.error.sentence) == ("missing_api_key", "Massive.com API key required")


def test_an_answer_that_cannot_be_trusted_leaves_a_failed_gap(world: World) -> None:
    world.vendor.page_sessions = 10
    world.vendor.faults = [None, MalformedPage("massive", "the page was cut.")]

    job = world.done(wanted(adjusted=False))

    assert (job.state, job.records) == (JobState.INCOMPLETE, 10)
    assert [(gap.start, gap.end, gap.state) for gap in job.gaps] == [
        (date(2024, 1, 17), date(2024, 1, 31), SessionState.FAILED)
    ]
    assert job.gaps[0].answer == "massive: the page was cut."


def test_an_error_of_our_own_gets_an_incident_and_the_worker_lives_on(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.vendor.faults = [ZeroDivisionError("secret words")]
    with caplog.at_level(logging.ERROR):
        job = world.done(wanted(adjusted=False))
    next_job = world.done(wanted(ticker="OTHER"))

    assert job.state is JobState.FAILED
    assert job.error is not None
    assert job.error.code == "internal_error"
    assert "secret" not in job.error.sentence
    incident = job.error.sentence.partition("incident ")[2][:8]
    assert incident in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert next_job.state is JobState.COMPLETE


def test_a_session_that_is_not_published_yet_leaves_the_job_incomplete_not_failed(world: World) -> None:
    world.vendor.silent = {date(2024, 6, 3)}

    job = world.done(wanted("2024-06-03", "2024-06-03", adjusted=False))

    assert (job.state, job.error) == (JobState.INCOMPLETE, None)
    assert [gap.state for gap in job.gaps] == [SessionState.LATE]


# -- when the disk is full --------------------------------------------------------------------------------------------


class _FullStore(Store):
    """A store whose disk has no space for the first three commits."""

    left = 3

    def commit_many(self, deliveries: Sequence[Delivery]) -> list[Committed]:
        if self.left:
            self.left -= 1
            raise DiskFull("No space left.", "Free some.", free_bytes=0)
        return super().commit_many(deliveries)


class _FullParts(PartLedger):
    """A ledger whose disk has no space for the first two results."""

    left = 2

    def mark(self, marks: Sequence[Mark]) -> list[Lease]:
        if self.left:
            self.left -= 1
            raise DiskFull("No space left for the job database.")
        return super().mark(marks)


def test_a_full_disk_pauses_the_job_which_goes_on_by_itself_and_asks_nothing_twice(world: World) -> None:
    world.store.close()
    world.store = _FullStore(world.home, world.clock, CALENDAR)
    world.ledger.parts = _FullParts(world.ledger._db, world.clock, world.ledger._log)
    world.runner = world.new_runner()

    job = world.done(wanted(adjusted=False))

    assert (job.state, job.records, job.requests) == (JobState.COMPLETE, 21, 1)
    assert world.clock.slept == [10.0] * 5  # each wait is less than the 30 s that were promised
    assert [one.text for one in world.runner.events(job.job_id) if one.kind == "waiting"] == ["disk_full: 10 s."]


# -- steering ---------------------------------------------------------------------------------------------------------


def _held_at_first_page(world: World) -> tuple[threading.Event, Callable[[Watch], None]]:
    arrived = threading.Event()

    def hold(watch: Watch) -> None:
        arrived.set()
        watch.cancel.wait(10)
        watch.check()

    return arrived, hold


def test_the_same_request_while_its_job_runs_is_that_job(world: World) -> None:
    arrived, hold = _held_at_first_page(world)
    world.vendor.faults = [hold]
    first = world.submit(wanted(adjusted=False))
    assert arrived.wait(10)

    second = world.submit(wanted(adjusted=False))
    world.runner.cancel(first.job_id)
    third = world.submit(wanted(adjusted=False))

    assert second.job_id == first.job_id
    assert third.job_id != first.job_id
    assert world.runner.wait(third.job_id, LONG).state is JobState.COMPLETE


def test_a_paused_job_rests_and_goes_on_where_it_was(world: World) -> None:
    arrived, hold = _held_at_first_page(world)
    world.vendor.page_sessions = 10
    world.vendor.faults = [None, hold]
    job = world.submit(wanted(adjusted=False), "sealed")
    assert arrived.wait(10)

    paused = world.runner.pause(job.job_id)
    _until(lambda: not world.runner._at_work)
    rested = world.runner.get(job.job_id)
    resumed = world.runner.resume(job.job_id)
    ended = world.runner.wait(job.job_id, LONG)

    assert (paused.state, rested.state, rested.records) == (JobState.PAUSED, JobState.PAUSED, 10)
    assert not paused.ended
    assert resumed.state is not JobState.PAUSED
    assert (ended.state, ended.records) == (JobState.COMPLETE, 21)
    assert world.vendor.asked.count("bars ACME 2024-01-02 2024-01-16") == 1


def test_a_cancelled_job_keeps_what_it_stored_and_forgets_its_key(world: World) -> None:
    arrived, hold = _held_at_first_page(world)
    world.vendor.page_sessions = 10
    world.vendor.faults = [None, hold]
    job = world.submit(wanted(adjusted=False), "sealed-key-of-the-body")
    assert arrived.wait(10)

    cancelled = world.runner.cancel(job.job_id)
    ended = world.runner.wait(job.job_id, LONG)

    assert cancelled.state is JobState.CANCELLED
    assert (ended.ended, ended.records) == (True, 10)
    assert world.ledger.record(job.job_id).sealed_key is None
    with pytest.raises(Conflict):
        world.runner.pause(job.job_id)
    assert world.runner.cancel(job.job_id).state is JobState.CANCELLED
    world.clock.advance(1)
    world.runner.retry(job.job_id)
    assert world.runner.wait(job.job_id, LONG).state is JobState.COMPLETE


def test_a_complete_job_cannot_be_retried_and_an_unknown_one_is_not_found(world: World) -> None:
    job = world.done(wanted())

    with pytest.raises(Conflict, match="complete"):
        world.runner.retry(job.job_id)
    for call in (world.runner.get, world.runner.pause, world.runner.retry, world.runner.events):
        with pytest.raises(NotFound):
            call("nosuchjob")


def test_stopping_interrupts_a_wait_and_the_part_goes_back_to_the_queue(world: World) -> None:
    arrived, hold = _held_at_first_page(world)
    world.vendor.faults = [hold]
    job = world.submit(wanted(adjusted=False))
    assert arrived.wait(10)

    ended_in_time = world.runner.stop()
    queued = world.runner.get(job.job_id)
    world.runner.start()
    ended = world.runner.wait(job.job_id, LONG)

    assert ended_in_time
    assert queued.state is JobState.QUEUED
    assert ended.state is JobState.COMPLETE


def test_events_come_in_order_and_a_reader_waits_for_the_next_one(world: World) -> None:
    world.asleep = True
    job = world.submit(wanted(adjusted=False))
    before = world.runner.events(job.job_id)
    heard: list[str] = []

    def listen() -> None:
        after = before[-1].seq
        while not heard or heard[-1] != "complete":
            for one in world.runner.events(job.job_id, after, LONG):
                after = one.seq
                heard.append(one.kind)

    listener = threading.Thread(target=listen)
    listener.start()
    world.runner.start()
    listener.join(20)

    assert [one.kind for one in before] == ["submitted"]
    assert heard == ["part_started", "page", "part_done", "complete"]
    assert world.runner.events(job.job_id, 99, 0.0) == []
    assert world.runner.events(job.job_id)[-1].job["state"] == "complete"


def test_a_job_shows_every_field_of_its_contract(world: World) -> None:
    shown = world.done(wanted("2024-01-02", "2024-01-31")).as_json()

    fields = "job_id state waiting source dataset created_at plan parts records requests complete gaps tickers links"
    assert set(fields.split()) <= set(shown)
    assert shown["parts"] == {"total": 2, "done": 2, "failed": 0}
    assert shown["tickers"] == {"ACME": {"records": 21, "complete": True, "state": "complete", "reason": ""}}
    assert shown["created_at"] == "2024-06-03T15:00:00Z"
    assert shown["links"]["csv"] == (  # type: ignore[index]
        "/data/bars?ticker=ACME&start=2024-01-02&end=2024-01-31&timespan=day&adjust=splits&format=csv"
    )


def test_weekly_bars_are_asked_for_in_whole_weeks(world: World) -> None:
    world.asleep = True

    job = world.submit(wanted("2024-01-03", "2024-01-17", spec=BarSpec(Timespan.WEEK)))

    part = world.runner.parts(job.job_id)[0].part
    assert (part.start, part.end) == (date(2023, 12, 31), date(2024, 1, 20))  # Sunday to Saturday


def _until(claim: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(500):
        if claim():
            return
        waited.wait(0.02)
    raise AssertionError("it did not come to that")
