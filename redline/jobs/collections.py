"""Collections: requests kept under a name, brought up to date on demand or once a day at a time of day."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from redline.clock import Clock
from redline.errors import BadField, NotFound
from redline.jobs import codec
from redline.jobs.database import Database
from redline.jobs.job import stamp
from redline.jobs.tables import collections

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,63}")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


@dataclass(frozen=True, slots=True)
class Collection:
    """A request under a name. ``request``: the body of a bulk download without its end, which is always the latest.

    ``update_at``: the time of day (UTC, ``HH:MM``) of its daily update, or ``None``; ``last_day``: the date (UTC) of
    the last one; ``last_job``: the newest job that was made of it, daily or not.
    """

    name: str
    request: Mapping[str, object] = field(default_factory=dict)
    update_at: str | None = None
    created_at: datetime | None = None
    last_job: str | None = None
    last_day: date | None = None

    def due_at(self, now: datetime) -> datetime | None:
        """Return the instant (UTC) of its next daily update, which lies in the past when it is due; ``None``: never.

        Days that were missed are made up for once, not once each.
        """
        if self.update_at is None:
            return None
        hour, minute = self.update_at.split(":")
        today = now.astimezone(UTC).date()
        day = today if self.last_day is None or self.last_day < today else self.last_day + timedelta(days=1)
        return datetime.combine(day, time(int(hour), int(minute)), UTC)

    def daily_key(self, now: datetime) -> str:
        """Return the idempotency key of today's update: two servers that find it due make one job."""
        return f"collection {self.name} {now.astimezone(UTC).date()}"

    def as_json(self, now: datetime) -> dict[str, object]:
        """Return the collection as it is shown."""
        due = self.due_at(now)
        return {
            "name": self.name,
            "request": dict(self.request),
            "update_at": self.update_at,
            "created_at": stamp(self.created_at) if self.created_at else None,
            "last_job": self.last_job,
            "next_update_at": stamp(due) if due else None,
        }


class Collections:
    """The collections of a ledger. Thread-safe; several processes share them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db, self._clock = db, clock

    def save(self, name: str, request: Mapping[str, object], update_at: str | None = None) -> Collection:
        """Keep a request under a name; an earlier one of that name is replaced. ``end_date`` is left out.

        The first daily update is the next one of ``update_at``: today's, when it is still to come.

        Raises:
            BadField: ``name`` or ``update_at`` is wrong.
        """
        now = self._clock.now()
        made = Collection(
            checked_name(name),
            {key: value for key, value in request.items() if key != "end_date"},
            checked_time(update_at),
            now,
        )
        due = made.due_at(now)
        last_day = now.astimezone(UTC).date() if due is not None and due <= now else None
        values = {
            "request": codec.dumps(dict(made.request)),
            "update_at": made.update_at,
            "last_day": last_day.isoformat() if last_day else None,
        }
        row = {"name": made.name, "created_at": now.isoformat(), "last_job": None, **values}
        with self._db.write() as link:
            link.execute(upsert(collections).on_conflict_do_update(index_elements=["name"], set_=values), row)
        return self.get(made.name)

    def get(self, name: str) -> Collection:
        """Return a collection; raises ``NotFound``."""
        with self._db.read() as link:
            row = link.execute(select(collections).where(collections.c.name == name)).first()
        if row is None:
            raise NotFound(f'There is no collection "{name[:64]}".', "The list of collections is at /collections.")
        return _collection(row)

    def all(self) -> list[Collection]:
        """Return all collections by name."""
        with self._db.read() as link:
            return [_collection(row) for row in link.execute(select(collections).order_by(collections.c.name)).all()]

    def delete(self, name: str) -> None:
        """Forget a collection; what it brought stays. Raises ``NotFound``."""
        with self._db.write() as link:
            gone = link.execute(delete(collections).where(collections.c.name == name)).rowcount
        if not gone:
            raise NotFound(f'There is no collection "{name[:64]}".', "The list of collections is at /collections.")

    def due(self, now: datetime) -> list[Collection]:
        """Return the collections whose daily update is due (``now`` aware)."""
        with self._db.read() as link:
            rows = link.execute(select(collections).where(collections.c.update_at.is_not(None))).all()
        return [one for one in map(_collection, rows) if (at := one.due_at(now)) is not None and at <= now]

    def ran(self, name: str, job_id: str, day: date | None = None) -> None:
        """Note the newest job of a collection; ``day``: it is the daily update of that date (UTC)."""
        values: dict[str, Any] = {"last_job": job_id}
        if day is not None:
            values["last_day"] = day.isoformat()
        with self._db.write() as link:
            link.execute(update(collections).where(collections.c.name == name).values(**values))


def checked_name(name: object, field: str = "name") -> str:
    """Return the name of a collection: up to 64 letters, digits, blanks and ``_.-``; raises ``BadField``."""
    if not isinstance(name, str) or not _NAME.fullmatch(name.strip()):
        raise BadField(field, name, "it must be 1 to 64 letters, digits, blanks, dots, _ or -")
    return name.strip()


def checked_time(update_at: object) -> str | None:
    """Return a time of day as ``HH:MM`` (UTC), ``None`` for none; raises ``BadField``."""
    if update_at in (None, ""):
        return None
    if not isinstance(update_at, str) or not _TIME.fullmatch(update_at):
        raise BadField("update_at", update_at, "it must be a time of day in UTC as HH:MM, such as 22:30")
    return update_at


def _collection(row: Any) -> Collection:
    return Collection(
        row.name,
        json.loads(row.request),
        row.update_at,
        datetime.fromisoformat(row.created_at),
        row.last_job,
        date.fromisoformat(row.last_day) if row.last_day else None,
    )
