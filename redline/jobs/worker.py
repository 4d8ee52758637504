"""One worker: takes a part, does its work, and says what became of it. It outlives whatever the work throws."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TypeVar

from redline.clock import Clock
from redline.downloaders.base_downloader import BaseDownloader
from redline.errors import (
    Cancelled,
    ConfigError,
    DiskFull,
    InvalidKey,
    LeaseLost,
    NotEntitled,
    RateLimited,
    RedlineError,
    StoreBusy,
    UnknownTicker,
)
from redline.jobs.committer import DISK_LOOK_S
from redline.jobs.fetch import Commits, PartWork
from redline.jobs.job import JobError, JobRecord, Lease
from redline.jobs.ledger import JobLedger
from redline.jobs.marks import Closing
from redline.jobs.needs import MarketNeeds, same_tickers
from redline.jobs.notes import Notes
from redline.jobs.rows import Rows
from redline.market.calendar import TradingCalendar
from redline.market.part import Plan
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState

#: From a job and the tickers of its universe to what is to be fetched.
Replan = Callable[[JobRecord, tuple[str, ...]], tuple[DownloadRequest, Plan]]
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 8.0  # Reliability P12: the first row within 10 s of the end of an outage.
PATIENCE_S = 300.0
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Worker:
    """Does the parts that it is handed. Thread-safe.

    A source that cannot be reached is asked again, after 1 to 8 s, for five minutes without a page; then the part
    has failed. A 429 is never an attempt: the part waits for as long as the source says. ``replan`` plans a job whose
    universe has become known; ``gave_up`` hears of a job that no other part of can go well.
    """

    def __init__(
        self,
        ledger: JobLedger,
        store: Rows,
        downloader_for: Callable[[JobRecord], BaseDownloader],
        clock: Clock,
        *,
        calendar: TradingCalendar,
        commits: Commits,
        notes: Notes,
        rng: random.Random,
        patience_s: float = PATIENCE_S,
        replan: Replan | None = None,
        gave_up: Callable[[str], None] = lambda job_id: None,
    ) -> None:
        self._ledger, self._store, self._downloader_for = ledger, store, downloader_for
        self._clock, self._calendar, self._rng, self._patience_s = clock, calendar, rng, patience_s
        self._commits, self._notes, self._replan, self._gave_up = commits, notes, replan, gave_up
        self._needs = MarketNeeds(store, clock, ledger.paged)

    def work(self, job: JobRecord, lease: Lease, stop: Event) -> None:
        """Do one part to its end, or hand its page over, and it ends with that. ``stop`` interrupts."""
        work = PartWork(
            job,
            lease,
            store=self._store,
            clock=self._clock,
            calendar=self._calendar,
            watch=self._notes.watch(lease, stop),
            commits=self._commits,
            needs=self._needs,
            failed=lambda error: self._ended(work, lease, error, stop),
        )
        try:
            downloader = self._downloader_for(job)
            if lease.part.dataset is Dataset.TICKERS:
                self._expand(job, lease, downloader, stop)
                return
            fetched = work.run(downloader)
            if fetched is None:
                return
            said = f"{lease.part.what}: done."
            if fetched.lacking:
                said = f"{lease.part.what}: done, {fetched.lacking} sessions stay unexplained."
            if fetched.refused and lease.part.whole_market:
                self._refuse_older(job, lease, fetched.refused, stop)
            closing = Closing(said, fetched.without_page, fetched.lacking, fetched.refused)
            self._close(partial(self._ledger.parts.close, lease, closing), stop)
        except Exception as error:  # noqa: BLE001  the worker loop: it has to go on with the next part
            self._ended(work, lease, error, stop)

    def _close(self, write: Callable[[], object], stop: Event) -> None:
        """End a lease, once what was noted under it is written down."""
        self._notes.flush()
        self._insist(write, stop)

    def _expand(self, job: JobRecord, lease: Lease, downloader: BaseDownloader, stop: Event) -> None:
        """List the tickers of the job's universe, keep the list, and plan the job anew with them."""
        part = lease.part
        if self._replan is None:
            raise ConfigError("This worker cannot plan jobs.", "Open the store with redline.open().")
        tickers = downloader.universe(part.ticker, part.start, self._notes.watch(lease, stop))
        now = self._clock.now()
        self._insist(lambda: self._store.keep_universe(part.source, part.ticker, part.start, tickers, now), stop)
        request, plan = self._replan(job, tickers)
        self._close(lambda: self._ledger.expand(lease, request, plan), stop)

    def _refuse_older(self, job: JobRecord, lease: Lease, refused: JobError, stop: Event) -> None:
        """A plan that does not reach back to a session reaches to none before it: those are not asked for."""
        older = self._ledger.parts.older_market(lease)
        needs, now = self._needs.of(job), self._clock.now()
        for span, tickers in same_tickers([one.part.start for one in older], needs, self._calendar):
            note = partial(self._store.note, lease.part, *span, SessionState.NOT_ENTITLED, refused.hint, now, tickers)
            self._insist(note, stop)
        self._insist(lambda: self._ledger.parts.refuse(older, refused), stop)

    def _ended(self, work: PartWork, lease: Lease, error: Exception, stop: Event) -> None:
        if isinstance(error, LeaseLost):
            _log.warning("%s", error.sentence)
        elif isinstance(error, Cancelled):
            self._close(lambda: self._ledger.parts.release([lease]), stop)
        elif isinstance(error, RedlineError) and error.retryable:
            self._again(work, lease, error, stop)
        else:
            self._failed(work, lease, self._written(error, lease), error, stop)

    def _again(self, work: PartWork, lease: Lease, error: RedlineError, stop: Event) -> None:
        """Put the part back for later, or let it fail when its source has been unwell for too long."""
        parts, what = self._ledger.parts, JobError.of(error)
        if isinstance(error, DiskFull | StoreBusy):
            self._close(lambda: parts.delay(lease, DISK_LOOK_S, error.code, what, counts=False), stop)
        elif isinstance(error, RateLimited):
            wait_s = max(1.0, error.retry_after_s)
            self._close(lambda: parts.delay(lease, wait_s, error.code, what, counts=False), stop)
        elif self._insist(lambda: parts.unwell_for_s(lease), stop) >= self._patience_s:
            self._failed(work, lease, what, error, stop)
        else:
            longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(lease.attempts, 10))
            wait_s = longest * self._rng.uniform(0.5, 1.0)
            self._close(lambda: parts.delay(lease, wait_s, error.code, what, counts=True), stop)

    def _failed(self, work: PartWork, lease: Lease, what: JobError, error: Exception, stop: Event) -> None:
        parts = self._ledger.parts
        self._insist(lambda: work.note_failed(what), stop)
        if isinstance(error, InvalidKey | ConfigError):
            self._insist(lambda: self._ledger.give_up(lease.job_id, what), stop)
            self._gave_up(lease.job_id)
        if isinstance(error, UnknownTicker):
            self._close(lambda: parts.fail_ticker(lease, what), stop)
        else:
            self._close(lambda: parts.fail(lease, what), stop)

    def _written(self, error: Exception, lease: Lease) -> JobError:
        if isinstance(error, RedlineError):
            if not isinstance(error, InvalidKey | NotEntitled | UnknownTicker):
                _log.warning("job %s, %s: %s", lease.job_id, lease.part.what, error.sentence)
            return JobError.of(error)
        incident = f"{self._rng.getrandbits(32):08x}"
        _log.error("incident %s in job %s, %s", incident, lease.job_id, lease.part.what, exc_info=error)
        return JobError(
            "internal_error", f"Something went wrong inside REDLINE (incident {incident}).", "The log says more."
        )

    def _insist(self, write: Callable[[], _Result], stop: Event) -> _Result:
        while True:
            try:
                return write()
            except (DiskFull, StoreBusy) as error:
                _log.warning("%s Trying again.", error.sentence)
                if self._clock.sleep(DISK_LOOK_S, stop):
                    raise
