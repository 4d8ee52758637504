"""The circuit breaker of a source: in an outage one request at a time, and few of them. Shared by its clients."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from redline.clock import Clock
from redline.net.retry import RetryBudget

OPENS_AFTER = 3
"""Failures in a row. One call makes three attempts, so a call that fails opens it."""

REST_S = 9.0
"""Between probes: three failures and a probe each 9 s are 9 requests in a minute of outage (10 are allowed, P12), and a
source that is back is noticed within 10 s."""

_LOOK_AGAIN_S = 0.1


@dataclass(frozen=True, slots=True)
class Pass:
    """Permission for one request. ``probe``: the only one that is let through now."""

    probe: bool


class Breaker:
    """Counts failures in a row (refused, broken, cut, 408, 5xx). Any other answer, a 429 too, shows that it lives.

    After the first failure only one request at a time goes through; after three of them one each ``rest_s``.
    """

    def __init__(self, source: str, clock: Clock, *, opens_after: int = OPENS_AFTER, rest_s: float = REST_S) -> None:
        self.source = source
        self.retries = RetryBudget()
        self._clock, self._opens_after, self._rest_s = clock, opens_after, rest_s
        self._lock = threading.Lock()
        self._failures, self._probing, self._open_until, self._refused_round = 0, False, 0.0, 0

    def ready_in_s(self) -> float:
        """Return the seconds until it is worth to try ``enter``; 0 when now."""
        with self._lock:
            if self._failures == 0:
                return 0.0
            rest = self._open_until - self._clock.since_boot()
            if rest > 0:
                return rest
            return _LOOK_AGAIN_S if self._probing else 0.0

    def enter(self) -> Pass | None:
        """Return permission for one request, or None. It must go to ``succeeded``, ``failed`` or ``left``."""
        with self._lock:
            if self._failures == 0:
                return Pass(probe=False)
            if self._probing or self._clock.since_boot() < self._open_until:
                return None
            self._probing = True
            return Pass(probe=True)

    def succeeded(self, given: Pass) -> None:
        with self._lock:
            self._failures, self._open_until = 0, 0.0
            self._probing = self._probing and not given.probe
        self.retries.succeeded()

    def failed(self, given: Pass) -> None:
        with self._lock:
            self._failures += 1
            if self._failures == self._opens_after or (given.probe and self._failures > self._opens_after):
                self._open_until = self._clock.since_boot() + self._rest_s
                self._refused_round += 1
            self._probing = self._probing and not given.probe

    def left(self, given: Pass) -> None:
        """Say that the request was not made after all, or stopped by its caller."""
        with self._lock:
            self._probing = self._probing and not given.probe

    @property
    def failures(self) -> int:
        """Failures in a row."""
        with self._lock:
            return self._failures

    @property
    def rounds(self) -> int:
        """How often it began a rest; a waiter compares, to learn that the probe it waited for failed."""
        with self._lock:
            return self._refused_round

    @property
    def is_open(self) -> bool:
        with self._lock:
            return self._failures >= self._opens_after
