"""What a key has used: counted at the socket, by endpoint and UTC day, in the budget file."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from redline.net.pace import SHARE_OF_WINDOW, Pace
from redline.net.slots import Slots


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """One key's budget as people see it.

    ``used`` of ``limit`` requests in the rolling window of ``window_s`` seconds; ``next_slot_s`` seconds until a new
    request could be sent; ``today`` requests since midnight UTC, ``endpoints`` the same by endpoint.
    """

    source: str
    limit: float
    window_s: float
    used: int
    next_slot_s: float
    today: int
    endpoints: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class UsageTable:
    """The counters of one key inside one transaction. ``window_s`` is the whole window, not a slot's rest."""

    db: sqlite3.Connection
    key: str
    window_s: float

    def count(self, endpoint: str, day: date, now: float) -> None:
        """Count one request."""
        self.db.execute(
            "INSERT INTO usage VALUES (?, ?, ?, 1) ON CONFLICT (key, day, endpoint) DO UPDATE SET n = n + 1",
            (self.key, day.isoformat(), endpoint),
        )
        bucket = self._bucket(now)
        (n,) = self.db.execute(
            "INSERT INTO recent VALUES (?, ?, 1) ON CONFLICT (key, bucket) DO UPDATE SET n = n + 1 RETURNING n",
            (self.key, bucket),
        ).fetchone()
        if n == 1:
            self.db.execute("DELETE FROM recent WHERE key = ? AND bucket <= ?", (self.key, bucket - SHARE_OF_WINDOW))

    def read(self, source: str, limit: float, pace: Pace, day: date, now: float, paused_until: float) -> KeyUsage:
        """Return the counters and the state of the slots."""
        rows = self.db.execute(
            "SELECT endpoint, n FROM usage WHERE key = ? AND day = ? ORDER BY endpoint", (self.key, day.isoformat())
        ).fetchall()
        endpoints = {str(endpoint): int(n) for endpoint, n in rows}
        slots = Slots(self.db, self.key, pace, now)
        return KeyUsage(
            source=source,
            limit=limit,
            window_s=max(self.window_s, pace.window_s),
            used=slots.used() if limit <= SHARE_OF_WINDOW else self._in_window(now),
            next_slot_s=round(max(slots.next_free_s(), paused_until - now), 3),
            today=sum(endpoints.values()),
            endpoints=endpoints,
        )

    def _in_window(self, now: float) -> int:
        (n,) = self.db.execute(
            "SELECT coalesce(sum(n), 0) FROM recent WHERE key = ? AND bucket > ?",
            (self.key, self._bucket(now) - SHARE_OF_WINDOW),
        ).fetchone()
        return int(n)

    def _bucket(self, now: float) -> int:
        return int(now * SHARE_OF_WINDOW / self.window_s)
