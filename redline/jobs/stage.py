"""What the ledger writes down about a job, and the state that is shown for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from redline.jobs.job import JobState, PartState, Waiting


class Stage(Enum):
    """How far a job is, as it is stored; whether it runs or waits follows from its parts."""

    OPEN = "open"
    PAUSED = "paused"
    CANCELLING = "cancelling"
    FAILING = "failing"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether the job is over, its result written down."""
        return self in ENDED


ENDED = frozenset({Stage.COMPLETE, Stage.INCOMPLETE, Stage.FAILED, Stage.CANCELLED})
UNFINISHED = frozenset(Stage) - ENDED
WORKED_ON = frozenset({Stage.OPEN})


@dataclass(frozen=True, slots=True)
class Activity:
    """What one unfinished part does right now. A dead owner's part counts as queued."""

    state: PartState
    waiting: str
    seconds: float


def shown_state(stage: Stage, parts: Sequence[Activity]) -> tuple[JobState, Waiting | None]:
    """Return the state to show, and why and how long it waits.

    A job waits when something of it could go on only later and nothing of it goes on now.
    """
    if stage is Stage.PAUSED:
        return JobState.PAUSED, None
    if stage in (Stage.CANCELLING, Stage.CANCELLED):
        return JobState.CANCELLED, None
    if stage.ended:
        return JobState(stage.value), None
    running = [one for one in parts if one.state is PartState.RUNNING]
    if stage is Stage.FAILING or not parts or any(not one.waiting for one in running):
        return JobState.RUNNING, None
    delayed = [one for one in running or parts if one.waiting and (running or one.seconds > 0)]
    if not delayed or (not running and len(delayed) < len(parts)):
        return JobState.QUEUED, None
    soonest = min(delayed, key=lambda one: one.seconds)
    return JobState.WAITING, Waiting(soonest.waiting, soonest.seconds)
