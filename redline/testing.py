"""Tools for tests, ours and yours: a clock that obeys, and the emulator as a context manager."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta


class FakeClock:
    """A clock that moves only when somebody sleeps or ``advance`` is called; it records each sleep in ``slept``.

    Thread-safe. Wall time and time since boot move together; ``jump_wall`` moves the wall time alone, as a
    correction of the machine's clock does.
    """

    def __init__(self, now: datetime = datetime(2024, 6, 3, 15, 0, tzinfo=UTC), boot_id: str = "test-boot") -> None:
        self._now = now
        self._since_boot = 1_000.0
        self._boot_id = boot_id
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def since_boot(self) -> float:
        with self._lock:
            return self._since_boot

    def boot_id(self) -> str:
        return self._boot_id

    def sleep(self, seconds: float, cancel: threading.Event | None = None) -> bool:
        if cancel is not None and cancel.is_set():
            return True
        if seconds > 0:
            self.slept.append(seconds)
            self.advance(seconds)
        return False

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass for everybody."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._since_boot += seconds

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward (or back, when negative); the time since boot goes on undisturbed."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
