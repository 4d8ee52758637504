"""The theorem, by simulation: whatever the network and the processes do, no window holds more than the limit.

Processes, threads, delays, stops, pauses and kills are drawn by hypothesis; each request arrives some time after it
was sent and its answer ends some time later. Only the clock of the simulation moves.
"""

from __future__ import annotations

import heapq
import itertools
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redline.net.budget_file import BudgetFile
from redline.net.pace import pace_for
from redline.net.slots import Slots, Turn
from redline.testing import FakeClock

from .vendor import most_in_any_window

WINDOW_S = 60.0
POLL_S = 7.0


@dataclass
class Simulation:
    """Runs threads of processes over one real budget file; ``arrivals`` is what the vendor sees."""

    limit: float
    delays: list[tuple[float, float]]  # from send to arrival, from arrival to the end of the answer
    clock: FakeClock = field(default_factory=FakeClock)
    arrivals: list[float] = field(default_factory=list)
    sent_by: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.file = BudgetFile(Path(self.folder.name) / "budgets.db", self.clock)
        self.dead: set[str] = set()
        self.paused_until = 0.0
        self.events: list[tuple[float, int, str, str, str]] = []
        self._order, self._tokens = itertools.count(), itertools.count()
        self._delay = itertools.cycle(self.delays)

    def at(self, after_s: float, what: str, owner: str, token: str = "") -> None:
        heapq.heappush(self.events, (self.clock.since_boot() + after_s, next(self._order), what, owner, token))

    def look(self, owner: str, token: str) -> Turn:
        def work(db: object, now: float) -> Turn:
            slots = Slots(db, "key", pace_for(self.limit, WINDOW_S), now)  # type: ignore[arg-type]
            slots.sweep(lambda name: name not in self.dead)
            slots.fit()
            return slots.look(token, owner, self.paused_until)

        return self.file.run(work)

    def end(self, token: str, *, sent: bool) -> None:
        self.file.run(lambda db, now: Slots(db, "key", pace_for(self.limit, WINDOW_S), now).end(token, sent=sent))

    def run(self, steps: int, until: Callable[[], bool] = lambda: False) -> None:
        for _ in range(steps):
            if not self.events or until():
                break
            due, _, what, owner, token = heapq.heappop(self.events)
            self.clock.advance(max(0.0, due - self.clock.since_boot()))
            getattr(self, f"on_{what}")(owner, token)
        self.file.close()
        self.folder.cleanup()

    def on_ask(self, owner: str, _: str) -> None:
        self.on_look(owner, f"{owner}:{next(self._tokens)}")

    def on_look(self, owner: str, token: str) -> None:
        if owner in self.dead:
            return
        turn = self.look(owner, token)
        if turn.started:
            to_vendor, answer = next(self._delay)
            self.sent_by[owner] += 1
            self.at(to_vendor, "arrive", owner)
            self.at(to_vendor + answer, "end", owner, token)
        else:
            self.at(POLL_S if turn.due is None else turn.due - self.clock.since_boot(), "look", owner, token)

    def on_arrive(self, owner: str, _: str) -> None:
        self.arrivals.append(self.clock.since_boot())

    def on_end(self, owner: str, token: str) -> None:
        if owner not in self.dead:
            self.end(token, sent=True)
            self.at(0.001, "ask", owner)

    def on_stop(self, owner: str, _: str) -> None:
        """Somebody stops a wait of this process: the first that is still waiting."""
        for index, (_at, _order, what, name, token) in enumerate(self.events):
            if what == "look" and name == owner and owner not in self.dead:
                del self.events[index]
                heapq.heapify(self.events)
                self.end(token, sent=False)
                self.at(5.0, "ask", owner)
                return

    def on_kill(self, owner: str, _: str) -> None:
        self.dead.add(owner)

    def on_pause(self, owner: str, _: str) -> None:
        self.paused_until = self.clock.since_boot() + 20.0


delays = st.lists(st.tuples(st.floats(0, 2.9), st.floats(0, 10)), min_size=1, max_size=20)
happenings = st.lists(
    st.tuples(st.floats(0, 300), st.sampled_from(["kill", "stop", "pause"]), st.integers(0, 3)), max_size=6
)
QUIET = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@QUIET
@given(
    limit=st.sampled_from([0.5, 1, 2, 5, 10, 90, 150]),
    threads=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    delays=delays,
    happenings=happenings,
)
def test_no_window_holds_more_arrivals_than_the_limit(
    limit: float,
    threads: list[int],
    delays: list[tuple[float, float]],
    happenings: list[tuple[float, str, int]],
) -> None:
    pace = pace_for(limit, WINDOW_S)
    short = [(min(there, pace.window_s / 20), back) for there, back in delays]  # of a killed sender: see slots.py
    simulation = Simulation(limit, short)
    for number, count in enumerate(threads):
        for _ in range(count):
            simulation.at(0.1 * number, "ask", f"p{number}")
    for after_s, what, number in happenings:
        simulation.at(after_s, what, f"p{number}")

    simulation.run(steps=150)

    assert most_in_any_window(simulation.arrivals, pace.window_s) <= pace.slots


@settings(QUIET, max_examples=12)
@given(limit=st.sampled_from([1, 5, 12]), threads=st.lists(st.integers(1, 8), min_size=4, max_size=4))
def test_each_of_four_processes_has_its_share_however_many_threads_it_runs(limit: int, threads: list[int]) -> None:
    simulation = Simulation(limit, [(0.1, 0.2)])
    for number, count in enumerate(threads):
        for _ in range(count):
            simulation.at(0.01 * number, "ask", f"p{number}")

    simulation.run(steps=3_000, until=lambda: len(simulation.arrivals) >= 4 * limit + 24)

    shares = [simulation.sent_by[f"p{number}"] / sum(simulation.sent_by.values()) for number in range(4)]
    for share, count in zip(shares, threads, strict=True):
        assert share >= min(0.15, 0.75 * count / limit)  # a thread alone cannot use more than one slot


@QUIET
@given(before=st.integers(1, 20), after=st.integers(1, 20), delays=delays)
def test_a_changed_limit_holds_from_the_change_on(before: int, after: int, delays: list[tuple[float, float]]) -> None:
    simulation = Simulation(before, [(0.0, back) for _, back in delays])
    for thread in range(8):
        simulation.at(0.01 * thread, "ask", f"p{thread % 3}")
    simulation.at(90.0, "change", "")
    changed: list[float] = []

    def change(owner: str, token: str) -> None:
        simulation.limit = after
        changed.append(simulation.clock.since_boot())

    simulation.on_change = change  # type: ignore[attr-defined]
    simulation.run(steps=250)

    later = [at for at in simulation.arrivals if changed and at > changed[0]]
    assert most_in_any_window(later, WINDOW_S) <= after
    assert most_in_any_window(simulation.arrivals, WINDOW_S) <= max(before, after)


def test_a_dead_process_gives_its_slots_back_one_window_after_it_is_found() -> None:
    simulation = Simulation(2, [(0.0, 1_000.0)])  # both slots are held for ever
    simulation.at(0, "ask", "p0")
    simulation.at(0, "ask", "p0")
    simulation.at(1, "ask", "p1")
    simulation.at(5, "kill", "p0")

    simulation.run(steps=90)

    assert simulation.sent_by["p0"] == 2
    assert 1_065 <= simulation.arrivals[2] <= 1_005 + 60 + 60 / 20 + POLL_S


def test_a_dead_process_that_only_waited_blocks_nobody() -> None:
    simulation = Simulation(1, [(0.0, 1.0)])
    simulation.at(0, "ask", "p0")
    simulation.at(2, "ask", "p1")  # reserves the slot, due in a minute
    simulation.at(3, "kill", "p1")
    simulation.at(4, "kill", "p0")
    simulation.at(70, "ask", "p2")

    simulation.run(steps=20)

    assert simulation.arrivals[:2] == [1_000.0, 1_070.0]
