"""When to ask again: state in, seconds out. Pure but for the shared account of retries."""

from __future__ import annotations

import threading
from dataclasses import dataclass

LONG_S = 900.0
"""A vendor that asks for more than a quarter of an hour is not waited for inside a call."""

LONGEST_OBEYED_S = 60.0
"""How long a Retry-After of a 5xx is waited for; a longer one ends the call, and its caller may come again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Where a call stands after a failed attempt.

    ``failed`` attempts so far (1 = the first), ``asked_s`` what the answer asked to wait, ``allowed`` whether the
    source is well enough for retries at all.
    """

    failed: int
    asked_s: float | None = None
    allowed: bool = True


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Three attempts with full jitter.

    Three, because most broken connections work the second time and an outage outlives any number of them. The jitter
    is over the whole span, so that callers who failed together do not come back together.
    """

    attempts: int = 3
    first_s: float = 0.5
    most_s: float = 8.0

    def wait_s(self, failure: Failure, chance: float) -> float | None:
        """Return the seconds until the next attempt, or None to give up. ``chance`` is random, in [0, 1)."""
        if failure.failed >= self.attempts or not failure.allowed:
            return None
        if failure.asked_s is not None and failure.asked_s > LONGEST_OBEYED_S:
            return None
        jitter = chance * min(self.most_s, self.first_s * 2.0 ** (failure.failed - 1))
        return max(jitter, failure.asked_s or 0.0)


@dataclass(frozen=True, slots=True)
class Throttle:
    """Where a call stands after a 429: what was asked for, and how long ago its first 429 was."""

    asked_s: float | None
    since_first_s: float
    window_s: float
    patience_s: float | None

    @property
    def wait_s(self) -> float:
        """Return how long the key has to pause: as asked, else one window of the vendor's."""
        return self.window_s if self.asked_s is None else self.asked_s

    @property
    def gives_up(self) -> bool:
        """Tell whether the call ends here. Without ``patience_s`` (a job) it never does."""
        if self.patience_s is None:
            return False
        return self.since_first_s >= self.patience_s or self.wait_s > LONG_S


class RetryBudget:
    """Stops retries when most calls fail, so that an outage is not made worse. Thread-safe.

    A retry costs one token, a good answer earns a quarter: up to one failure in five every retry is allowed, above
    that they run dry.
    """

    def __init__(self, most: float = 10.0, earned: float = 0.25) -> None:
        self._most, self._earned, self._tokens = most, earned, most
        self._lock = threading.Lock()

    def succeeded(self) -> None:
        with self._lock:
            self._tokens = min(self._most, self._tokens + self._earned)

    def take(self) -> bool:
        """Take the token for one retry; False when there is none."""
        with self._lock:
            if self._tokens < 1.0:
                return False
            self._tokens -= 1.0
            return True
