"""Rows of the ledger as the values that are shown."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select

from redline.clock import Clock
from redline.jobs import codec
from redline.jobs.job import JobView, PartCount, PartState, PartView, Waiting
from redline.jobs.owner import Owner
from redline.jobs.results import results_of
from redline.jobs.stage import Activity, Stage, shown_state
from redline.jobs.tables import parts

PIECES = 60


class Viewer:
    """Makes views of rows. Whether a part runs depends on whether its owner lives, so that is looked at each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def views(self, link: Connection, rows: Sequence[Any], *, pieces: bool = True) -> list[JobView]:
        """Return the views of rows of the jobs table, in their order; ``pieces``: with their first parts."""
        ids = [row.id for row in rows]
        sums = {one.job_id: one for one in link.execute(_sums().where(parts.c.job_id.in_(ids))).all()}
        doing: dict[str, list[Activity]] = defaultdict(list)
        for one in link.execute(_unfinished().where(parts.c.job_id.in_(ids))).all():
            doing[one.job_id].append(self._activity(one))
        return [self._view(link, row, sums.get(row.id), doing[row.id], pieces) for row in rows]

    def parts(self, link: Connection, job_id: str, limit: int) -> list[PartView]:
        """Return the parts of a job in order."""
        mine = select(parts).where(parts.c.job_id == job_id).order_by(parts.c.n).limit(limit)
        return [self._part(row) for row in link.execute(mine).all()]

    def _view(self, link: Connection, row: Any, sums: Any, doing: Sequence[Activity], with_pieces: bool) -> JobView:
        stage = Stage(row.stage)
        state, waiting = shown_state(stage, doing)
        plan: dict[str, Any] = json.loads(row.plan)
        done = min(plan["sessions"], plan["held"] + (sums.sessions_done if sums else 0))
        return JobView(
            job_id=row.id,
            state=state,
            waiting=waiting,
            request=codec.request_of(row.request),
            created_at=datetime.fromisoformat(row.created_at),
            finished_at=datetime.fromisoformat(row.finished_at) if row.finished_at else None,
            plan=plan,
            parts=PartCount(sums.total, sums.done, sums.failed) if sums else PartCount(),
            records=row.records if row.records is not None else sums.records if sums else 0,
            requests=sums.requests if sums else 0,
            sessions_done=done,
            sessions_total=plan["sessions"],
            set_aside=sums.set_aside if sums else 0,
            gaps=codec.gaps_of(row.gaps),
            tickers=results_of(row.tickers),
            error=codec.error_of(row.error),
            pieces=tuple(self.parts(link, row.id, PIECES)) if with_pieces else (),
        )

    def _part(self, row: Any) -> PartView:
        doing = self._activity(row)
        return PartView(
            n=row.n,
            part=codec.part_of(row.part),
            state=doing.state,
            attempts=row.attempts,
            records=row.records,
            requests=row.requests,
            lacking=row.lacking,
            error=codec.error_of(row.error),
            waiting=Waiting(doing.waiting, doing.seconds) if doing.waiting else None,
        )

    def _activity(self, row: Any) -> Activity:
        boot = self._clock.boot_id()
        state = PartState(row.state)
        if state is PartState.RUNNING and not Owner.parse(row.owner).alive(boot):
            state = PartState.QUEUED
        left = row.due_s - self._clock.since_boot() if row.due_s is not None and row.boot == boot else 0.0
        return Activity(state, row.waiting if state in (PartState.RUNNING, PartState.QUEUED) else "", max(0.0, left))


def _sums() -> Any:
    return select(
        parts.c.job_id,
        func.count().label("total"),
        func.sum(case((parts.c.state == PartState.DONE.value, 1), else_=0)).label("done"),
        func.sum(case((parts.c.state == PartState.FAILED.value, 1), else_=0)).label("failed"),
        *[func.sum(parts.c[name]).label(name) for name in ("records", "requests", "sessions_done", "set_aside")],
    ).group_by(parts.c.job_id)


def _unfinished() -> Any:
    """Running parts, delayed ones, and the first that is merely queued: enough to tell the state of a job."""
    queued = parts.c.state == PartState.QUEUED.value
    earlier = parts.alias()
    first = select(func.min(earlier.c.n)).where(
        earlier.c.job_id == parts.c.job_id, earlier.c.state == PartState.QUEUED.value, earlier.c.due_s.is_(None)
    )
    wanted = or_(
        parts.c.state == PartState.RUNNING.value,
        and_(queued, parts.c.due_s.is_not(None)),
        and_(queued, parts.c.n == first.scalar_subquery()),
    )
    return select(parts).where(wanted)
