"""Which tickers have the same statuses, told from their marks: thousands were asked for alike, a second apart. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import date
from typing import Any

from redline.market.bar import BarSpec
from redline.market.calendar import TradingCalendar
from redline.store.asked import unpacked
from redline.store.marks import Mark, us


class Alike:
    """Keys of marks; tickers with equal keys have equal statuses over ``sessions`` (sorted dates).

    An answer that is final and has rows for each of these sessions has no instant in its key: nobody asks for it again,
    it is in no gap, and so it does not matter at which second each of ten thousand tickers was asked for.
    """

    def __init__(self, sessions: Sequence[date], spec: BarSpec, calendar: TradingCalendar) -> None:
        self._sessions, self._spec, self._calendar = sessions, spec, calendar
        self._final_from: dict[tuple[Any, ...], int | None] = {}

    def key(self, marks: Sequence[Mark]) -> tuple[Any, ...]:
        """Return the key of a ticker's marks, in the order of the commits."""
        return tuple(self._key(one) for one in marks)

    def _key(self, mark: Mark) -> tuple[Any, ...]:
        first, last, asked_at, answer, _, state, counts, *_, market = mark
        if state is None and counts and not self._spec.spreads:
            shape = (first, last, counts)
            if shape not in self._final_from:
                self._final_from[shape] = self._whole_and_final_from(*shape)
            since = self._final_from[shape]
            if since is not None and asked_at >= since:
                return (first, last, counts, market)
        return (first, last, asked_at, answer, state, counts, market)

    def _whole_and_final_from(self, first: int, last: int, counts: bytes) -> int | None:
        """Return from which instant on an answer is final for all of its sessions; ``None``: it lacks one of them."""
        low = bisect_left(self._sessions, date.fromordinal(first))
        high = bisect_right(self._sessions, date.fromordinal(last))
        rows = unpacked(counts)
        if low == high or not all(rows.get(one.toordinal()) for one in self._sessions[low:high]):
            return None
        return us(self._calendar.settles_at(self._sessions[high - 1]))
