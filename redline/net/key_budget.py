"""The budget of one key: wait for a slot, hold it, let it rest; pause, count, and say what was used."""

from __future__ import annotations

import itertools
import math
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from redline.clock import Clock, Watch
from redline.errors import RedlineError
from redline.net.budget_file import BudgetFile
from redline.net.owners import is_alive, this_process
from redline.net.pace import Pace, checked_limit, pace_for
from redline.net.slots import Slots
from redline.net.usage import KeyUsage, UsageTable

LONGEST_SLEEP_S = 75.0
"""A waiter looks again at least this often, so that a raised limit is noticed; a whole window is one sleep."""

_TIDY_PER_WINDOW = 20
"""How often in a window a process looks for dead ones; more would cost more than the earlier find is worth."""

_TOKENS = itertools.count(1)


class Slot:
    """A slot that is held. ``give_back()``: no request left this machine, so nothing has to rest. ``served()``: the
    vendor has answered, and did not say that there were too many requests.
    """

    __slots__ = ("sent", "well")

    def __init__(self) -> None:
        self.sent, self.well = True, False

    def give_back(self) -> None:
        self.sent = False

    def served(self) -> None:
        self.well = True


@dataclass(frozen=True, slots=True)
class _Step:
    started: bool
    wait_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class _KeyRow:
    source: str
    limit: float
    paused_until: float
    pause_reason: str

    def one_first(self, now: float) -> bool:
        """Whether a pause is over and nobody knows yet if the vendor has meant it: it stands until one was served."""
        return 0.0 < self.paused_until <= now


@dataclass(frozen=True, slots=True)
class Shared:
    """What the keys of one file have in common; and the slots whose return failed (a full disk), to be made up for."""

    file: BudgetFile
    clock: Clock
    window_s: float
    _late: deque[Callable[[], None]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def later(self, let_go: Callable[[], None]) -> None:
        self._late.append(let_go)

    def let_go_late_ones(self) -> None:
        """Return those slots now; raises what made it fail if it still does."""
        with self._lock:
            while self._late:
                self._late[0]()
                self._late.popleft()


class KeyBudget:
    """The budget of one key. Made by ``Budgets.key``; thread-safe."""

    def __init__(self, shared: Shared, key: str, source: str, limit: float | None, default_limit: float) -> None:
        self._shared, self._file, self._clock = shared, shared.file, shared.clock
        self._key, self._source, self._fallback = key, source, default_limit if limit is None else limit
        self._tidied_at, self._seen = -math.inf, ""
        self._file.run(lambda db, now: self._open(db, now, limit))

    def __repr__(self) -> str:
        return f"<KeyBudget {self._source} {self._key[:8]}>"

    # -- one request --------------------------------------------------------------------------------------------------

    @contextmanager
    def slot(self, watch: Watch | None = None) -> Iterator[Slot]:
        """Wait for a slot and hold it while the block sends one request and reads the whole answer.

        ``watch.on_wait`` hears why it waits. Processes take turns, threads of one process come in order.

        Raises:
            Cancelled: ``watch.cancel`` was set; the reservation went back.
            StoreError: the budget file cannot be written; nothing may be sent.
        """
        token = f"{this_process()}:{next(_TOKENS)}"
        held = Slot()
        held.give_back()
        try:
            self._wait(token, watch or Watch())
            held.sent = True
            yield held
        finally:
            self._let_go_or_later(token, held)

    def pause(self, seconds: float, reason: str) -> None:
        """Let nobody who uses the key send for ``seconds`` from now; a longer pause that is on stays.

        Then one request goes first, and the others when it was ``served``: a vendor that still says no hears no more
        than that one. Call it while the slot of the refused request is held, or another goes first in between.
        """

        def write(db: sqlite3.Connection, now: float) -> None:
            self._row(db, now)
            db.execute(
                "UPDATE keys SET paused_until = ?1, pause_reason = ?2 WHERE id = ?3 AND paused_until < ?1",
                (now + seconds, reason, self._key),
            )

        self._file.run(write)

    def paused_s(self) -> float:
        """Return how many seconds of a pause are left; 0 when there is none."""
        return self._file.run(lambda db, now: max(0.0, self._row(db, now).paused_until - now))

    def count(self, endpoint: str) -> None:
        """Count one request that goes to the socket now."""
        day = self._clock.now().date()

        def write(db: sqlite3.Connection, now: float) -> None:
            UsageTable(db, self._key, self._shared.window_s).count(endpoint, day, now)
            if self._seen != str(day):
                db.execute("UPDATE keys SET seen = ? WHERE id = ?", (str(day), self._key))

        self._file.run(write)
        self._seen = str(day)

    # -- what the key may and has done --------------------------------------------------------------------------------

    def snapshot(self) -> KeyUsage:
        """Return what was used and when the next request could go."""
        day = self._clock.now().date()

        def read(db: sqlite3.Connection, now: float) -> KeyUsage:
            row = self._row(db, now)
            table = UsageTable(db, self._key, self._shared.window_s)
            return table.read(row.source, row.limit, self._pace(row), day, now, row.paused_until)

        return self._file.run(read)

    @property
    def window_s(self) -> float:
        """The window that the limit counts in; also how long a 429 without a Retry-After is waited out."""
        return self._shared.window_s

    @property
    def limit_per_minute(self) -> float:
        return self._file.run(self._row).limit

    @limit_per_minute.setter
    def limit_per_minute(self, limit: float) -> None:
        checked = checked_limit(limit)
        self._file.run(lambda db, now: self._open(db, now, checked))
        self._fallback = checked

    @property
    def delay_s(self) -> float:
        """Seconds between requests at this limit: ``60 / limit_per_minute``; setting it sets the limit."""
        return self._shared.window_s / self.limit_per_minute

    @delay_s.setter
    def delay_s(self, seconds: float) -> None:
        self.limit_per_minute = self._shared.window_s / seconds if seconds > 0 else seconds

    # -- steps ---------------------------------------------------------------------------------------------------------

    def _wait(self, token: str, watch: Watch) -> None:
        self._shared.let_go_late_ones()
        watch.check()
        owner = this_process()
        step = self._step(token, owner)
        while not step.started:
            watch.sleep(self._clock, step.wait_s, step.reason)
            step = self._step(token, owner)

    def _step(self, token: str, owner: str) -> _Step:
        def work(db: sqlite3.Connection, now: float) -> _Step:
            row = self._row(db, now)
            pace = self._pace(row)
            slots = Slots(db, self._key, pace, now)
            if now - self._tidied_at >= min(pace.window_s / _TIDY_PER_WINDOW, 1.0):
                slots.sweep(is_alive)
                slots.fit()
                self._tidied_at = now
            turn = slots.look(token, owner, row.paused_until, one_first=row.one_first(now))
            if turn.started:
                return _Step(started=True)
            reason = row.pause_reason if row.paused_until else f"budget: {slots.used()} of {pace.slots} used"
            # A slot that comes back rests for a window: whoever is given it hears of it early enough by looking often.
            wait_s = min(max(pace.window_s / 8, 0.01), 1.0) if turn.due is None else turn.due - now
            return _Step(started=False, wait_s=min(wait_s, LONGEST_SLEEP_S), reason=reason)

        return self._file.run(work)

    def _let_go_or_later(self, token: str, held: Slot) -> None:
        try:
            self._let_go(token, held)
        except RedlineError:
            # The answer is good though the file is not. Until this is made up for, the slot stays taken and the next
            # wait raises the error.
            self._shared.later(lambda: self._let_go(token, held))

    def _let_go(self, token: str, held: Slot) -> None:
        def work(db: sqlite3.Connection, now: float) -> None:
            row = self._row(db, now)
            slots = Slots(db, self._key, self._pace(row), now)
            if held.well and row.one_first(now) and slots.went_first(token):
                db.execute("UPDATE keys SET paused_until = 0, pause_reason = '' WHERE id = ?", (self._key,))
            slots.end(token, sent=held.sent)

        self._file.run(work)

    def _open(self, db: sqlite3.Connection, now: float, limit: float | None) -> None:
        row = self._row(db, now)
        day = str(self._clock.now().date())
        db.execute(
            'UPDATE keys SET source = ?, "limit" = ?, seen = ? WHERE id = ?',
            (self._source, row.limit if limit is None else limit, day, self._key),
        )
        slots = Slots(db, self._key, self._pace(self._row(db, now)), now)
        slots.sweep(is_alive)
        slots.fit()
        slots.grant()

    def _row(self, db: sqlite3.Connection, now: float) -> _KeyRow:
        row = db.execute(
            'SELECT source, "limit", paused_until, pause_reason FROM keys WHERE id = ?', (self._key,)
        ).fetchone()
        if row is not None:
            return _KeyRow(*row)
        db.execute(
            "INSERT INTO keys VALUES (?, ?, ?, 0, '', ?)",
            (self._key, self._source, self._fallback, str(self._clock.now().date())),
        )
        new = _KeyRow(self._source, self._fallback, 0.0, "")
        Slots(db, self._key, self._pace(new), now).fit()
        return new

    def _pace(self, row: _KeyRow) -> Pace:
        return pace_for(row.limit, self._shared.window_s)
