"""Which sessions to ask for as whole-market answers, and which tickers one by one: the cheapest mix, exactly.

A ticker that lacks a session needs the ticker's own pages or that session's answer for the whole market. Tickers and
sessions are the two sides of a bipartite graph, what is lacking are its edges, and the cheapest way to fetch all is its
minimum weighted vertex cover: by the theorem of König and Egerváry a minimum cut. Tickers that lack the same sessions
are one node, and so are sessions that the same nodes lack, so that a whole market's graph has few of them.
Pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Lack:
    """Tickers that lack the same sessions: which, how many tickers there are, and what the pages of one cost."""

    days: frozenset[date]
    tickers: int
    cost: int


def cheapest_cover(lacks: Sequence[Lack], day_cost: int) -> tuple[frozenset[int], frozenset[date]]:
    """Return which of ``lacks`` to fetch by pages, as indices, and which sessions as whole-market answers.

    Together they hold all that is lacking, at the least cost there is. Costs are whole numbers above 0.
    """
    days = _days_of(lacks)
    taken = _unavoidable(lacks, days, day_cost)
    nodes: dict[tuple[int, ...], list[date]] = defaultdict(list)
    for day, holders in days.items():
        if day not in taken:
            nodes[tuple(holders)].append(day)
    by_ticker, by_day = _cut(lacks, nodes, day_cost)
    return by_ticker, taken | by_day


def _days_of(lacks: Sequence[Lack]) -> dict[date, list[int]]:
    found: dict[date, list[int]] = defaultdict(list)
    for at, lack in enumerate(lacks):
        for day in lack.days:
            found[day].append(at)
    return found


def _unavoidable(lacks: Sequence[Lack], days: dict[date, list[int]], day_cost: int) -> frozenset[date]:
    """Return sessions that every cheapest cover holds.

    Without a session, all of its tickers have to be fetched by pages. Where those alone cost more than all sessions
    do, no cheapest cover does without it. What remains is small: no session has more tickers than there are sessions.
    """
    weights = {day: sum(lacks[one].tickers * lacks[one].cost for one in holders) for day, holders in days.items()}
    taken: set[date] = set()
    while now := [day for day, weight in weights.items() if weight > len(weights) * day_cost]:
        taken.update(now)
        for day in now:
            del weights[day]
    return frozenset(taken)


def _cut(
    lacks: Sequence[Lack], nodes: dict[tuple[int, ...], list[date]], day_cost: int
) -> tuple[frozenset[int], frozenset[date]]:
    holders = sorted({one for holding in nodes for one in holding})
    if not holders:
        return frozenset(), frozenset()
    place = {one: at for at, one in enumerate(holders, 1)}  # 0 is the source; behind the tickers stand the sessions.
    sink = 1 + len(holders) + len(nodes)
    network = Network(sink + 1)
    for one in holders:
        network.link(0, place[one], lacks[one].tickers * lacks[one].cost)
    unbounded = 1 + sum(lacks[one].tickers * lacks[one].cost for one in holders)
    for at, (holding, days) in enumerate(nodes.items(), 1 + len(holders)):
        network.link(at, sink, len(days) * day_cost)
        for one in holding:
            network.link(place[one], at, unbounded)
    reached = network.cut(0, sink)
    by_day = [days for at, days in enumerate(nodes.values(), 1 + len(holders)) if reached[at]]
    return frozenset(one for one in holders if not reached[place[one]]), frozenset(day for one in by_day for day in one)


class Network:
    """A network of pipes, and its cheapest cut by the method of Dinic."""

    def __init__(self, nodes: int) -> None:
        self._pipes: list[list[int]] = [[] for _ in range(nodes)]  # Of each node; the pipe n ^ 1 runs back beside n.
        self._to: list[int] = []
        self._free: list[int] = []

    def link(self, start: int, end: int, width: int) -> None:
        """Lay a pipe."""
        for node, to, free in ((start, end, width), (end, start, 0)):
            self._pipes[node].append(len(self._to))
            self._to.append(to)
            self._free.append(free)

    def cut(self, source: int, sink: int) -> list[bool]:
        """Return for each node whether it is on the source's side of a cheapest cut; the smallest such side."""
        while (levels := self._levels(source))[sink] >= 0:
            nexts = [0] * len(self._pipes)
            while self._push(source, sink, levels, nexts):
                pass
        return [level >= 0 for level in levels]

    def _levels(self, source: int) -> list[int]:
        levels = [-1] * len(self._pipes)
        levels[source] = 0
        queue = [source]
        for node in queue:
            for pipe in self._pipes[node]:
                to = self._to[pipe]
                if levels[to] < 0 and self._free[pipe]:
                    levels[to] = levels[node] + 1
                    queue.append(to)
        return levels

    def _push(self, source: int, sink: int, levels: list[int], nexts: list[int]) -> bool:
        """Fill one more way from source to sink; return whether there was one."""
        way: list[int] = []
        node = source
        while node != sink:
            pipe = self._next(node, levels, nexts)
            if pipe is not None:
                way.append(pipe)
                node = self._to[pipe]
            elif way:
                node = self._to[way.pop() ^ 1]
                nexts[node] += 1
            else:
                return False
        amount = min(self._free[pipe] for pipe in way)
        for pipe in way:
            self._free[pipe] -= amount
            self._free[pipe ^ 1] += amount
        return True

    def _next(self, node: int, levels: list[int], nexts: list[int]) -> int | None:
        pipes = self._pipes[node]
        while nexts[node] < len(pipes):
            pipe = pipes[nexts[node]]
            if self._free[pipe] and levels[self._to[pipe]] == levels[node] + 1:
                return pipe
            nexts[node] += 1
        return None
