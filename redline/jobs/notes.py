"""Requests and waits of the parts in work: gathered in memory, written down together a few times a second at most.

A slow key keeps many workers waiting; each of their waits, and each request of a fast key, as a write of its own would
cost more than the work. A process that dies loses at most the last half second of these counts, never a row.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import replace

from redline.clock import Clock, Watch
from redline.errors import DiskFull, StoreBusy
from redline.jobs.job import Lease
from redline.jobs.leases import PartLedger
from redline.jobs.marks import Note

SHORT_WAIT_S = 0.25  # Shorter waits are not worth telling.
SAID_EVERY_S = 60.0  # The log of a job tells of one kind of wait at most so often.
_log = logging.getLogger(__name__)


class Notes:
    """What is to be written down about parts in work. Thread-safe. ``long_wait`` is called when such a wait begins."""

    def __init__(self, parts: PartLedger, clock: Clock, long_wait: Callable[[], None]) -> None:
        self._parts, self._clock, self._long_wait = parts, clock, long_wait
        self._pending: dict[Lease, Note] = {}
        self._to_say: list[tuple[str, str]] = []
        self._said_at: dict[tuple[str, str], float] = {}
        self._lock, self._writing = threading.Lock(), threading.Lock()

    def watch(self, lease: Lease, stop: threading.Event) -> Watch:
        """Return the ears of one part."""
        shown = [""]

        def on_wait(reason: str, seconds: float) -> None:
            if (seconds < SHORT_WAIT_S) if reason else not shown[0]:
                return
            shown[0] = reason
            self._waits(lease, reason, seconds)

        return Watch(stop, on_wait, lambda endpoint: self._requested(lease))

    def flush(self) -> None:
        """Write down what there is; before a lease ends, for nothing can be written under it afterwards."""
        with self._writing:
            with self._lock:
                notes, said = self._pending, self._to_say
                self._pending, self._to_say = {}, []
            if not notes:
                return
            try:
                self._parts.note(list(notes.values()), said)
            except (DiskFull, StoreBusy) as error:  # The budget counts requests all the same; these figures wait.
                _log.warning("%s", error.sentence)
                self._put_back(notes)

    def _requested(self, lease: Lease) -> None:
        with self._lock:
            before = self._pending.get(lease, Note(lease))
            self._pending[lease] = replace(before, requests=before.requests + 1)

    def _waits(self, lease: Lease, reason: str, seconds: float) -> None:
        now = self._clock.since_boot()
        with self._lock:
            before = self._pending.get(lease, Note(lease))
            due = now + seconds if reason else None
            self._pending[lease] = replace(before, waits=True, waiting=reason, due_s=due)
            if seconds >= 1:
                self._say(lease, reason, seconds, now)
        if seconds >= 1:
            self._long_wait()

    def _say(self, lease: Lease, reason: str, seconds: float, now: float) -> None:
        kind = (lease.job_id, reason.partition(":")[0])
        if now - self._said_at.get(kind, -SAID_EVERY_S) >= SAID_EVERY_S:
            self._said_at[kind] = now
            self._to_say.append((lease.job_id, f"{reason}: {seconds:.0f} s."))

    def _put_back(self, notes: dict[Lease, Note]) -> None:
        with self._lock:
            for lease, older in notes.items():
                newer = self._pending.get(lease)
                if newer is None:
                    self._pending[lease] = older
                else:
                    latest = newer if newer.waits else older
                    self._pending[lease] = replace(latest, requests=newer.requests + older.requests)
