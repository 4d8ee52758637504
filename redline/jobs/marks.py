"""What workers write down about the parts they hold: many at a time, in one transaction, each under its lease."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, select, update

from redline.errors import LeaseLost
from redline.jobs import codec
from redline.jobs.job import JobError, Lease, PartState
from redline.jobs.log import EventLog
from redline.jobs.tables import parts

NAMED = 3  # Of so many parts at once each is named in the log; of more, the first and the last.


@dataclass(frozen=True, slots=True)
class Closing:
    """How a part ends well. ``sessions`` came without a page; ``lacking`` ones stay unexplained: refused, or late."""

    text: str
    sessions: int = 0
    lacking: int = 0
    error: JobError | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """Rows of a part that are in the store now, and, with ``closing``, the end of the part. ``text`` is for the log."""

    lease: Lease
    text: str = ""
    rows: int = 0
    records: int = 0
    sessions: int = 0
    set_aside: int = 0
    closing: Closing | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Requests that a part sent since the last note, and whether it waits: why, and until when (since boot)."""

    lease: Lease
    requests: int = 0
    waits: bool = False
    waiting: str = ""
    due_s: float | None = None


def write_marks(link: Connection, marks: Sequence[Mark], log: EventLog) -> list[Lease]:
    """Write ``marks`` down; return the leases that somebody else has taken over, of which nothing is written."""
    held = held_of(link, [one.lease for one in marks])
    good = [one for one in marks if one.lease in held]
    if good:
        link.execute(_MARKED, [_marked(one) for one in good])
    closed = [_closed(one.lease, one.closing) for one in good if one.closing is not None]
    if closed:
        link.execute(_CLOSED, closed)
    by_job: dict[str, list[Mark]] = defaultdict(list)
    for one in good:
        by_job[one.lease.job_id].append(one)
    for job_id, of_job in by_job.items():
        for kind, text in _said(of_job):
            log.say(link, job_id, kind, text)
    return [one.lease for one in marks if one.lease not in held]


def write_notes(link: Connection, notes: Sequence[Note], boot: str) -> None:
    """Write ``notes`` down; those under a lease that is lost are dropped."""
    counted = [{**_key(one.lease), "more": one.requests} for one in notes if one.requests]
    if counted:
        link.execute(_COUNTED, counted)
    waits = [
        {**_key(one.lease), "why": one.waiting, "until_s": one.due_s, "at_boot": boot} for one in notes if one.waits
    ]
    if waits:
        link.execute(_WAITS, waits)


def held_of(link: Connection, leases: Iterable[Lease]) -> set[Lease]:
    """Return those of ``leases`` that are still held."""
    by_job: dict[str, list[Lease]] = defaultdict(list)
    for lease in leases:
        by_job[lease.job_id].append(lease)
    held: set[Lease] = set()
    for job_id, of_job in by_job.items():
        running = and_(parts.c.job_id == job_id, parts.c.state == PartState.RUNNING.value)
        numbers = sorted({one.n for one in of_job})
        rows = link.execute(select(parts.c.n, parts.c.token).where(running, parts.c.n.in_(numbers))).all()
        tokens = {(row.n, row.token) for row in rows}
        held |= {one for one in of_job if (one.n, one.token) in tokens}
    return held


def lost(lease: Lease) -> LeaseLost:
    """Return the error of a lease that is not held any more."""
    return LeaseLost(f"Part {lease.n} of job {lease.job_id} was taken over by another worker.", "")


def _mine() -> Any:
    this = and_(parts.c.job_id == bindparam("at_job"), parts.c.n == bindparam("at_n"))
    return and_(this, parts.c.token == bindparam("at_token"), parts.c.state == PartState.RUNNING.value)


_MARKED = (
    update(parts)
    .where(_mine())
    .values(
        records=parts.c.records + bindparam("more_records"),
        sessions_done=parts.c.sessions_done + bindparam("more_sessions"),
        set_aside=parts.c.set_aside + bindparam("more_aside"),
        attempts=case((bindparam("paged", type_=parts.c.n.type) > 0, 0), else_=parts.c.attempts),
        unwell_since_s=case((bindparam("paged", type_=parts.c.n.type) > 0, None), else_=parts.c.unwell_since_s),
    )
)
_CLOSED = (
    update(parts)
    .where(_mine())
    .values(
        state=PartState.DONE.value,
        owner=None,
        waiting="",
        due_s=None,
        lacking=bindparam("left"),
        error=bindparam("refusal"),
        sessions_done=parts.c.sessions_done + bindparam("without_page"),
    )
)
_COUNTED = update(parts).where(_mine()).values(requests=parts.c.requests + bindparam("more"))
_WAITS = (
    update(parts).where(_mine()).values(waiting=bindparam("why"), due_s=bindparam("until_s"), boot=bindparam("at_boot"))
)


def _key(lease: Lease) -> dict[str, Any]:
    return {"at_job": lease.job_id, "at_n": lease.n, "at_token": lease.token}


def _marked(one: Mark) -> dict[str, Any]:
    more = {"more_records": one.records, "more_sessions": one.sessions, "more_aside": one.set_aside}
    return {**_key(one.lease), **more, "paged": int(bool(one.text))}


def _closed(lease: Lease, closing: Closing) -> dict[str, Any]:
    said = {"left": closing.lacking, "refusal": codec.error_text(closing.error), "without_page": closing.sessions}
    return {**_key(lease), **said}


def _said(marks: Sequence[Mark]) -> list[tuple[str, str]]:
    """Return the events of one job's marks: each of a few, or one for all of many."""
    if len(marks) <= NAMED:
        found: list[tuple[str, str]] = []
        for one in marks:
            found += [("page", one.text)] if one.text else []
            found += [("part_done", one.closing.text)] if one.closing else []
        return found
    rows, aside = sum(one.rows for one in marks), sum(one.set_aside for one in marks)
    done = sum(one.closing is not None for one in marks)
    text = f"{len(marks)} pages: {rows:,} rows, {done} parts done"
    text += f", {aside:,} set aside" if aside else ""
    ends = [marks[0].lease.part.what, marks[-1].lease.part.what]
    return [("page", f"{text}. From {ends[0]} to {ends[1]}.")]
