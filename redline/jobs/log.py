"""The events of jobs: what happened, in the order it happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select

from redline.clock import Clock
from redline.jobs.tables import events

KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as it is written down."""

    seq: int
    at: datetime
    kind: str
    text: str


class EventLog:
    """Appends to and reads from the events of a job, in the transaction of whoever changes the job."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def say(self, link: Connection, job_id: str, kind: str, text: str) -> None:
        """Append an event; of each job the newest thousand are kept."""
        last = link.execute(select(func.max(events.c.seq)).where(events.c.job_id == job_id)).scalar() or 0
        at = self._clock.now().isoformat(timespec="microseconds")
        link.execute(insert(events), {"job_id": job_id, "seq": last + 1, "at": at, "kind": kind, "text": text[:500]})
        if last >= KEPT:
            link.execute(delete(events).where(events.c.job_id == job_id, events.c.seq <= last + 1 - KEPT))

    def read(self, link: Connection, job_id: str, after: int) -> list[Happening]:
        """Return the events of a job after number ``after``, oldest first."""
        later = select(events).where(events.c.job_id == job_id, events.c.seq > after).order_by(events.c.seq)
        return [
            Happening(row.seq, datetime.fromisoformat(row.at), row.kind, row.text) for row in link.execute(later).all()
        ]
