"""The durable list of jobs: who asked for what, how far it is, and what became of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, or_, select, update

from redline.clock import Clock
from redline.errors import Conflict, NotFound
from redline.jobs import codec
from redline.jobs.collections import Collections
from redline.jobs.database import Database
from redline.jobs.entries import Entries, at_rest, open_job, written
from redline.jobs.job import JobError, JobRecord, JobView, PartState, PartView
from redline.jobs.leases import PartLedger, record_of
from redline.jobs.log import EventLog, Happening
from redline.jobs.results import Summary, TickerResult, results_text, summary_text
from redline.jobs.stage import UNFINISHED, Stage
from redline.jobs.tables import jobs, parts
from redline.jobs.views import Viewer, brief
from redline.market.request import Dataset
from redline.market.session import Gap

GAPS_KEPT = 10_000  # Of the gaps of a job so many are written down, the unexplained ones first.


class JobLedger(Entries):
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
            return Stage(_row(link, job_id, jobs.c.stage).stage)

    def view(self, job_id: str) -> JobView:
        """Return a job as it is shown; raises ``NotFound``."""
        with self._db.read() as link:
            return self._viewer.views(link, [_row(link, job_id)])[0]

    def views(self, limit: int = 50) -> list[JobView]:
        """Return the newest jobs, newest first; those of many tickers without their long lists."""
        with self._db.read() as link:
            rows = link.execute(brief().order_by(jobs.c.created_at.desc(), jobs.c.id.desc()).limit(limit)).all()
            return self._viewer.views(link, rows, pieces=False)

    def brief(self, job_id: str) -> JobView:
        """Return a job as it stands in events: without the long lists of many tickers. Raises ``NotFound``."""
        with self._db.read() as link:
            row = link.execute(brief().where(jobs.c.id == job_id)).first()
            return self._viewer.views(link, [row if row is not None else _row(link, job_id)])[0]

    def ended(self, job_id: str) -> bool:
        """Return whether a job is over, its result written down; raises ``NotFound``."""
        with self._db.read() as link:
            row = link.execute(select(jobs.c.stage, jobs.c.finished_at).where(jobs.c.id == job_id)).first()
            return Stage((row or _row(link, job_id)).stage).ended

    def idle(self) -> bool:
        """Return whether no job waits for anything to be done."""
        with self._db.read() as link:
            return link.execute(select(jobs.c.id).where(jobs.c.stage.in_(_AT_WORK)).limit(1)).first() is None

    def part_views(self, job_id: str, limit: int = 1_000) -> list[PartView]:
        """Return the parts of a job in order; raises ``NotFound``."""
        with self._db.read() as link:
            _row(link, job_id)
            return self._viewer.parts(link, job_id, limit)

    def paged(self, job_id: str) -> set[str]:
        """Return the tickers of a job that have parts of bars of their own."""
        with self._db.read() as link:
            rows = link.execute(select(parts.c.ticker, parts.c.part).where(parts.c.job_id == job_id)).all()
        bars = f'"dataset":"{Dataset.BARS.value}"'
        return {row.ticker for row in rows if bars in row.part}

    def troubled(self, job_id: str) -> list[PartView]:
        """Return the parts of a job that are not done, or ended with an error, in order; raises ``NotFound``."""
        with self._db.read() as link:
            _row(link, job_id)
            return self._viewer.parts(
                link, job_id, only=or_(parts.c.state != PartState.DONE.value, parts.c.error.is_not(None))
            )

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
            other = open_job(link, row.natural_key)
            if other is not None:
                raise Conflict(f"The same request runs already, as job {other}.", "Follow that job.", job_id=other)
            fresh = {"stage": Stage.OPEN.value, "open_key": row.natural_key, "asked_from": now, "explicit": 1}
            cleared = dict.fromkeys(("error", "finished_at", "records", "gaps", "tickers", "counts", "summary"))
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
        with self._db.read() as link:
            return list(link.execute(select(jobs.c.id).where(jobs.c.stage.in_(_AT_WORK), at_rest())).scalars())

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
            "gaps": codec.gaps_text(_kept(gaps)),
            "summary": summary_text(Summary.of(tickers, len(gaps))),
            "tickers": results_text(tickers),
            "error": codec.error_text(error),
            "open_key": None,
            "sealed_key": None,
        }
        unfinished = jobs.c.stage.in_([one.value for one in UNFINISHED - {Stage.PAUSED}])
        with self._db.write() as link:
            values["counts"] = self._viewer.counts_text(link, job_id)
            changed = link.execute(update(jobs).where(jobs.c.id == job_id, unfinished, at_rest()).values(**values))
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


_AT_WORK = [Stage.OPEN.value, Stage.CANCELLING.value, Stage.FAILING.value]


def asked_sources(path: Path) -> frozenset[str]:
    """Return the sources that the jobs of a file are of; none when there is no such file."""
    if not path.exists():
        return frozenset()
    database = Database(path)
    try:
        with database.read() as link:
            return frozenset(row.source for row in link.execute(select(jobs.c.source).distinct()))
    finally:
        database.close()


def _row(link: Connection, job_id: str, *columns: Any) -> Any:
    """Return a job's row, or only some columns of it: a request for thousands of tickers is long."""
    row = link.execute(select(*columns or (jobs,)).where(jobs.c.id == job_id)).first()
    if row is None:
        raise NotFound(f"There is no job {job_id[:40]!r}.", "The list of jobs is at /jobs.")
    return row


def _kept(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    if len(gaps) <= GAPS_KEPT:
        return gaps
    return tuple(sorted(gaps, key=lambda one: one.state.explained))[:GAPS_KEPT]


def _conflict(job_id: str, stage: Stage, verb: str) -> Conflict:
    words = stage.value if stage.ended else "still at work" if stage is not Stage.PAUSED else "paused"
    return Conflict(f"Job {job_id} is {words} and cannot be {verb}.", "Look at the job's page.", job_id=job_id)
