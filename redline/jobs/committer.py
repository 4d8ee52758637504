"""The one writer of a workspace: takes finished pages from all workers, commits many at once, then closes their parts.

First the rows, then the marks: a process that dies in between leaves parts that find nothing to ask for any more.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeVar

from redline.clock import Clock, Watch
from redline.errors import Cancelled, DiskFull, StoreBusy
from redline.jobs.job import Lease
from redline.jobs.leases import PartLedger
from redline.jobs.marks import Closing, Mark, lost
from redline.jobs.notes import Notes
from redline.jobs.rows import Committed, Rows
from redline.market.part import Delivery

DISK_LOOK_S = 10.0  # Reliability P3: a job goes on by itself within 30 s of the disk having space again.
PAGES_AT_ONCE = 500
ROWS_AT_ONCE = 100_000  # Nine sessions of the market: a commit marks all its tickers, so much less takes longer.
ROWS_IN_HAND = 60_000  # Workers wait when so many rows have not been written yet: memory is bounded.
GATHER_TIMES, GATHER_S = 3.0, 0.5  # Pages gather for so many times the last commit, at most so long: see ``_gathered``.
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Finished:
    """A page to commit under a lease, and, with ``closing``, the end of its part.

    ``counted``: its rows are what the job is for; ``sessions``: how many of the part's it answers. ``failed`` is called
    with what became of it when nobody waits for the page.
    """

    lease: Lease
    delivery: Delivery
    counted: bool
    sessions: int
    watch: Watch
    failed: Callable[[Exception], None]
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    page: Finished
    waiter: Future[Committed] | None

    def fail(self, error: Exception) -> None:
        if self.waiter is not None:
            self.waiter.set_exception(error)
        else:
            self.page.failed(error)


class Committer:
    """Commits what it is given, together. Thread-safe. ``told`` is called after each commit; ``coming`` says whether
    workers are at work, so that more may come (call ``look`` when that ends).

    While the disk is full it keeps what is in hand and looks again every ten seconds; what its job no longer wants,
    and everything when it is told to stop, goes back to the queue.
    """

    def __init__(
        self,
        parts: PartLedger,
        store: Rows,
        notes: Notes,
        clock: Clock,
        *,
        told: Callable[[], None],
        coming: Callable[[], bool],
    ) -> None:
        self._parts, self._store, self._notes, self._clock = parts, store, notes, clock
        self._told, self._coming = told, coming
        self._queue: deque[_Entry] = deque()
        self._rows, self._waiters, self._last_took_s = 0, 0, 0.0
        self._changed = threading.Condition()
        self._ending, self._stop = False, threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._ending = False
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, name="redline-jobs-committer", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Commit what is in hand, give back what cannot be, end the thread; return whether it ended in time."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        self._stop.set()
        if self._thread is None:
            return True
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def put(self, page: Finished) -> None:
        """Hand over the page that ends a part, and go on at once. Waits only while too many rows are in hand."""
        self._enter(_Entry(page, None))

    def commit(self, page: Finished) -> Committed:
        """Hand over a page and wait until it is in the store and marked; raises what ``Rows.commit`` does, or
        ``LeaseLost``.
        """
        waiter: Future[Committed] = Future()
        self._enter(_Entry(page, waiter))
        return waiter.result()

    def look(self) -> None:
        """Notice that ``coming`` has changed."""
        with self._changed:
            self._changed.notify_all()

    # -- inside -------------------------------------------------------------------------------------------------------

    def _enter(self, entry: _Entry) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._rows < ROWS_IN_HAND or self._ending)
            self._queue.append(entry)
            self._rows += _rows(entry)
            self._waiters += entry.waiter is not None
            self._changed.notify_all()

    def _run(self) -> None:
        while batch := self._take():
            began = self._clock.since_boot()
            try:
                self._work(batch)
            except (DiskFull, StoreBusy) as error:
                self._broken(batch, error)
                _log.warning("%s", error.sentence)
            except Exception as error:  # noqa: BLE001  the committer's loop: workers depend on it
                self._broken(batch, error)
                _log.exception("the committer met an error and goes on")
            self._last_took_s = self._clock.since_boot() - began
            try:
                self._told()
            except (DiskFull, StoreBusy) as error:  # The next pulse looks at the jobs again.
                _log.warning("%s", error.sentence)
            except Exception:  # noqa: BLE001  as above
                _log.exception("telling of a commit met an error")

    def _broken(self, batch: Sequence[_Entry], error: Exception) -> None:
        for entry in batch:
            if entry.waiter is not None and not entry.waiter.done():
                entry.waiter.set_exception(error)

    def _take(self) -> list[_Entry]:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._ending)
            self._changed.wait_for(self._gathered, min(GATHER_S, GATHER_TIMES * self._last_took_s))
            batch: list[_Entry] = []
            rows = 0
            while self._queue and len(batch) < PAGES_AT_ONCE and rows < ROWS_AT_ONCE:
                batch.append(self._queue.popleft())
                rows += _rows(batch[-1])
                self._waiters -= batch[-1].waiter is not None
            self._rows -= rows
            self._changed.notify_all()
            return batch

    def _gathered(self) -> bool:
        """Whether there is nothing to wait for: most of what a commit costs, it costs for one page as for fifty."""
        enough = len(self._queue) >= PAGES_AT_ONCE or self._rows >= ROWS_IN_HAND
        return enough or self._waiters > 0 or self._ending or not self._coming()

    def _work(self, batch: Sequence[_Entry]) -> None:
        held = self._insist(lambda: self._parts.held([one.page.lease for one in batch]))
        for one in batch:
            if one.page.lease not in held:
                one.fail(lost(one.page.lease))
        stored = self._commit([one for one in batch if one.page.lease in held])
        if not stored:
            return
        self._notes.flush()
        gone = set(self._insist(lambda: self._parts.mark([_mark(one.page, done) for one, done in stored])))
        for one, done in stored:
            if one.page.lease in gone:
                one.fail(lost(one.page.lease))
            elif one.waiter is not None:
                one.waiter.set_result(done)

    def _commit(self, batch: Sequence[_Entry]) -> list[tuple[_Entry, Committed]]:
        """Put the pages into the store; return those that are in it. One that cannot be kept spoils no other."""
        left = list(batch)
        while left:
            try:
                done = self._store.commit_many([one.page.delivery for one in left])
            except (DiskFull, StoreBusy) as error:
                left = self._waited(left, error)
            except Exception as error:  # noqa: BLE001  told to whom the page belongs
                if len(left) > 1:
                    return [pair for one in left for pair in self._commit([one])]
                left[0].fail(error)
                return []
            else:
                return list(zip(left, done, strict=True))
        return []

    def _waited(self, entries: Sequence[_Entry], error: DiskFull | StoreBusy) -> list[_Entry]:
        """Wait for the disk; return the entries that are still wanted."""
        _log.warning("%s Looking again in %.0f s.", error.sentence, DISK_LOOK_S)
        for one in entries:
            one.page.watch.on_wait(error.code, DISK_LOOK_S)
        stopped = self._clock.sleep(DISK_LOOK_S, self._stop)
        wanted = []
        for one in entries:
            one.page.watch.on_wait("", 0.0)
            if stopped or one.page.watch.cancel.is_set():
                one.fail(Cancelled("Stopped while the disk was full.", "Ask again to go on."))
            else:
                wanted.append(one)
        return wanted

    def _insist(self, write: Callable[[], _Result]) -> _Result:
        while True:
            try:
                return write()
            except (DiskFull, StoreBusy) as error:
                _log.warning("%s Trying again.", error.sentence)
                if self._clock.sleep(DISK_LOOK_S, self._stop):
                    raise


def _rows(entry: _Entry) -> int:
    return 1 + int(entry.page.delivery.page.table.num_rows)


def _mark(page: Finished, done: Committed) -> Mark:
    rows = done.rows_new + done.rows_changed + done.rows_same
    part = page.delivery.part
    text = f"{part.what}: {rows} rows to {page.delivery.page.last}, {done.rows_new} new, {done.rows_changed} changed"
    return Mark(
        page.lease,
        text + (f", {done.set_aside} set aside." if done.set_aside else "."),
        rows=rows,
        records=rows if page.counted else 0,
        sessions=page.sessions,
        set_aside=done.set_aside,
        closing=page.closing,
    )
