"""Who may ask, and how often: keys, their plans, and the vendor's own count of calls a minute."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from dataclasses import dataclass

from redline.emulator.exceptions import NoKey, TooManyRequests, UnknownKey
from redline.emulator.plans import PLANS, Plan


@dataclass(frozen=True, slots=True)
class Terms:
    """The plan of a key, and its limit: ``calls`` in any ``window_s`` seconds, ``None`` for no limit."""

    plan: Plan
    calls: int | None
    window_s: float

    @classmethod
    def of(cls, plan: str, calls: int | None = None, window_s: float = 60.0) -> Terms:
        """Return the terms of a plan by name; ``calls`` overrides the plan's own limit."""
        chosen = PLANS[plan]
        return cls(chosen, chosen.calls_per_minute if calls is None else calls, window_s)


class Access:
    """Keys and their terms. Only admitted calls count, at arrival, in a sliding window (I). Thread-safe."""

    def __init__(self, terms: Terms, only_key: str | None) -> None:
        self._start, self.only_key = terms, only_key
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Go back to the terms of the start; forget revocations and counts."""
        with self._lock:
            self._default = self._start
            self._by_key: dict[str, Terms] = {}
            self._revoked: set[str] = set()
            self._arrivals: defaultdict[str, deque[float]] = defaultdict(deque)

    def set_terms(self, terms: Terms, key: str | None) -> None:
        """Give one key, or all, other terms from now on."""
        with self._lock:
            if key is None:
                self._default, self._by_key = terms, {}
            else:
                self._by_key[key] = terms

    def revoke(self, key: str) -> None:
        """Make a key unknown until the next reset."""
        with self._lock:
            self._revoked.add(key)

    def admit(self, key: str, arrived_s: float) -> Plan:
        """Count a call and return the plan it runs under.

        Raises:
            NoKey, UnknownKey, TooManyRequests: as the vendor answers.
        """
        if not key:
            raise NoKey
        with self._lock:
            if key in self._revoked or (self.only_key is not None and key != self.only_key):
                raise UnknownKey
            terms = self._by_key.get(key, self._default)
            if terms.calls is not None:
                self._count(self._arrivals[key], terms.calls, arrived_s - terms.window_s, arrived_s)
            return terms.plan

    @staticmethod
    def _count(arrivals: deque[float], calls: int, since_s: float, now_s: float) -> None:
        while arrivals and arrivals[0] <= since_s:
            arrivals.popleft()
        if len(arrivals) >= calls:
            raise TooManyRequests
        arrivals.append(now_s)
