"""Leases on the parts of jobs: handed out once, fenced, and free again the moment their owner is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, case, func, or_, select, update

from redline.clock import Clock
from redline.jobs import codec
from redline.jobs.database import Database
from redline.jobs.job import JobError, JobRecord, Lease, PartState
from redline.jobs.log import EventLog
from redline.jobs.marks import Closing, Mark, Note, held_of, lost, write_marks, write_notes
from redline.jobs.owner import Owner
from redline.jobs.stage import Stage
from redline.jobs.tables import jobs, parts
from redline.market.part import WHOLE_MARKET
from redline.market.request import Dataset

SMALL_CALLS = 10  # Jobs of at most so many calls go before all others.
RECORDS_KEPT = 32


class PartLedger:
    """Hands out parts and takes their results. Every write names the lease; one that is not the newest is refused."""

    def __init__(self, db: Database, clock: Clock, log: EventLog) -> None:
        self._db = db
        self._clock = clock
        self._log = log
        self._records: dict[tuple[str, str, int | None], JobRecord] = {}

    # -- handing out --------------------------------------------------------------------------------------------------

    def claim(self, owner: Owner, *, small_only: bool = False) -> tuple[JobRecord, Lease] | None:
        """Return the next part to work on and its job; ``None``: nothing is due."""
        found = self.claim_many(owner, 1, small_only=small_only)
        return found[0] if found else None

    def claim_many(
        self, owner: Owner, limit: int, *, small_only: bool = False, share: int = 1
    ) -> list[tuple[JobRecord, Lease]]:
        """Return the next parts to work on, at most ``limit`` and all of one job; none: nothing is due.

        One of ``share`` workers takes only its share, so that the last parts of a job are not all in one hand.

        Small jobs go first, the oldest of them; then of the others the one that has the fewest parts in work.
        """
        small = jobs.c.calls <= SMALL_CALLS
        at_work = select(func.count()).where(parts.c.job_id == jobs.c.id, parts.c.state == PartState.RUNNING.value)
        turn = case((small, 0), else_=at_work.scalar_subquery())
        wanted = select(jobs.c.id, jobs.c.asked_from, jobs.c.tickers_count).where(_open(small_only))
        with self._db.write() as link:
            self._free_dead(link)
            for job in link.execute(wanted.order_by(small.desc(), turn, jobs.c.created_at, jobs.c.id)).all():
                due = link.execute(self._due(job.id, parts.c.n).limit(limit * share)).all()
                if due:
                    mine = max(1, len(due) // share)
                    columns = (parts.c.n, parts.c.token, parts.c.attempts, parts.c.part)
                    return self._hand_out(link, job, link.execute(self._due(job.id, *columns).limit(mine)).all(), owner)
        return []

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
        """Put all parts of one owner back into the queue: it starts anew. Without any, nothing is written."""
        mine = and_(parts.c.owner == str(owner), parts.c.state == PartState.RUNNING.value)
        with self._db.read() as link:
            if link.execute(select(parts.c.n).where(mine).limit(1)).first() is None:
                return
        with self._db.write() as link:
            link.execute(update(parts).where(mine).values(**_queued()))

    # -- while it is held ---------------------------------------------------------------------------------------------

    def held(self, leases: Sequence[Lease]) -> set[Lease]:
        """Return those of ``leases`` that nobody else has taken over."""
        with self._db.read() as link:
            return held_of(link, leases)

    def check(self, lease: Lease) -> None:
        """Raise ``LeaseLost`` when somebody else has taken over."""
        if not self.held([lease]):
            raise lost(lease)

    def note(self, notes: Sequence[Note], said: Sequence[tuple[str, str]] = ()) -> None:
        """Write down requests and waits of many parts; ``said``: job and text of waits that the log shall tell."""
        with self._db.write() as link:
            write_notes(link, notes, self._clock.boot_id())
            for job_id, text in said:
                self._log.say(link, job_id, "waiting", text)

    def mark(self, marks: Sequence[Mark]) -> list[Lease]:
        """Write down what is in the store and which parts that ends, in one transaction.

        Return the leases that somebody else has taken over; nothing is written for them.
        """
        with self._db.write() as link:
            return write_marks(link, marks, self._log)

    # -- how it ends --------------------------------------------------------------------------------------------------

    def close(self, lease: Lease, closing: Closing) -> None:
        """Mark a part done; raises ``LeaseLost``."""
        if self.mark([Mark(lease, closing=closing)]):
            raise lost(lease)

    def fail(self, lease: Lease, error: JobError) -> None:
        """Mark a part failed."""
        with self._db.write() as link:
            hold(link, lease, **_ended(PartState.FAILED, error))
            self._log.say(link, lease.job_id, "part_failed", f"{lease.part.what}: {error.sentence}")

    def fail_ticker(self, lease: Lease, error: JobError) -> None:
        """Mark a part failed, and with it the parts of its ticker that nobody has tried yet."""
        with self._db.write() as link:
            hold(link, lease, **_ended(PartState.FAILED, error))
            queued = and_(parts.c.job_id == lease.job_id, parts.c.state == PartState.QUEUED.value)
            same = and_(queued, parts.c.ticker == lease.part.ticker)
            link.execute(update(parts).where(same).values(**_ended(PartState.FAILED, error)))
            self._log.say(link, lease.job_id, "part_failed", f"{lease.part.what}: {error.sentence}")

    def older_market(self, lease: Lease) -> list[Lease]:
        """Return the parts of the whole market's sessions before that of ``lease`` which nobody works on."""
        mine = and_(parts.c.job_id == lease.job_id, parts.c.ticker == WHOLE_MARKET)
        with self._db.read() as link:
            rows = link.execute(select(parts).where(mine, parts.c.state == PartState.QUEUED.value)).all()
        found = [Lease(row.job_id, row.n, row.token, row.attempts, codec.part_of(row.part)) for row in rows]
        return [one for one in found if one.part.dataset is Dataset.BARS and one.part.start < lease.part.start]

    def refuse(self, older: Sequence[Lease], error: JobError) -> None:
        """Mark parts done that nobody works on: the key's plan does not cover their sessions."""
        values = _ended(PartState.DONE, error) | {"lacking": 1}
        with self._db.write() as link:
            for one in older:
                mine = and_(parts.c.job_id == one.job_id, parts.c.n == one.n, parts.c.state == PartState.QUEUED.value)
                link.execute(update(parts).where(mine).values(**values))
            if older:
                text = f"{len(older)} earlier sessions are not asked for: {error.sentence}"
                self._log.say(link, older[0].job_id, "part_failed", text)

    def release(self, leases: Sequence[Lease]) -> None:
        """Put parts back into the queue, unfinished; those of a job that was given up fail with its error."""
        with self._db.write() as link:
            for lease in held_of(link, leases):
                row = link.execute(select(jobs.c.stage, jobs.c.error).where(jobs.c.id == lease.job_id)).one()
                given_up = row.stage == Stage.FAILING.value
                values = _queued() | ({"state": PartState.FAILED.value, "error": row.error} if given_up else {})
                hold(link, lease, **values)

    def delay(self, lease: Lease, seconds: float, reason: str, error: JobError, *, counts: bool) -> None:
        """Put a part back into the queue for later. ``counts``: that was an attempt, and the source is unwell."""
        now = self._clock.since_boot()
        values: dict[str, Any] = _queued() | {"due_s": now + seconds, "waiting": reason, "boot": self._clock.boot_id()}
        if counts:
            values["attempts"] = parts.c.attempts + 1
        with self._db.write() as link:
            hold(link, lease, **values)
            self._log.say(link, lease.job_id, "part_delayed", f"{error.sentence} Asked again in {seconds:.0f} s.")

    def unwell_for_s(self, lease: Lease) -> float:
        """Return for how long the source has failed without a page in between; the count starts with the first call."""
        now = self._clock.since_boot()
        with self._db.write() as link:
            row = link.execute(select(parts.c.unwell_since_s, parts.c.boot).where(_held(lease))).first()
            if row is None:
                raise lost(lease)
            if row.unwell_since_s is None or row.boot != self._clock.boot_id():
                hold(link, lease, unwell_since_s=now, boot=self._clock.boot_id())
                return 0.0
            return max(0.0, now - float(row.unwell_since_s))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _due(self, job_id: str, *columns: Any) -> Any:
        now, boot = self._clock.since_boot(), self._clock.boot_id()
        due = or_(parts.c.due_s.is_(None), parts.c.due_s <= now, parts.c.boot != boot)
        queued = and_(parts.c.job_id == job_id, parts.c.state == PartState.QUEUED.value)
        return select(*columns).where(queued, due).order_by(parts.c.n)

    def _hand_out(self, link: Connection, job: Any, rows: Sequence[Any], owner: Owner) -> list[tuple[JobRecord, Lease]]:
        these = and_(parts.c.job_id == job.id, parts.c.n.in_([row.n for row in rows]))
        taken = {"state": PartState.RUNNING.value, "owner": str(owner), "waiting": "", "due_s": None}
        link.execute(update(parts).where(these).values(**taken, token=parts.c.token + 1))
        leases = [Lease(job.id, row.n, row.token + 1, row.attempts, codec.part_of(row.part)) for row in rows]
        new = [one for one in leases if one.token == 1]
        if new:
            more = f" and {len(new) - 1} more" if len(new) > 1 else ""
            self._log.say(link, job.id, "part_started", f"{new[0].part.what}{more}")
        record = self._record(link, job)
        return [(record, one) for one in leases]

    def _record(self, link: Connection, job: Any) -> JobRecord:
        """Return the record of a job; that of a long list of tickers is read once, not once for each part."""
        key = (job.id, job.asked_from, job.tickers_count)
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


def hold(link: Connection, lease: Lease, **values: Any) -> None:
    """Change the part of a lease; raises ``LeaseLost``."""
    if link.execute(update(parts).where(_held(lease)).values(**values)).rowcount == 0:
        raise lost(lease)


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
