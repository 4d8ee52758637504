"""Rows of the ledger as the values that are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, case, func, select, true

from redline.clock import Clock
from redline.jobs import codec
from redline.jobs.job import JobView, PartCount, PartState, PartView, Waiting
from redline.jobs.owner import Owner
from redline.jobs.results import results_of, summary_of
from redline.jobs.stage import Activity, Stage, shown_state
from redline.jobs.tables import jobs, parts

PIECES = 60


def brief() -> Any:
    """Return the query for jobs without the long texts of those that have many tickers."""
    long = {"request", "gaps", "tickers", "sealed_key"}
    plain = [column for column in jobs.c if column.name not in long]
    few = jobs.c.head.is_(None)
    shortened = [
        func.coalesce(jobs.c.head, jobs.c.request).label("request"),
        *[case((few, jobs.c[name])).label(name) for name in ("gaps", "tickers")],
    ]
    return select(*plain, *shortened)


class Viewer:
    """Makes views of rows. Whether a part runs depends on whether its owner lives, so that is looked at each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def views(self, link: Connection, rows: Sequence[Any], *, pieces: bool = True) -> list[JobView]:
        """Return the views of rows of the jobs table, in their order; ``pieces``: with their first parts."""
        alive = self._look()
        return [self._view(link, row, pieces, alive) for row in rows]

    def parts(self, link: Connection, job_id: str, limit: int | None = None, *, only: Any = None) -> list[PartView]:
        """Return the parts of a job in order, those that ``only`` says."""
        return self._parts(link, job_id, limit, self._look(), only)

    def _look(self) -> Callable[[str], bool]:
        """Return what tells whether an owner lives, and looks at each once: a job has a hundred parts of few owners."""
        boot = self._clock.boot_id()
        return cache(lambda owner: Owner.parse(owner).alive(boot))

    def _parts(
        self, link: Connection, job_id: str, limit: int | None, alive: Callable[[str], bool], only: Any = None
    ) -> list[PartView]:
        mine = select(parts).where(parts.c.job_id == job_id, true() if only is None else only)
        return [self._part(row, alive) for row in link.execute(mine.order_by(parts.c.n).limit(limit)).all()]

    def counts_text(self, link: Connection, job_id: str) -> str:
        """Return what the parts of a job add up to, as the text that is kept with one that has ended."""
        return codec.dumps(_sums(link, job_id))

    def _doing(self, link: Connection, job_id: str, alive: Callable[[str], bool]) -> list[Activity]:
        """Return what running parts do, delayed ones, and the first that is merely queued: enough for a job's state."""
        mine = parts.c.job_id == job_id
        queued = and_(mine, parts.c.state == PartState.QUEUED.value)
        found = [
            select(parts).where(mine, parts.c.state == PartState.RUNNING.value),
            select(parts).where(queued, parts.c.due_s.is_not(None)).order_by(parts.c.due_s).limit(PIECES),
            select(parts).where(queued, parts.c.due_s.is_(None)).order_by(parts.c.n).limit(1),
        ]
        return [self._activity(row, alive) for query in found for row in link.execute(query).all()]

    def _view(self, link: Connection, row: Any, with_pieces: bool, alive: Callable[[str], bool]) -> JobView:
        stage = Stage(row.stage)
        state, waiting = shown_state(stage, [] if stage.ended else self._doing(link, row.id, alive))
        plan: dict[str, Any] = json.loads(row.plan)
        sums: dict[str, int] = json.loads(row.counts) if row.counts else _sums(link, row.id)
        request = codec.request_of(row.request)
        done = min(plan["sessions"], plan["held"] + sums["sessions_done"])
        return JobView(
            job_id=row.id,
            state=state,
            waiting=waiting,
            request=request,
            created_at=datetime.fromisoformat(row.created_at),
            finished_at=datetime.fromisoformat(row.finished_at) if row.finished_at else None,
            plan=plan,
            parts=PartCount(sums["total"], sums["done"], sums["failed"]),
            records=row.records if row.records is not None else sums["records"],
            requests=sums["requests"],
            sessions_done=done,
            sessions_total=plan["sessions"],
            set_aside=sums["set_aside"],
            gaps=codec.gaps_of(row.gaps),
            tickers=results_of(row.tickers),
            error=codec.error_of(row.error),
            pieces=tuple(self._parts(link, row.id, PIECES, alive)) if with_pieces else (),
            tickers_count=len(request.tickers) if row.tickers_count is None else row.tickers_count,
            summary=summary_of(row.summary),
        )

    def _part(self, row: Any, alive: Callable[[str], bool]) -> PartView:
        doing = self._activity(row, alive)
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

    def _activity(self, row: Any, alive: Callable[[str], bool]) -> Activity:
        boot = self._clock.boot_id()
        state = PartState(row.state)
        if state is PartState.RUNNING and not alive(row.owner):
            state = PartState.QUEUED
        left = row.due_s - self._clock.since_boot() if row.due_s is not None and row.boot == boot else 0.0
        return Activity(state, row.waiting if state in (PartState.RUNNING, PartState.QUEUED) else "", max(0.0, left))


_ADDED = ("records", "requests", "sessions_done", "set_aside")


def _sums(link: Connection, job_id: str) -> dict[str, int]:
    """Return what the parts of a job add up to."""
    states = [
        func.sum(case((parts.c.state == state.value, 1), else_=0)).label(state.value)
        for state in (PartState.DONE, PartState.FAILED)
    ]
    added = [func.sum(parts.c[name]).label(name) for name in _ADDED]
    query = select(func.count().label("total"), *states, *added).where(parts.c.job_id == job_id)
    return {name: int(value or 0) for name, value in link.execute(query).one()._mapping.items()}
