"""What the app at work holds: the engine, the seats of waiters and streams, and whether the server is stopping."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import current_app

if TYPE_CHECKING:
    from redline.engine import Engine


class Seats:
    """A few seats that are taken at once or not at all. Thread-safe."""

    def __init__(self, count: int) -> None:
        self._free = threading.Semaphore(count)

    def take(self) -> bool:
        """Take a seat; return whether there was one."""
        return self._free.acquire(blocking=False)

    def leave(self) -> None:
        """Give the seat back."""
        self._free.release()

    @contextmanager
    def seat(self) -> Iterator[bool]:
        """Hold a seat in the block, if there is one; the value says so."""
        seated = self.take()
        try:
            yield seated
        finally:
            if seated:
                self.leave()


@dataclass(frozen=True, slots=True)
class Web:
    """What routes share. A quarter of the server's threads may wait for jobs, another quarter may feed streams."""

    engine: Engine
    threads: int
    waiters: Seats
    streams: Seats
    stopping: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def over(cls, engine: Engine, threads: int) -> Web:
        """Return the shared state for a server of ``threads`` threads."""
        quarter = max(1, threads // 4)
        return cls(engine=engine, threads=threads, waiters=Seats(quarter), streams=Seats(quarter))


def web() -> Web:
    """Return what the app of this request holds."""
    return cast(Web, current_app.extensions["redline"])


def engine() -> Engine:
    """Return the engine of this request's app."""
    return web().engine
