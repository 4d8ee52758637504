"""From one source to the next: what is still lacking, what to ask for, and where two sources differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, slots=True)
class Difference:
    """One price of one bar, as two sources have it. ``start``: of the bar, UTC; ``relative``: 0.1 is ten percent."""

    ticker: str
    start: datetime
    column: str
    source: str
    value: float
    other_source: str
    other_value: float

    @property
    def relative(self) -> float:
        return _relative(self.value, self.other_value)


def lacking(sessions: Sequence[date], bars: pa.Table) -> list[date]:
    """Return those of ``sessions`` that have no bar, in their order."""
    there = set(pc.unique(bars["date"]).to_pylist())
    return [day for day in sessions if day not in there]


def span_to_ask(sessions: Sequence[date], lacks: Sequence[date]) -> tuple[date, date]:
    """Return the first and last date to ask the next source for: from the session before the first that is lacking to
    the one after the last. The rim costs no call, and lets two sources be compared where one takes over from the other.

    ``lacks``: some of ``sessions``, at least one; both sorted.
    """
    first, last = sessions.index(lacks[0]), sessions.index(lacks[-1])
    return sessions[max(0, first - 1)], sessions[min(len(sessions) - 1, last + 1)]


def of_sessions(bars: pa.Table, days: Iterable[date]) -> pa.Table:
    """Return the bars of some sessions."""
    return bars.filter(pc.is_in(bars["date"], pa.array(list(days), bars["date"].type)))


def differences(held: pa.Table, other: pa.Table, over: float) -> list[Difference]:
    """Return each price of a bar that both tables have and that differs by more than ``over`` (0.01: one percent)."""
    known = {(row["ticker"], row["timestamp"]): row for row in _rows(held)}
    found = []
    for row in _rows(other):
        mine = known.get((row["ticker"], row["timestamp"]))
        if mine is None or mine["source"] == row["source"]:
            continue
        for column in PRICES:
            a, b = mine[column], row[column]
            if a is not None and b is not None and _relative(a, b) > over:
                place = (row["ticker"], row["timestamp"], column)
                found.append(Difference(*place, mine["source"], a, row["source"], b))
    return found


def _rows(bars: pa.Table) -> list[dict[str, Any]]:
    return list(bars.select(["ticker", "timestamp", "source", *PRICES]).to_pylist())


def _relative(a: float, b: float) -> float:
    largest = max(abs(a), abs(b))
    return abs(a - b) / largest if largest else 0.0
