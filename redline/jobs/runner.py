"""The runner: threads that work on jobs, and the door for those who submit, follow and steer them."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence

from redline.clock import Clock
from redline.downloaders.base_downloader import BaseDownloader
from redline.errors import DiskFull, StoreBusy
from redline.jobs.absent import absent_parts
from redline.jobs.committer import Committer
from redline.jobs.daily import DailyUpdates, Update
from redline.jobs.job import JobEvent, JobRecord, JobView, Lease, PartView
from redline.jobs.ledger import JobLedger
from redline.jobs.notes import Notes
from redline.jobs.outcome import outcome
from redline.jobs.owner import Owner
from redline.jobs.rows import Rows
from redline.jobs.stage import Stage
from redline.jobs.worker import PATIENCE_S, Replan, Worker
from redline.market.calendar import TradingCalendar
from redline.market.part import Plan
from redline.market.request import DownloadRequest

PULSE_S = 0.5  # How soon another process's pause, cancel or new job is noticed.
STOP_S = 5.0
WORKERS = 8  # A fast key answers in a tenth of a second: eight calls at once use most of a hundred a second.
PARTS_IN_HAND = 16
UPKEEP_PULSES = 20  # Of every so many pulses without work, one merges small files of one partition.
_Views = list[JobView]
_Events = list[JobEvent]
_Parts = list[PartView]
_log = logging.getLogger(__name__)


class Runner:
    """Works on the jobs of a ledger with a few threads; other processes may do the same. Thread-safe.

    Small jobs go first, and with two workers or more one is kept for them. ``downloader_for`` makes the downloader of
    a job; it is called once for each part, and its errors end the job. ``replan`` plans a job whose universe has become
    known; ``update`` submits the job of a collection whose daily update is due.
    """

    def __init__(
        self,
        ledger: JobLedger,
        store: Rows,
        downloader_for: Callable[[JobRecord], BaseDownloader],
        clock: Clock,
        calendar: TradingCalendar,
        *,
        rng: random.Random | None = None,
        workers: int = WORKERS,
        patience_s: float = PATIENCE_S,
        replan: Replan | None = None,
        update: Update | None = None,
    ) -> None:
        rng = rng or random.SystemRandom()
        self._ledger, self._store, self._clock = ledger, store, clock
        self._notes = Notes(ledger.parts, clock, self._long_wait)
        self._at_work: dict[tuple[str, int], threading.Event] = {}
        self._committer = Committer(
            ledger.parts, store, self._notes, clock, told=self._committed, coming=lambda: bool(self._at_work)
        )
        self._worker = Worker(
            ledger,
            store,
            downloader_for,
            clock,
            calendar=calendar,
            commits=self._committer,
            notes=self._notes,
            rng=rng,
            patience_s=patience_s,
            replan=replan,
            gave_up=self._interrupt,
        )
        self._owner = Owner.here(clock, f"{rng.getrandbits(48):012x}")
        self._finishing = threading.Lock()
        self._quiet = 0
        self._daily = DailyUpdates(ledger.collections, update, clock) if update else None
        self._changed = threading.Condition()
        self._changes = 0
        self._stopping = threading.Event()
        self._wake = [threading.Event() for _ in range(workers)]
        self._threads: list[threading.Thread] = []

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start the threads. Parts that a dead process, or this runner before a stop, left behind are free at once."""
        if self._threads:
            return
        self._stopping.clear()
        self._ledger.parts.free_owned(self._owner)
        self._threads = [threading.Thread(target=self._pulse, name="redline-jobs-pulse", daemon=True)]
        for index in range(len(self._wake)):
            name = f"redline-jobs-{index}"
            self._threads.append(threading.Thread(target=self._loop, args=(index,), name=name, daemon=True))
        self._committer.start()
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = STOP_S) -> bool:
        """Interrupt all waits, put unfinished parts back into the queue, end the threads.

        Return whether all of them ended in time; one that did not ends with its process, and its part is free then.
        """
        self._stopping.set()
        for event in tuple(self._at_work.values()):
            event.set()
        self._notify()
        until = self._clock.since_boot() + timeout_s
        for thread in self._threads:
            thread.join(max(0.05, min(timeout_s, until - self._clock.since_boot())))
        ended = not any(thread.is_alive() for thread in self._threads)
        ended = self._committer.stop(max(0.05, until - self._clock.since_boot())) and ended
        self._notes.flush()
        self._threads = []
        if ended:
            self._ledger.parts.free_owned(self._owner)
        return ended

    # -- asking and steering ------------------------------------------------------------------------------------------

    def submit(
        self, request: DownloadRequest, plan: Plan, sealed_key: str | None = None, idempotency_key: str | None = None
    ) -> JobView:
        """Write a job down and return it; the same request, while its job runs, is that job. Raises ``Conflict``."""
        job_id, new = self._ledger.submit(request, plan, sealed_key, idempotency_key)
        if new and not plan.parts:
            self._finish_all()
        self._notify()
        return self.get(job_id)

    def get(self, job_id: str) -> JobView:
        """Return a job; raises ``NotFound``."""
        return self._ledger.view(job_id)

    def list(self, limit: int = 50) -> _Views:
        """Return the newest jobs, newest first."""
        return self._ledger.views(limit)

    def parts(self, job_id: str, limit: int = 1_000) -> _Parts:
        """Return the parts of a job in order; raises ``NotFound``."""
        return self._ledger.part_views(job_id, limit)

    def pause(self, job_id: str) -> JobView:
        """Stop after the request in flight and start no other; raises ``NotFound``, ``Conflict``."""
        self._ledger.pause(job_id)
        return self._steered(job_id, interrupt=True)

    def resume(self, job_id: str) -> JobView:
        """Go on with a paused job; raises ``NotFound``, ``Conflict``."""
        self._ledger.resume(job_id)
        return self._steered(job_id, interrupt=False)

    def cancel(self, job_id: str) -> JobView:
        """End a job; what it has stored stays. Raises ``NotFound``, ``Conflict``."""
        self._ledger.cancel(job_id)
        return self._steered(job_id, interrupt=True)

    def retry(self, job_id: str, sealed_key: str | None = None) -> JobView:
        """Ask again for what a job that is over lacks; raises ``NotFound``, ``Conflict``."""
        self._ledger.retry(job_id, sealed_key)
        return self._steered(job_id, interrupt=False)

    def wait(self, job_id: str, timeout_s: float) -> JobView:
        """Return the job once it is over, or as it is after ``timeout_s``; raises ``NotFound``."""
        left = self._countdown(timeout_s)
        while True:
            seen = self._changes
            if self._ledger.ended(job_id) or not left(seen):
                return self.get(job_id)

    def events(self, job_id: str, after: int = 0, timeout_s: float = 0.0) -> _Events:
        """Return the events after number ``after``; wait for one, at most ``timeout_s``. Raises ``NotFound``."""
        left = self._countdown(timeout_s)
        while True:
            seen = self._changes
            found = self._ledger.events(job_id, after)
            if found:
                job = self._ledger.brief(job_id).as_json()
                return [JobEvent(one.seq, one.at, one.kind, one.text, job) for one in found]
            if not left(seen):
                return []

    def _countdown(self, timeout_s: float) -> Callable[[int], bool]:
        """Return a wait for the next change, at most a pulse long; it returns false when the time is over.

        Turns without a change count as their length even when the clock stands still, as a test's does.
        """
        until, left = self._clock.since_boot() + timeout_s, [timeout_s]

        def wait(seen: int) -> bool:
            turn = min(PULSE_S, left[0], until - self._clock.since_boot())
            if turn <= 0:
                return False
            with self._changed:
                if not self._changed.wait_for(lambda: self._changes != seen, turn):
                    left[0] -= turn
            return True

        return wait

    def _steered(self, job_id: str, *, interrupt: bool) -> JobView:
        if interrupt:
            self._interrupt(job_id)
        self._finish_all()
        self._notify()
        return self.get(job_id)

    # -- threads ------------------------------------------------------------------------------------------------------

    def _loop(self, index: int) -> None:
        small_only = index == 0 and len(self._wake) > 1
        while not self._stopping.is_set():
            self._wake[index].clear()
            try:
                claimed = self._ledger.parts.claim_many(
                    self._owner, PARTS_IN_HAND, small_only=small_only, share=len(self._wake)
                )
                if claimed:
                    self._work_all(claimed)
                    continue
                due_s = self._ledger.parts.next_due_s(small_only=small_only)
            except (DiskFull, StoreBusy) as error:
                _log.warning("%s", error.sentence)
                due_s = PULSE_S
            except Exception:  # noqa: BLE001  the worker loop: it lives on
                _log.exception("a worker of jobs met an error outside of any part and goes on")
                due_s = PULSE_S
            if due_s is None:
                self._wake[index].wait()
            else:
                self._clock.sleep(max(0.01, due_s), self._wake[index])

    def _work_all(self, claimed: Sequence[tuple[JobRecord, Lease]]) -> None:
        """Work on parts of one job, one after the other; what is not begun when it may not go on goes back."""
        self._notify()
        stop, job_id = threading.Event(), claimed[0][1].job_id
        mine = (job_id, claimed[0][1].n)
        self._at_work[mine] = stop
        try:
            if self._stopping.is_set() or self._ledger.stage(job_id) is not Stage.OPEN:
                stop.set()  # It was steered before this could be interrupted.
            for at, (job, lease) in enumerate(claimed):
                if stop.is_set():
                    self._ledger.parts.release([one for _, one in claimed[at:]])
                    break
                self._worker.work(job, lease, stop)
        finally:
            del self._at_work[mine]
            self._committer.look()
        self._committed()

    def _committed(self) -> None:
        self._finish_all()
        self._notify()

    def _long_wait(self) -> None:
        """Let it be seen at once that a part waits."""
        self._notes.flush()
        self._notify()

    def _pulse(self) -> None:
        """Notice what other processes did: new jobs, pauses, dead owners; wake whoever waits for it."""
        while not self._stopping.is_set():
            try:
                self._ledger.parts.free_dead()
                self._notes.flush()
                for job_id in {job_id for job_id, _ in tuple(self._at_work)}:
                    if self._ledger.stage(job_id) is not Stage.OPEN:
                        self._interrupt(job_id)
                self._finish_all()
                if self._daily:
                    self._daily.run()
                self._keep_up()
                self._wake_workers()
            except (DiskFull, StoreBusy) as error:
                _log.warning("%s", error.sentence)
            except Exception:  # noqa: BLE001  the worker loop: it lives on
                _log.exception("the pulse of jobs met an error and goes on")
            self._stopping.wait(PULSE_S)

    def _interrupt(self, job_id: str) -> None:
        for (at_work, _), stop in tuple(self._at_work.items()):
            if at_work == job_id:
                stop.set()

    def _keep_up(self) -> None:
        """When nothing is to be done, merge the small files of one partition now and then."""
        self._quiet = self._quiet + 1 if self._ledger.idle() else 0
        if self._quiet % UPKEEP_PULSES == UPKEEP_PULSES - 1:
            self._store.compact(1)

    def _finish_all(self) -> None:
        with self._finishing:  # One thread at a time: that of thousands of tickers takes a while.
            for job_id in self._ledger.finishable():
                self._finish(job_id)

    def _finish(self, job_id: str) -> None:
        job, stage = self._ledger.record(job_id), self._ledger.stage(job_id)
        if stage.ended:
            return
        now = self._clock.now()
        if stage is Stage.OPEN and self._ledger.add_parts(job_id, absent_parts(job.request, self._store, now)):
            return
        error = self._ledger.brief(job_id).error
        made = outcome(job.request, self._ledger.troubled(job_id), self._store, now, stage=stage, error=error)
        self._ledger.finish(
            job_id,
            made.stage,
            records=made.records,
            gaps=made.gaps,
            tickers=made.tickers,
            error=made.error,
            text=made.text,
        )

    def _wake_workers(self) -> None:
        for event in self._wake:
            event.set()

    def _notify(self) -> None:
        with self._changed:
            self._changes += 1
            self._changed.notify_all()
        self._wake_workers()
