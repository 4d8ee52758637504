"""One worker: takes a part, does its work, and says what became of it. It outlives whatever the work throws."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import TypeVar

from redline.clock import Clock, Watch
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
from redline.jobs.fetch import DISK_LOOK_S, PartWork, Progress
from redline.jobs.job import JobError, JobRecord, Lease
from redline.jobs.ledger import JobLedger
from redline.jobs.rows import Rows
from redline.market.calendar import TradingCalendar

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 8.0  # Reliability P12: the first row within 10 s of the end of an outage.
PATIENCE_S = 300.0
SHORT_WAIT_S = 0.25
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Worker:
    """Does the parts that it is handed. Thread-safe.

    A source that cannot be reached is asked again, after 1 to 8 s, for five minutes without a page; then the part
    has failed. A 429 is never an attempt: the part waits for as long as the source says.
    """

    def __init__(
        self,
        ledger: JobLedger,
        store: Rows,
        downloader_for: Callable[[JobRecord], BaseDownloader],
        clock: Clock,
        *,
        calendar: TradingCalendar,
        rng: random.Random,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._ledger, self._store, self._downloader_for = ledger, store, downloader_for
        self._clock, self._calendar, self._rng, self._patience_s = clock, calendar, rng, patience_s

    def work(self, job: JobRecord, lease: Lease, stop: Event, told: Callable[[], None]) -> None:
        """Do one part to its end, whatever that is. ``stop`` interrupts it; ``told`` is called at each change."""
        work = PartWork(
            job,
            lease,
            store=self._store,
            clock=self._clock,
            calendar=self._calendar,
            watch=self._watch(lease, stop, told),
            report=lambda progress: self._report(lease, progress, stop, told),
        )
        try:
            fetched = work.run(self._downloader_for(job))
            said = f"{lease.part.what}: done."
            if fetched.lacking:
                said = f"{lease.part.what}: done, {fetched.lacking} sessions stay unexplained."
            close = partial(
                self._ledger.parts.close,
                lease,
                sessions=fetched.without_page,
                lacking=fetched.lacking,
                error=fetched.refused,
                text=said,
            )
            self._insist(close, stop)
        except Exception as error:  # noqa: BLE001  the worker loop: it has to go on with the next part
            self._ended(work, lease, error, stop)

    def _ended(self, work: PartWork, lease: Lease, error: Exception, stop: Event) -> None:
        if isinstance(error, LeaseLost):
            _log.warning("%s", error.sentence)
        elif isinstance(error, Cancelled):
            self._insist(lambda: self._ledger.parts.release(lease), stop)
        elif isinstance(error, RedlineError) and error.retryable:
            self._again(work, lease, error, stop)
        else:
            self._failed(work, lease, self._written(error, lease), error, stop)

    def _again(self, work: PartWork, lease: Lease, error: RedlineError, stop: Event) -> None:
        """Put the part back for later, or let it fail when its source has been unwell for too long."""
        parts, what = self._ledger.parts, JobError.of(error)
        if isinstance(error, DiskFull | StoreBusy):
            self._insist(lambda: parts.delay(lease, DISK_LOOK_S, error.code, what, counts=False), stop)
        elif isinstance(error, RateLimited):
            wait_s = max(1.0, error.retry_after_s)
            self._insist(lambda: parts.delay(lease, wait_s, error.code, what, counts=False), stop)
        elif self._insist(lambda: parts.unwell_for_s(lease), stop) >= self._patience_s:
            self._failed(work, lease, what, error, stop)
        else:
            longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(lease.attempts, 10))
            wait_s = longest * self._rng.uniform(0.5, 1.0)
            self._insist(lambda: parts.delay(lease, wait_s, error.code, what, counts=True), stop)

    def _failed(self, work: PartWork, lease: Lease, what: JobError, error: Exception, stop: Event) -> None:
        parts = self._ledger.parts
        self._insist(lambda: work.note_failed(what), stop)
        if isinstance(error, InvalidKey | ConfigError):
            self._insist(lambda: self._ledger.give_up(lease.job_id, what), stop)
        if isinstance(error, UnknownTicker):
            self._insist(lambda: parts.fail_ticker(lease, what), stop)
        else:
            self._insist(lambda: parts.fail(lease, what), stop)

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

    def _report(self, lease: Lease, progress: Progress, stop: Event, told: Callable[[], None]) -> None:
        self._insist(
            lambda: self._ledger.parts.committed(
                lease,
                records=progress.records,
                sessions=progress.sessions,
                set_aside=progress.set_aside,
                text=progress.text,
            ),
            stop,
        )
        told()

    def _watch(self, lease: Lease, stop: Event, told: Callable[[], None]) -> Watch:
        parts = self._ledger.parts
        shown = [""]

        def on_wait(reason: str, seconds: float) -> None:
            if (seconds < SHORT_WAIT_S) if reason else not shown[0]:
                return
            shown[0] = reason
            try:
                parts.waits(lease, reason, seconds)
            except (DiskFull, StoreBusy) as error:  # It still waits, only not for all to see.
                _log.warning("%s", error.sentence)
            told()

        def on_request(endpoint: str) -> None:
            try:
                parts.requested(lease)
            except (DiskFull, StoreBusy) as error:  # The budget counts it all the same.
                _log.warning("%s", error.sentence)

        return Watch(stop, on_wait, on_request)

    def _insist(self, write: Callable[[], _Result], stop: Event) -> _Result:
        while True:
            try:
                return write()
            except (DiskFull, StoreBusy) as error:
                _log.warning("%s Trying again.", error.sentence)
                if self._clock.sleep(DISK_LOOK_S, stop):
                    raise
