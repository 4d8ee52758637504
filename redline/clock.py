"""The only door to wall time, monotonic time and sleep; and the ear of whoever waits.

Nothing else in ``redline`` calls ``time``, ``datetime.now`` or ``sleep`` (``tests/test_architecture.py`` checks), so
that a test can pass in a clock of its own and a six-hour wait takes a millisecond.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from redline.errors import Cancelled


class Clock(Protocol):
    """Wall time for what is written down, time since boot for what is waited for."""

    def now(self) -> datetime:
        """Return the wall time, aware, in UTC. Never use it to measure a wait: it jumps."""

    def since_boot(self) -> float:
        """Return seconds since boot: monotonic, counts sleep, the same for every process of the machine."""

    def boot_id(self) -> str:
        """Return a name of this boot; ``since_boot`` values of two boots cannot be compared."""

    def sleep(self, seconds: float, cancel: threading.Event | None = None) -> bool:
        """Sleep, or until ``cancel`` is set; return whether it was set."""


class SystemClock:
    """The machine's clock. ``CLOCK_BOOTTIME`` where there is one, for a laptop's sleep counts as waiting."""

    def __init__(self) -> None:
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", None)
        boot = Path("/proc/sys/kernel/random/boot_id")
        self._boot_id = (
            boot.read_text().strip() if boot.exists() else f"started-{round(time.time() - time.monotonic())}"
        )

    def now(self) -> datetime:
        return datetime.now(UTC)

    def since_boot(self) -> float:
        return time.monotonic() if self._clock_id is None else time.clock_gettime(self._clock_id)

    def boot_id(self) -> str:
        return self._boot_id

    def sleep(self, seconds: float, cancel: threading.Event | None = None) -> bool:
        if seconds <= 0:
            return cancel.is_set() if cancel is not None else False
        if cancel is not None:
            return cancel.wait(seconds)
        time.sleep(seconds)
        return False


def _unheard(reason: str, seconds: float) -> None:
    """Ignore a wait that nobody listens to."""


def _uncounted(endpoint: str) -> None:
    """Ignore a request that nobody counts."""


@dataclass(frozen=True, slots=True)
class Watch:
    """How a long call is followed and stopped: by a job, a progress bar, or nobody.

    ``on_wait(reason, seconds)`` is called when a wait begins, and with ``("", 0)`` when it is over;
    ``on_request(endpoint)`` once for each request that reaches the wire. Both are called on the working thread.
    """

    cancel: threading.Event = field(default_factory=threading.Event)
    on_wait: Callable[[str, float], None] = _unheard
    on_request: Callable[[str], None] = _uncounted

    def sleep(self, clock: Clock, seconds: float, reason: str) -> None:
        """Wait ``seconds`` and say why.

        Raises:
            Cancelled: ``cancel`` was set before the wait was over.
        """
        self.on_wait(reason, seconds)
        stopped = clock.sleep(seconds, self.cancel)
        self.on_wait("", 0.0)
        if stopped:
            raise Cancelled("Stopped while waiting.", "Ask again to go on.")

    def check(self) -> None:
        """Raise ``Cancelled`` when the caller asked to stop."""
        if self.cancel.is_set():
            raise Cancelled("Stopped.", "Ask again to go on.")
