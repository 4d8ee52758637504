"""How often somebody may be wrong."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from threading import Lock

from redline.clock import Clock
from redline.errors import TooManyTries


class Tries:
    """Allow ``limit`` wrong tries in any ``window_s`` seconds; the next one is not even looked at. Thread-safe.

    One count for everybody who asks: a count for each address would give a guesser as many tries as it has addresses.
    Tries are looked at one after the other, so that a hundred at once are not a hundred for the price of one.
    """

    def __init__(self, limit: int, window_s: float, clock: Clock) -> None:
        self._limit, self._window_s, self._clock = limit, window_s, clock
        self._wrong: deque[float] = deque()
        self._one_by_one = Lock()

    def attempt(self, is_right: Callable[[], bool]) -> bool:
        """Return ``is_right()``, and remember when it was not.

        Raises:
            TooManyTries: there were ``limit`` wrong ones in the window; it says how long to wait.
        """
        with self._one_by_one:
            now = self._clock.since_boot()
            while self._wrong and self._wrong[0] <= now - self._window_s:
                self._wrong.popleft()
            if len(self._wrong) >= self._limit:
                raise TooManyTries(max(1, math.ceil(self._wrong[0] + self._window_s - now)))
            right = is_right()
            if not right:
                self._wrong.append(now)
            return right
