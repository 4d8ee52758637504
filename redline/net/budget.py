"""The request budget: never more than a key's limit in any window, for all threads and processes of the machine.

Counting sends does not bound arrivals: requests are delayed by different amounts. A slot is held from the send until
the whole answer is in, and rests for one window more, so its requests arrive a window apart: N slots, at most N
arrivals in any window (docs/decisions/0002-budget-slots.md).
"""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import timedelta
from pathlib import Path

from redline.clock import Clock
from redline.net.budget_file import BudgetFile
from redline.net.key_budget import KeyBudget, Shared, Slot
from redline.net.origin import canonical
from redline.net.pace import WINDOW_S, checked_limit, pace_for
from redline.net.usage import KeyUsage, UsageTable

DEFAULT_LIMIT = 10.0
"""Requests a minute when nobody has named a limit for the key (design 4.1)."""


class Budgets:
    """All keys' budgets, in one file that survives restarts and ``kill -9``. Thread-safe, process-safe.

    ``window_s`` scales time: a limit counts requests in that many seconds. Everybody who opens the file must name the
    same one; anything but a minute is for tests and benches.
    """

    def __init__(self, path: Path, clock: Clock, *, window_s: float = WINDOW_S) -> None:
        self._file, self._clock, self._window_s = BudgetFile(path, clock), clock, window_s
        self._shared = Shared(self._file, clock, window_s)

    def key(
        self,
        source: str,
        origin: str,
        api_key: str,
        limit_per_minute: float | None = None,
        *,
        default_limit: float = DEFAULT_LIMIT,
    ) -> KeyBudget:
        """Return the budget of a key; all who name the same origin (or any URL of it) and key share it.

        ``limit_per_minute`` named here is everybody's from now on; None means the one known for the key, and
        ``default_limit`` when there is none yet. Only a hash of origin and key is kept.

        Raises:
            BadField: the limit is no number above 0.
        """
        wanted = None if limit_per_minute is None else checked_limit(limit_per_minute)
        digest = hashlib.sha256(f"{canonical(origin)}\n{api_key}".encode()).hexdigest()
        return KeyBudget(self._shared, digest, source, wanted, checked_limit(default_limit))

    def snapshots(self) -> list[KeyUsage]:
        """Return the usage of each key that was opened or used today or yesterday (UTC), by source."""
        today = self._clock.now().date()

        def read(db: sqlite3.Connection, now: float) -> list[KeyUsage]:
            rows = db.execute(
                'SELECT id, source, "limit", paused_until FROM keys WHERE seen >= ? ORDER BY source, id',
                ((today - timedelta(days=1)).isoformat(),),
            ).fetchall()
            return [
                UsageTable(db, key, self._window_s).read(
                    source, limit, pace_for(limit, self._window_s), today, now, paused_until
                )
                for key, source, limit, paused_until in rows
            ]

        return self._file.run(read)

    def close(self) -> None:
        """Close the file. It opens again when it is used again."""
        self._file.close()


__all__ = ["DEFAULT_LIMIT", "Budgets", "KeyBudget", "KeyUsage", "Slot"]
