"""Leases on the parts of jobs: handed out once, fenced, and free again the moment their owner is gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select, update

from redline.clock import Clock
from redline.errors import LeaseLost
from redline.jobs import codec
from redline.jobs.database import Database
from redline.jobs.job import JobError, JobRecord, Lease, PartState
from redline.jobs.log import EventLog
from redline.jobs.owner import Owner
from redline.jobs.stage import Stage
from redline.jobs.tables import jobs, parts

SMALL_CALLS = 10  # Jobs of at most so many calls go before all others.
RECORDS_KEPT = 32


class PartLedger:
    """Hands out parts and takes their results. Every write names the lease; one that is not the newest is refused."""

    def __init__(self, db: Database, clock: Clock, log: EventLog) -> None:
        self._db = db
        self._clock = clock
        self._log = log
        self._records: dict[tuple[str, str], JobRecord] = {}

    def claim(self, owner: Owner, *, small_only: bool = False) -> tuple[JobRecord, Lease] | None:
        """Return the next part to work on and its job: small jobs first, then the oldest. ``None``: nothing is due."""
        with self._db.write() as link:
            self._free_dead(link)
            first = (jobs.c.calls <= SMALL_CALLS).desc()
            wanted = select(jobs.c.id, jobs.c.asked_from).where(_open(small_only))
            open_jobs = wanted.order_by(first, jobs.c.created_at, jobs.c.id)
            for job in link.execute(open_jobs).all():
                row = link.execute(self._due(job.id)).first()
                if row is not None:
                    return self._hand_out(link, job, row, owner)
        return None

    def next_due_s(self, *, small_only: bool = False) -> float | None:
        """Return in how many seconds the next delayed part becomes due; ``None``: none is delayed."""
        now = self._clock.since_boot()
        delayed = and_(parts.c.state == PartState.QUEUED.value, parts.c.due_s > now)
        of_open = select(func.min(parts.c.due_s)).join(jobs, jobs.c.id == parts.c.job_id)
        with self._db.read() as link:
            due = link.execute(of_open.where(delayed, _open(small_only))).scalar()
        return None if due is None else float(due) - now

    def free_dead(self) -> int:
        """Put the parts of dead owners back into the queue; return how many."""
        with self._db.write() as link:
            return self._free_dead(link)

    def free_owned(self, owner: Owner) -> None:
        """Put all parts of one owner back into the queue: it starts anew."""
        with self._db.write() as link:
            mine = and_(parts.c.owner == str(owner), parts.c.state == PartState.RUNNING.value)
            link.execute(update(parts).where(mine).values(**_queued()))

    def waits(self, lease: Lease, reason: str, seconds: float) -> None:
        """Note that the holder waits; an empty reason: it goes on."""
        due = self._clock.since_boot() + seconds if reason else None
        with self._db.write() as link:
            _hold(link, lease, waiting=reason, due_s=due, boot=self._clock.boot_id())
            if reason and seconds >= 1:
                self._log.say(link, lease.job_id, "waiting", f"{reason}: {seconds:.0f} s.")

    def requested(self, lease: Lease) -> None:
        """Count a request that reached the wire."""
        with self._db.write() as link:
            _hold(link, lease, requests=parts.c.requests + 1)

    def committed(self, lease: Lease, *, records: int, sessions: int, set_aside: int, text: str) -> None:
        """Count rows that are in the store; the source is well again."""
        with self._db.write() as link:
            _hold(
                link,
                lease,
                records=parts.c.records + records,
                sessions_done=parts.c.sessions_done + sessions,
                set_aside=parts.c.set_aside + set_aside,
                attempts=0,
                unwell_since_s=None,
            )
            self._log.say(link, lease.job_id, "page", text)

    def check(self, lease: Lease) -> None:
        """Raise ``LeaseLost`` when somebody else has taken over."""
        with self._db.read() as link:
            if link.execute(select(parts.c.n).where(_held(lease))).first() is None:
                raise _lost(lease)

    def close(self, lease: Lease, *, sessions: int, lacking: int, error: JobError | None, text: str) -> None:
        """Mark a part done. ``sessions`` came without a page; ``lacking`` ones stay unexplained: refused, or late."""
        done = _ended(PartState.DONE, error) | {"sessions_done": parts.c.sessions_done + sessions, "lacking": lacking}
        with self._db.write() as link:
            _hold(link, lease, **done)
            self._log.say(link, lease.job_id, "part_done", text)

    def fail(self, lease: Lease, error: JobError) -> None:
        """Mark a part failed."""
        with self._db.write() as link:
            _hold(link, lease, **_ended(PartState.FAILED, error))
            self._log.say(link, lease.job_id, "part_failed", f"{lease.part.what}: {error.sentence}")

    def fail_ticker(self, lease: Lease, error: JobError) -> None:
        """Mark a part failed, and with it the parts of its ticker that nobody has tried yet."""
        with self._db.write() as link:
            _hold(link, lease, **_ended(PartState.FAILED, error))
            queued = and_(parts.c.job_id == lease.job_id, parts.c.state == PartState.QUEUED.value)
            same = and_(queued, parts.c.ticker == lease.part.ticker)
            link.execute(update(parts).where(same).values(**_ended(PartState.FAILED, error)))
            self._log.say(link, lease.job_id, "part_failed", f"{lease.part.what}: {error.sentence}")

    def release(self, lease: Lease) -> None:
        """Put a part back into the queue, unfinished."""
        with self._db.write() as link:
            _hold(link, lease, **_queued())

    def delay(self, lease: Lease, seconds: float, reason: str, error: JobError, *, counts: bool) -> None:
        """Put a part back into the queue for later. ``counts``: that was an attempt, and the source is unwell."""
        now = self._clock.since_boot()
        values: dict[str, Any] = _queued() | {"due_s": now + seconds, "waiting": reason, "boot": self._clock.boot_id()}
        if counts:
            values["attempts"] = parts.c.attempts + 1
        with self._db.write() as link:
            _hold(link, lease, **values)
            self._log.say(link, lease.job_id, "part_delayed", f"{error.sentence} Asked again in {seconds:.0f} s.")

    def unwell_for_s(self, lease: Lease) -> float:
        """Return for how long the source has failed without a page in between; the count starts with the first call."""
        now = self._clock.since_boot()
        with self._db.write() as link:
            row = link.execute(select(parts.c.unwell_since_s, parts.c.boot).where(_held(lease))).first()
            if row is None:
                raise _lost(lease)
            if row.unwell_since_s is None or row.boot != self._clock.boot_id():
                _hold(link, lease, unwell_since_s=now, boot=self._clock.boot_id())
                return 0.0
            return max(0.0, now - float(row.unwell_since_s))

    def _due(self, job_id: str) -> Any:
        now, boot = self._clock.since_boot(), self._clock.boot_id()
        due = or_(parts.c.due_s.is_(None), parts.c.due_s <= now, parts.c.boot != boot)
        queued = and_(parts.c.job_id == job_id, parts.c.state == PartState.QUEUED.value)
        return select(parts).where(queued, due).order_by(parts.c.n).limit(1)

    def _hand_out(self, link: Connection, job: Any, row: Any, owner: Owner) -> tuple[JobRecord, Lease]:
        token = row.token + 1
        mine = and_(parts.c.job_id == row.job_id, parts.c.n == row.n)
        taken = {"state": PartState.RUNNING.value, "token": token, "owner": str(owner), "waiting": "", "due_s": None}
        link.execute(update(parts).where(mine).values(**taken))
        lease = Lease(row.job_id, row.n, token, row.attempts, codec.part_of(row.part))
        if token == 1:
            self._log.say(link, row.job_id, "part_started", lease.part.what)
        return self._record(link, job), lease

    def _record(self, link: Connection, job: Any) -> JobRecord:
        """Return the record of a job; that of a long list of tickers is read once, not once for each part."""
        key = (job.id, job.asked_from)
        if key not in self._records:
            if len(self._records) > RECORDS_KEPT:
                self._records.clear()
            self._records[key] = record_of(link.execute(select(jobs).where(jobs.c.id == job.id)).one())
        return self._records[key]

    def _free_dead(self, link: Connection) -> int:
        running = parts.c.state == PartState.RUNNING.value
        freed = 0
        for owner in link.execute(select(parts.c.owner).where(running).distinct()).scalars().all():
            if not Owner.parse(owner).alive(self._clock.boot_id()):
                dead = update(parts).where(running, parts.c.owner == owner).values(**_queued())
                freed += link.execute(dead).rowcount
        return freed


def record_of(row: Any) -> JobRecord:
    """Return what a worker has to know, from a row of the jobs table."""
    return JobRecord(
        job_id=row.id,
        request=codec.request_of(row.request),
        sealed_key=row.sealed_key,
        asked_from=datetime.fromisoformat(row.asked_from),
        explicit=bool(row.explicit),
    )


def _open(small_only: bool) -> Any:
    is_open = jobs.c.stage == Stage.OPEN.value
    return and_(is_open, jobs.c.calls <= SMALL_CALLS) if small_only else is_open


def _queued() -> dict[str, Any]:
    return {"state": PartState.QUEUED.value, "owner": None, "waiting": "", "due_s": None}


def _ended(state: PartState, error: JobError | None) -> dict[str, Any]:
    return {"state": state.value, "owner": None, "waiting": "", "due_s": None, "error": codec.error_text(error)}


def _held(lease: Lease) -> Any:
    mine = and_(parts.c.job_id == lease.job_id, parts.c.n == lease.n)
    return and_(mine, parts.c.token == lease.token, parts.c.state == PartState.RUNNING.value)


def _hold(link: Connection, lease: Lease, **values: Any) -> None:
    if link.execute(update(parts).where(_held(lease)).values(**values)).rowcount == 0:
        raise _lost(lease)


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"Part {lease.n} of job {lease.job_id} was taken over by another worker.", "")
