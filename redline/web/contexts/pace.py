"""How long a job still takes: from the calls that its plan has left and the key's limit, never from the last second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redline.web.contexts.frame import ACTIVE
from redline.web.contexts.words import count, counted, duration


@dataclass(frozen=True, slots=True)
class Pace:
    """The budget of a source's key: ``limit`` calls in ``window_s``, ``used`` of them now; ``jobs`` share it."""

    limit: float
    window_s: float
    used: int
    jobs: int = 1

    @property
    def minute(self) -> float:
        """Calls a minute."""
        return self.limit * 60 / self.window_s


def paces(budget: Sequence[Mapping[str, Any]], states: Sequence[tuple[str, str]]) -> dict[str, Pace]:
    """Return the pace of each source; ``states``: source and state of each job that is shown."""
    at_work: dict[str, int] = {}
    for source, state in states:
        at_work[source] = at_work.get(source, 0) + (state in ACTIVE)
    found: dict[str, Pace] = {}
    for row in budget:  # Of each source its key in use comes first.
        source = str(row["source"])
        limit, window_s = float(row["limit"]), float(row["window_s"])
        found.setdefault(source, Pace(limit, window_s, int(row["used"]), at_work.get(source, 0)))
    return found


def calls_left(job: Mapping[str, Any]) -> int:
    """Return how many calls the plan of a job still has: no less than it has parts to do."""
    planned = int((job.get("plan") or {}).get("calls") or 0)
    parts = job["parts"]
    to_do = int(parts["total"]) - int(parts["done"]) - int(parts["failed"])
    return max(planned - int(job["requests"] or 0), to_do) if to_do > 0 else 0


def eta(job: Mapping[str, Any], pace: Pace | None) -> str:
    """Return a sentence about the time that is left, empty for a job that has ended or whose key has no limit yet."""
    state, left = str(job["state"]), calls_left(job)
    if pace is None or not left or (state not in ACTIVE and state != "paused"):
        return ""
    free = max(0.0, pace.limit - pace.used)
    seconds = max(0.0, left - free) / pace.limit * pace.window_s
    at = f"{counted(left, 'call')} at {count(round(pace.minute, 1))} a minute"
    said = f"About {duration(seconds)} left" if seconds >= 1 else "The key's budget asks for no wait"
    once = " once it goes on" if state == "paused" else ""
    others = pace.jobs - (state in ACTIVE)
    shared = f"; the key is shared with {counted(others, 'other job')}" if others > 0 else ""
    return f"{said}{once}: {at}{shared}."
