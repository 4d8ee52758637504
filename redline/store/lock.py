"""One writer at a time: among the threads of this process, and among processes."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redline.clock import Clock
from redline.errors import StoreBusy
from redline.store.files import explained

WAIT_S = 30.0
LOOK_S = 0.02

if os.name == "nt":
    import msvcrt

    def _try(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


class WriterLock:
    """The right to write one table. The system drops it when its owner dies, however it dies. Reentrant."""

    def __init__(self, path: Path, clock: Clock, wait_s: float = WAIT_S) -> None:
        self._path, self._clock, self._wait_s = path, clock, wait_s
        self._threads = threading.RLock()
        self._depth = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the block.

        Raises:
            StoreBusy: another process kept it for ``wait_s`` seconds.
        """
        with self._threads:
            if self._depth:
                yield
                return
            with explained(self._path.parent):
                handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                self._wait_for(handle)
                self._depth = 1
                yield
            finally:
                self._depth = 0
                os.close(handle)

    def _wait_for(self, handle: int) -> None:
        until = self._clock.since_boot() + self._wait_s
        while not _try(handle):
            if self._clock.since_boot() >= until:
                raise StoreBusy(
                    f"Another process has been writing to {self._path.stem} for {self._wait_s:g} s.",
                    "Ask again when it has finished.",
                )
            self._clock.sleep(LOOK_S)
