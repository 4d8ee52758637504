"""The slots of one key, as steps inside one transaction: queue, reservation, start, end. No waiting, no clock.

A slot is a row. ``token`` NULL: idle, free again ``rest_s`` after ``ended_at``. ``token`` set, ``started`` 0: reserved
for a waiter that sleeps until it is due; nothing was sent. ``started`` 1: a request may be on the wire; above 1: so may
one that goes first after a pause, alone, and this is its second since boot. As ``ended_at`` is kept, and not the time
it is free again, a changed limit holds at once for slots used under the old one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from redline.net.pace import Pace

NEVER = -1e18
"""``ended_at`` of a slot that was never used."""

_ROUNDING_S = 1e-6

_ON_ITS_WAY = 1 / 20
"""Part of the window that what a killed process has sent may still be under way when its death is found."""

_LOOK_AGAIN = 1 / 16
_LOOK_AGAIN_S = 0.5
"""How long who waits for the one that goes first sleeps before it looks: part of the window, and at most so long."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Where a waiter stands: ``started``, or ``due`` (since boot) on a reserved slot, or None: still in the queue."""

    started: bool
    due: float | None


class Slots:
    """One key's slots at one instant, inside one transaction."""

    def __init__(self, db: sqlite3.Connection, key: str, pace: Pace, now: float) -> None:
        self._db, self._key, self._pace, self._now = db, key, pace, now

    def fit(self) -> None:
        """Make the number of slots that of the pace: new ones are free, the longest idle go, none on the wire goes.

        A waiter whose reservation goes finds that out when it looks, and queues again.
        """
        latest = self._now + self._pace.window_s * _ON_ITS_WAY  # later is impossible in this boot: the file is wrong
        self._db.execute("UPDATE slots SET ended_at = ?1 WHERE key = ?2 AND ended_at > ?1", (latest, self._key))
        (count,) = self._db.execute("SELECT count(*) FROM slots WHERE key = ?", (self._key,)).fetchone()
        if count > self._pace.slots:
            self._db.execute(
                "DELETE FROM slots WHERE id IN (SELECT id FROM slots WHERE key = ? AND started = 0"
                " ORDER BY token IS NOT NULL, ended_at LIMIT ?)",
                (self._key, count - self._pace.slots),
            )
        elif count < self._pace.slots:
            (busy_from,) = self._db.execute("SELECT busy_from FROM meta").fetchone()
            new = [(self._key, NEVER if busy_from is None else busy_from)] * (self._pace.slots - count)
            self._db.executemany("INSERT INTO slots (key, ended_at) VALUES (?, ?)", new)

    def sweep(self, is_alive: Callable[[str], bool]) -> None:
        """Take the slots of dead processes back: one that was on the wire rests from now, for its end is unknown.

        What was only reserved goes back as it was, for nothing was sent with it.
        """
        found = self._now + self._pace.window_s * _ON_ITS_WAY
        owners = self._db.execute(
            "SELECT owner FROM slots WHERE key = ?1 AND owner IS NOT NULL UNION SELECT owner FROM queue WHERE key = ?1",
            (self._key,),
        ).fetchall()
        for (owner,) in owners:
            if not is_alive(owner):
                self._db.execute(
                    "UPDATE slots SET ended_at = iif(started, ?, ended_at), owner = NULL, token = NULL, started = 0"
                    " WHERE key = ? AND owner = ?",
                    (found, self._key, owner),
                )
                self._db.execute("DELETE FROM queue WHERE key = ? AND owner = ?", (self._key, owner))
                self._db.execute("DELETE FROM turns WHERE key = ? AND owner = ?", (self._key, owner))

    def look(self, token: str, owner: str, paused_until: float, *, one_first: bool = False) -> Turn:
        """Return where the waiter stands, queueing it when it is unknown and starting it when it is due.

        ``one_first``: only one request may be on its way that started so, the others come after its end.
        """
        row = self._reserved(token) or self._taken_at_once(token, owner)
        if row is None:
            self._db.execute(
                "INSERT OR IGNORE INTO queue (key, owner, token) VALUES (?, ?, ?)", (self._key, owner, token)
            )
            self.grant()
            row = self._reserved(token) or self._taken_over(token, owner)
        if row is None:
            return Turn(started=False, due=None)
        slot, ended_at = row
        due = max(ended_at + self._pace.rest_s, paused_until)
        if self._now < due - _ROUNDING_S:
            return Turn(started=False, due=due)
        if one_first and self._one_is_first():
            return Turn(started=False, due=self._now + min(self._pace.window_s * _LOOK_AGAIN, _LOOK_AGAIN_S))
        self._db.execute(
            "UPDATE slots SET started = ? WHERE id = ?", (max(2, int(self._now)) if one_first else 1, slot)
        )
        return Turn(started=True, due=due)

    def went_first(self, token: str) -> bool:
        """Whether this request was sent as the one that goes first."""
        query = "SELECT 1 FROM slots WHERE key = ? AND token = ? AND started > 1"
        return self._db.execute(query, (self._key, token)).fetchone() is not None

    def _one_is_first(self) -> bool:
        """Whether one is on its way; a process that was stopped in the middle of it holds nobody up for ever."""
        query = "SELECT 1 FROM slots WHERE key = ? AND started > max(1, ?)"
        return self._db.execute(query, (self._key, self._now - self._pace.rest_s - 1)).fetchone() is not None

    def grant(self) -> None:
        """Reserve idle slots, the one free first for the process whose last turn is longest ago, then by ticket."""
        while True:
            first = self._db.execute(
                "SELECT ticket, owner, token FROM queue LEFT JOIN turns USING (key, owner) WHERE key = ?"
                " ORDER BY coalesce(turn, 0), ticket LIMIT 1",
                (self._key,),
            ).fetchone()
            slot = None if first is None else self._first_idle()
            if slot is None:
                return
            ticket, owner, token = first
            self._db.execute("UPDATE slots SET owner = ?, token = ? WHERE id = ?", (owner, token, slot[0]))
            self._db.execute("DELETE FROM queue WHERE ticket = ?", (ticket,))
            self._db.execute(
                "INSERT INTO turns SELECT ?1, ?2, coalesce(max(turn), 0) + 1 FROM turns WHERE key = ?1"
                " ON CONFLICT (key, owner) DO UPDATE SET turn = excluded.turn",
                (self._key, owner),
            )

    def end(self, token: str, *, sent: bool) -> None:
        """Let go: a slot whose request was sent rests from now, one that was not goes back as it was."""
        if not sent:
            self._db.execute("DELETE FROM queue WHERE token = ?", (token,))
        found = self._db.execute(
            "UPDATE slots SET ended_at = iif(?, ?, ended_at), owner = NULL, token = NULL, started = 0"
            " WHERE key = ? AND token = ?",
            (sent, self._now, self._key, token),
        ).rowcount
        if not found and sent:
            self._spend_one()
        self.fit()
        self.grant()

    def _spend_one(self) -> None:
        """Pay for a request whose slot is gone (a new file began meanwhile): one that nobody uses rests instead."""
        self._db.execute(
            "UPDATE slots SET ended_at = ? WHERE id IN (SELECT id FROM slots WHERE key = ? AND started = 0"
            " ORDER BY token IS NOT NULL, ended_at LIMIT 1)",
            (self._now, self._key),
        )

    def used(self) -> int:
        """Return how many slots cannot be used now: on the wire, or resting."""
        (count,) = self._db.execute(
            "SELECT count(*) FROM slots WHERE key = ? AND (started OR ended_at > ?)",
            (self._key, self._now - self._pace.rest_s),
        ).fetchone()
        return int(count)

    def next_free_s(self) -> float:
        """Return the seconds until a newcomer could send: 0, the rest of the first idle slot, or a window at least."""
        (ended_at,) = self._db.execute(
            "SELECT min(ended_at) FROM slots WHERE key = ? AND token IS NULL", (self._key,)
        ).fetchone()
        if ended_at is None:
            return self._pace.window_s
        return max(0.0, float(ended_at) + self._pace.rest_s - self._now)

    def _first_idle(self) -> tuple[int, float] | None:
        row = self._db.execute(
            "SELECT id, ended_at FROM slots WHERE key = ? AND token IS NULL ORDER BY ended_at LIMIT 1", (self._key,)
        ).fetchone()
        return None if row is None else (int(row[0]), float(row[1]))

    def _taken_at_once(self, token: str, owner: str) -> tuple[int, float] | None:
        """Reserve an idle slot without the queue, when nobody stands in it."""
        if self._db.execute("SELECT 1 FROM queue WHERE key = ? LIMIT 1", (self._key,)).fetchone():
            return None
        slot = self._first_idle()
        if slot is not None:
            self._db.execute("UPDATE slots SET owner = ?, token = ? WHERE id = ?", (owner, token, slot[0]))
        return slot

    def _taken_over(self, token: str, owner: str) -> tuple[int, float] | None:
        """Take the reservation due first from the process that has most slots, when it has two more than this one.

        Without this a program with one thread would be given a slot only when one is let go, a window before it is of
        use, and so get half of what it could use beside a program that has reserved all slots. Who loses it queues.
        """
        richest = self._db.execute(
            "SELECT owner, count(*) AS n FROM slots WHERE key = ? AND owner IS NOT NULL GROUP BY owner"
            " HAVING min(started) = 0 ORDER BY n DESC LIMIT 1",
            (self._key,),
        ).fetchone()
        (ours,) = self._db.execute(
            "SELECT count(*) FROM slots WHERE key = ? AND owner = ?", (self._key, owner)
        ).fetchone()
        if richest is None or richest[1] - ours < 2:
            return None
        slot, ended_at, loser = self._db.execute(
            "SELECT id, ended_at, token FROM slots WHERE key = ? AND owner = ? AND started = 0"
            " ORDER BY ended_at LIMIT 1",
            (self._key, richest[0]),
        ).fetchone()
        self._db.execute("DELETE FROM queue WHERE token = ?", (token,))
        self._db.execute("UPDATE slots SET owner = ?, token = ? WHERE id = ?", (owner, token, slot))
        self._db.execute("INSERT INTO queue (key, owner, token) VALUES (?, ?, ?)", (self._key, richest[0], loser))
        return int(slot), float(ended_at)

    def _reserved(self, token: str) -> tuple[int, float] | None:
        row = self._db.execute(
            "SELECT id, ended_at FROM slots WHERE key = ? AND token = ?", (self._key, token)
        ).fetchone()
        return None if row is None else (int(row[0]), float(row[1]))
