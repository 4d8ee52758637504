"""How jobs and their parts get into the ledger: submitted, expanded when a universe is known, completed by more."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, exists, func, insert, not_, or_, select, update

from redline.clock import Clock
from redline.errors import Conflict
from redline.jobs import codec
from redline.jobs.database import Database
from redline.jobs.job import HEAD, MANY, Lease, PartState
from redline.jobs.leases import hold
from redline.jobs.log import EventLog
from redline.jobs.stage import Stage
from redline.jobs.tables import jobs, parts
from redline.market.part import Part, Plan
from redline.market.request import DownloadRequest

REPEATS = timedelta(hours=24)  # For so long an idempotency key answers the job it made.
GAPS_IN_PLAN = 200  # Of the gaps that the key's plan leaves, so many are kept with the job; the bill told them all.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


class Entries:
    """Writes jobs and parts down before anything is fetched."""

    _db: Database
    _clock: Clock
    _rng: random.Random
    _log: EventLog

    def submit(
        self, request: DownloadRequest, plan: Plan, sealed_key: str | None = None, idempotency_key: str | None = None
    ) -> tuple[str, bool]:
        """Write a job down, or find the one that answers; return its id and whether it is new.

        The same request while its job runs is that job. A repeated ``idempotency_key`` is its job for 24 hours.

        Raises:
            Conflict: the idempotency key was used for another request.
        """
        key, now = codec.natural_key(request), self._clock.now()
        rows = _rows(plan.parts)
        with self._db.write() as link:
            found = self._repeated(link, idempotency_key, key, now) or open_job(link, key)
            if found is not None:
                return found, False
            job_id = self._new_id(link, now)
            values = {
                "id": job_id,
                "stage": Stage.OPEN.value,
                "natural_key": key,
                "open_key": key,
                "idempotency_key": idempotency_key,
                "source": request.source,
                "dataset": request.dataset.value,
                "created_at": written(now),
                "asked_from": written(now),
                "sealed_key": sealed_key,
                **_asked(request, plan),
            }
            link.execute(insert(jobs), values)
            if rows:
                link.execute(insert(parts), [{"job_id": job_id, **row} for row in rows])
            self._log.say(link, job_id, "submitted", f"Asked for: {len(rows)} parts, {plan.calls} calls.")
        self._db.settle()
        return job_id, True

    def expand(self, lease: Lease, request: DownloadRequest, plan: Plan) -> None:
        """Give a job the tickers of its universe and the parts for them, and close the part that asked for the list.

        One transaction under the lease: it happens once, whoever dies. The job keeps its natural key.

        Raises:
            LeaseLost: somebody else has taken over; nothing was written.
        """
        with self._db.write() as link:
            hold(link, lease, state=PartState.DONE.value, owner=None, waiting="", due_s=None, error=None)
            self._append(link, lease.job_id, plan.parts)
            link.execute(update(jobs).where(jobs.c.id == lease.job_id).values(**_asked(request, plan)))
            text = f"{len(request.tickers):,} tickers: {len(plan.parts)} parts, {plan.calls} calls."
            self._log.say(link, lease.job_id, "expanded", text)

    def add_parts(self, job_id: str, more: Sequence[Part]) -> bool:
        """Give a job at rest those of ``more`` that it does not have; return whether there were any."""
        with self._db.write() as link:
            at_work = link.execute(
                select(jobs.c.id).where(jobs.c.id == job_id, jobs.c.stage == Stage.OPEN.value, at_rest())
            )
            if at_work.first() is None:
                return False
            known = set(link.execute(select(parts.c.part).where(parts.c.job_id == job_id)).scalars())
            new = [one for one in more if codec.part_text(one) not in known]
            self._append(link, job_id, new)
            if new:
                self._log.say(link, job_id, "expanded", f"{len(new)} more parts: from {new[0].what}.")
        return bool(new)

    def _append(self, link: Connection, job_id: str, more: Sequence[Part]) -> None:
        highest = link.execute(select(func.max(parts.c.n)).where(parts.c.job_id == job_id)).scalar()
        first = 0 if highest is None else highest + 1
        if more:
            link.execute(insert(parts), [{"job_id": job_id, **row} for row in _rows(more, first)])

    def _repeated(self, link: Connection, idempotency_key: str | None, key: str, now: datetime) -> str | None:
        if idempotency_key is None:
            return None
        since = written(now - REPEATS)
        same = and_(jobs.c.idempotency_key == idempotency_key, jobs.c.created_at >= since)
        row = link.execute(select(jobs.c.id, jobs.c.natural_key).where(same)).first()
        if row is None:
            return None
        if row.natural_key != key:
            raise Conflict(
                "This idempotency key was used for another request.", "Use a new key for a new request.", job_id=row.id
            )
        return str(row.id)

    def _new_id(self, link: Connection, now: datetime) -> str:
        """Return 12 letters: 9 of the time in milliseconds, so that ids sort as jobs were made, and 3 by chance."""
        while True:
            number = int(now.timestamp() * 1000) << 15 | self._rng.getrandbits(15)
            job_id = "".join(_LETTERS[number >> 5 * place & 31] for place in range(11, -1, -1))
            if link.execute(select(jobs.c.id).where(jobs.c.id == job_id)).first() is None:
                return job_id


def written(instant: datetime) -> str:
    """Return an instant as it is stored: ISO 8601 with microseconds, so that text sorts as time does."""
    return instant.isoformat(timespec="microseconds")


def open_job(link: Connection, key: str) -> str | None:
    """Return the job that works on the request with this natural key."""
    found: Sequence[Any] = link.execute(select(jobs.c.id).where(jobs.c.open_key == key)).all()
    return str(found[0].id) if found else None


def at_rest() -> Any:
    """Return the condition that nothing of a job runs, and that nothing is left to run unless it is ending anyway."""
    running = exists().where(parts.c.job_id == jobs.c.id, parts.c.state == PartState.RUNNING.value)
    queued = exists().where(parts.c.job_id == jobs.c.id, parts.c.state == PartState.QUEUED.value)
    return and_(not_(running), or_(jobs.c.stage != Stage.OPEN.value, not_(queued)))


def _asked(request: DownloadRequest, plan: Plan) -> dict[str, Any]:
    many = len(request.tickers) > MANY
    return {
        "request": codec.request_text(request),
        "head": codec.request_text(replace(request, tickers=request.tickers[:HEAD])) if many else None,
        "tickers_count": len(request.tickers),
        "plan": codec.dumps(_kept(plan.as_json())),
        "calls": plan.calls,
    }


def _kept(shown: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with the first of its gaps: that of a long list of tickers has as many as tickers."""
    others = [_kept(one) for one in shown.get("alternatives", ())]
    return {**shown, "not_in_plan": shown["not_in_plan"][:GAPS_IN_PLAN], "alternatives": others}


def _rows(made: Sequence[Part], first: int = 0) -> list[dict[str, Any]]:
    return [
        {"n": n, "part": codec.part_text(one), "ticker": one.ticker, "state": PartState.QUEUED.value}
        for n, one in enumerate(made, first)
    ]
