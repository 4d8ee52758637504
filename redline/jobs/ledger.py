"""The durable list of jobs: who asked for what, how far it is, and what became of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, exists, insert, not_, or_, select, update

from redline.clock import Clock
from redline.errors import Conflict, NotFound
from redline.jobs import codec
from redline.jobs.collections import Collections
from redline.jobs.database import Database
from redline.jobs.job import JobError, JobRecord, JobView, PartState, PartView
from redline.jobs.leases import PartLedger, record_of
from redline.jobs.log import EventLog, Happening
from redline.jobs.results import TickerResult, results_text
from redline.jobs.stage import UNFINISHED, Stage
from redline.jobs.tables import jobs, parts
from redline.jobs.views import Viewer
from redline.market.part import Plan
from redline.market.request import DownloadRequest
from redline.market.session import Gap

REPEATS = timedelta(hours=24)  # For so long an idempotency key answers the job it made.
_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


class JobLedger:
    """Jobs, their parts and their events in one SQLite file. Thread-safe; several processes share it.

    ``parts`` hands out leases and takes results; what is shown comes from ``view``, ``views`` and ``events``;
    ``collections`` are the requests that are kept.
    """

    def __init__(self, path: Path, clock: Clock, rng: random.Random | None = None) -> None:
        self._db = Database(path)
        self._clock = clock
        self._rng = rng or random.SystemRandom()
        self._log = EventLog(clock)
        self._viewer = Viewer(clock)
        self.parts = PartLedger(self._db, clock, self._log)
        self.collections = Collections(self._db, clock)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def submit(
        self, request: DownloadRequest, plan: Plan, sealed_key: str | None = None, idempotency_key: str | None = None
    ) -> tuple[str, bool]:
        """Write a job down, or find the one that answers; return its id and whether it is new.

        The same request while its job runs is that job. A repeated ``idempotency_key`` is its job for 24 hours.

        Raises:
            Conflict: the idempotency key was used for another request.
        """
        key, now = codec.natural_key(request), self._clock.now()
        with self._db.write() as link:
            found = self._repeated(link, idempotency_key, key, now) or _open_job(link, key)
            if found is not None:
                return found, False
            job_id = self._new_id(link, now)
            values = {
                "id": job_id,
                "stage": Stage.OPEN.value,
                "natural_key": key,
                "open_key": key,
                "idempotency_key": idempotency_key,
                "request": codec.request_text(request),
                "source": request.source,
                "dataset": request.dataset.value,
                "plan": codec.dumps(plan.as_json()),
                "calls": plan.calls,
                "created_at": written(now),
                "asked_from": written(now),
                "sealed_key": sealed_key,
            }
            link.execute(insert(jobs), values)
            rows = [
                {"job_id": job_id, "n": n, "part": codec.part_text(one), "ticker": one.ticker, "state": "queued"}
                for n, one in enumerate(plan.parts)
            ]
            if rows:
                link.execute(insert(parts), rows)
            self._log.say(link, job_id, "submitted", f"Asked for: {len(rows)} parts, {plan.calls} calls.")
        self._db.settle()
        return job_id, True

    def record(self, job_id: str) -> JobRecord:
        """Return what a worker has to know about a job; raises ``NotFound``."""
        with self._db.read() as link:
            return record_of(_row(link, job_id))

    def knows(self, job_id: str) -> bool:
        """Return whether there is such a job."""
        with self._db.read() as link:
            return link.execute(select(jobs.c.id).where(jobs.c.id == job_id)).first() is not None

    def stage(self, job_id: str) -> Stage:
        """Return how far a job is; raises ``NotFound``."""
        with self._db.read() as link:
            return Stage(_row(link, job_id).stage)

    def view(self, job_id: str) -> JobView:
        """Return a job as it is shown; raises ``NotFound``."""
        with self._db.read() as link:
            return self._viewer.views(link, [_row(link, job_id)])[0]

    def views(self, limit: int = 50) -> list[JobView]:
        """Return the newest jobs, newest first."""
        with self._db.read() as link:
            rows = link.execute(select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)).all()
            return self._viewer.views(link, rows, pieces=False)

    def part_views(self, job_id: str, limit: int = 1_000) -> list[PartView]:
        """Return the parts of a job in order; raises ``NotFound``."""
        with self._db.read() as link:
            _row(link, job_id)
            return self._viewer.parts(link, job_id, limit)

    def events(self, job_id: str, after: int = 0) -> list[Happening]:
        """Return what happened to a job after event ``after``, oldest first; raises ``NotFound``."""
        with self._db.read() as link:
            _row(link, job_id)
            return self._log.read(link, job_id, after)

    def say(self, job_id: str, kind: str, text: str) -> None:
        """Write an event down."""
        with self._db.write() as link:
            self._log.say(link, job_id, kind, text)

    def pause(self, job_id: str) -> None:
        """Hand out no more parts of a job; raises ``Conflict`` when it is over."""
        self._move(job_id, {Stage.OPEN, Stage.PAUSED}, Stage.PAUSED, "paused", "Paused.")

    def resume(self, job_id: str) -> None:
        """Go on with a paused job; raises ``Conflict`` when it is over."""
        self._move(job_id, {Stage.OPEN, Stage.PAUSED}, Stage.OPEN, "resumed", "Goes on.")

    def cancel(self, job_id: str) -> None:
        """Hand out no more parts of a job, ever, and erase its key; raises ``Conflict`` when it is over."""
        allowed = {Stage.OPEN, Stage.PAUSED, Stage.FAILING, Stage.CANCELLING, Stage.CANCELLED}
        self._move(job_id, allowed, Stage.CANCELLING, "cancelled", "Cancelled; what was fetched is kept.")

    def give_up(self, job_id: str, error: JobError) -> None:
        """Try no further part of a job: its key is rejected, or there is none."""
        with self._db.write() as link:
            if Stage(_row(link, job_id).stage) not in (Stage.OPEN, Stage.PAUSED):
                return
            text = codec.error_text(error)
            link.execute(update(jobs).where(jobs.c.id == job_id).values(stage=Stage.FAILING.value, error=text))
            untried = and_(parts.c.job_id == job_id, parts.c.state == PartState.QUEUED.value)
            link.execute(update(parts).where(untried).values(state=PartState.FAILED.value, error=text))
            self._log.say(link, job_id, "error", error.sentence)

    def retry(self, job_id: str, sealed_key: str | None = None) -> None:
        """Open a job again for the parts that failed, were never tried or left something unexplained.

        Raises:
            Conflict: it is not over, or complete, or the same request runs as another job.
        """
        now = written(self._clock.now())
        with self._db.write() as link:
            row = _row(link, job_id)
            stage = Stage(row.stage)
            if stage not in (Stage.INCOMPLETE, Stage.FAILED, Stage.CANCELLED):
                raise _conflict(job_id, stage, "retried")
            other = _open_job(link, row.natural_key)
            if other is not None:
                raise Conflict(f"The same request runs already, as job {other}.", "Follow that job.", job_id=other)
            fresh = {"stage": Stage.OPEN.value, "open_key": row.natural_key, "asked_from": now, "explicit": 1}
            cleared = dict.fromkeys(("error", "finished_at", "records", "gaps", "tickers"))
            link.execute(update(jobs).where(jobs.c.id == job_id).values(**fresh, **cleared, sealed_key=sealed_key))
            mine = parts.c.job_id == job_id
            open_again = or_(parts.c.state != PartState.DONE.value, parts.c.lacking > 0)
            if not link.execute(select(parts.c.n).where(mine, open_again).limit(1)).first():
                open_again = mine
            link.execute(
                update(parts)
                .where(mine, open_again)
                .values(
                    state=PartState.QUEUED.value,
                    attempts=0,
                    unwell_since_s=None,
                    due_s=None,
                    waiting="",
                    error=None,
                    sessions_done=parts.c.sessions_done - parts.c.lacking,
                    lacking=0,
                )
            )
            self._log.say(link, job_id, "retried", "Asked again for what is lacking.")

    def finishable(self) -> list[str]:
        """Return the jobs that only lack their result: nothing runs, and nothing is left to run."""
        unfinished = jobs.c.stage.in_([Stage.OPEN.value, Stage.CANCELLING.value, Stage.FAILING.value])
        with self._db.read() as link:
            return list(link.execute(select(jobs.c.id).where(unfinished, _at_rest())).scalars())

    def finish(
        self,
        job_id: str,
        stage: Stage,
        *,
        records: int,
        gaps: tuple[Gap, ...],
        tickers: tuple[TickerResult, ...],
        error: JobError | None,
        text: str,
    ) -> bool:
        """Write the result of a job down and erase its key; return false when it is not at rest any more."""
        values = {
            "stage": stage.value,
            "finished_at": written(self._clock.now()),
            "records": records,
            "gaps": codec.gaps_text(gaps),
            "tickers": results_text(tickers),
            "error": codec.error_text(error),
            "open_key": None,
            "sealed_key": None,
        }
        unfinished = jobs.c.stage.in_([one.value for one in UNFINISHED - {Stage.PAUSED}])
        with self._db.write() as link:
            changed = link.execute(update(jobs).where(jobs.c.id == job_id, unfinished, _at_rest()).values(**values))
            if changed.rowcount == 0:
                return False
            self._log.say(link, job_id, stage.value, text)
        self._db.settle()
        return True

    def _move(self, job_id: str, allowed: set[Stage], to: Stage, kind: str, text: str) -> None:
        with self._db.write() as link:
            stage = Stage(_row(link, job_id).stage)
            if stage not in allowed:
                raise _conflict(job_id, stage, kind)
            if stage is to or (stage.ended and stage.value == kind):
                return
            values: dict[str, Any] = {"stage": to.value}
            if to is Stage.CANCELLING:
                values |= {"sealed_key": None, "open_key": None}
            link.execute(update(jobs).where(jobs.c.id == job_id).values(**values))
            self._log.say(link, job_id, kind, text)

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


def _row(link: Connection, job_id: str) -> Any:
    row = link.execute(select(jobs).where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no job {job_id[:40]!r}.", "The list of jobs is at /jobs.")
    return row


def _open_job(link: Connection, key: str) -> str | None:
    found: Sequence[Any] = link.execute(select(jobs.c.id).where(jobs.c.open_key == key)).all()
    return str(found[0].id) if found else None


def _at_rest() -> Any:
    running = exists().where(parts.c.job_id == jobs.c.id, parts.c.state == PartState.RUNNING.value)
    queued = exists().where(parts.c.job_id == jobs.c.id, parts.c.state == PartState.QUEUED.value)
    return and_(not_(running), or_(jobs.c.stage != Stage.OPEN.value, not_(queued)))


def _conflict(job_id: str, stage: Stage, verb: str) -> Conflict:
    words = stage.value if stage.ended else "still at work" if stage is not Stage.PAUSED else "paused"
    return Conflict(f"Job {job_id} is {words} and cannot be {verb}.", "Look at the job's page.", job_id=job_id)
