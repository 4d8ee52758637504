"""The emulator's own clock: the only place of it that asks the machine for the time or sleeps."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class EmulatorClock:
    """Wall time that starts at ``start`` (default: the real time) and runs at the usual speed."""

    def __init__(self, start: datetime | None = None) -> None:
        self._shift = timedelta(0) if start is None else start.astimezone(UTC) - datetime.now(UTC)
        self._stopped = threading.Event()

    def now(self) -> datetime:
        """Return the emulator's wall time, aware, in UTC."""
        return datetime.now(UTC) + self._shift

    def real(self) -> datetime:
        """Return the machine's wall time, aware, in UTC: for the ledger."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never go back, the same for every process of the machine."""
        return time.monotonic()

    def sleep(self, seconds: float) -> bool:
        """Sleep, or until the emulator stops; return whether it stopped."""
        return self._stopped.wait(seconds)

    def stop(self) -> None:
        """End every sleep."""
        self._stopped.set()
