"""The daily updates of collections: submitted by whichever server finds them due, and only once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC

from redline.clock import Clock
from redline.errors import RedlineError
from redline.jobs.collections import Collection, Collections

#: Submits the job of a collection under an idempotency key and returns the job's id.
Update = Callable[[Collection, str], str]
AGAIN_S = 900.0  # A collection that could not be submitted (no key, say) is tried again after so long.
_log = logging.getLogger(__name__)


class DailyUpdates:
    """Submits what is due. ``update`` is the engine's; what it raises is logged, and tried again later."""

    def __init__(self, collections: Collections, update: Update, clock: Clock) -> None:
        self._collections, self._update, self._clock = collections, update, clock
        self._not_before: dict[str, float] = {}

    def run(self) -> list[str]:
        """Submit the jobs of the collections that are due now; return their ids."""
        now, made = self._clock.now(), []
        for one in self._collections.due(now):
            if self._clock.since_boot() < self._not_before.get(one.name, 0.0):
                continue
            try:
                job_id = self._update(one, one.daily_key(now))
            except RedlineError as error:
                _log.warning('the daily update of "%s" could not be submitted: %s', one.name, error.sentence)
                self._not_before[one.name] = self._clock.since_boot() + AGAIN_S
                continue
            self._collections.ran(one.name, job_id, now.astimezone(UTC).date())
            made.append(job_id)
        return made
