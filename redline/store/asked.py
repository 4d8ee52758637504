"""What was asked and what came back: one span of sessions of one series, and the states that follow from such spans."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.calendar import TradingCalendar, day_of
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus

#: The instant of an "answer" that stands for rows that were held and are lost: they must be asked for again.
LOST = datetime(1970, 1, 2, tzinfo=UTC)

#: The batch of a lost "answer" whose rows another program had changed.
CHANGED = "changed"

#: So many answers of one commit stand in the log as they are, for people to read.
RECORDED_PLAIN = 16

#: States of an absence that nothing will change once the session is settled.
_FINAL = frozenset({SessionState.NOT_LISTED, SessionState.NO_TRADES, SessionState.VENDOR_HAS_NONE})


@dataclass(frozen=True, slots=True)
class Series:
    """The key of the ledger: one dataset of one ticker from one source, of one bar width (bars only)."""

    source: str
    dataset: Dataset
    ticker: str
    spec: BarSpec = DAILY

    @property
    def label(self) -> str:
        """The width of its bars, as the ledger writes it: ``1day``; empty for splits and dividends."""
        return self.spec.label if self.dataset is Dataset.BARS else ""


@dataclass(frozen=True, slots=True)
class Asked:
    """One answer (``state`` is ``None``) or one note about ``first`` to ``last``, both inclusive.

    ``counts``: rows by the date that stands on them. An answer says all there is: sessions without rows have none.
    ``market``: it is part of an answer for the whole market, so what it lacks had no trades.
    """

    series: Series
    first: date
    last: date
    asked_at: datetime
    answer: str = ""
    batch: str = ""
    state: SessionState | None = None
    counts: Mapping[int, int] | None = None
    rows_new: int = 0
    rows_changed: int = 0
    rows_same: int = 0
    set_aside: int = 0
    market: bool = False

    def as_record(self) -> dict[str, Any]:
        """Return the answer as the table's log records it."""
        return {
            "source": self.series.source,
            "dataset": self.series.dataset.value,
            "ticker": self.series.ticker,
            "timespan": self.series.spec.timespan.value,
            "multiplier": self.series.spec.multiplier,
            "first": self.first.isoformat(),
            "last": self.last.isoformat(),
            "asked_at": self.asked_at.isoformat(),
            "answer": self.answer,
            "batch": self.batch,
            "counts": base64.b64encode(packed(self.counts or {})).decode("ascii"),
            "rows": [self.rows_new, self.rows_changed, self.rows_same, self.set_aside],
            "market": self.market,
        }

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Asked:
        """Return the answer that ``as_record`` wrote."""
        new, changed, same, set_aside = record["rows"]
        spec = BarSpec(Timespan(record["timespan"]), record["multiplier"])
        return cls(
            series=Series(record["source"], Dataset(record["dataset"]), record["ticker"], spec),
            first=date.fromisoformat(record["first"]),
            last=date.fromisoformat(record["last"]),
            asked_at=datetime.fromisoformat(record["asked_at"]).astimezone(UTC),
            answer=record["answer"],
            batch=record["batch"],
            counts=unpacked(base64.b64decode(record["counts"])),
            rows_new=new,
            rows_changed=changed,
            rows_same=same,
            set_aside=set_aside,
            market=record.get("market", False),
        )


def record_of(answers: Sequence[Asked]) -> dict[str, Any]:
    """Return what the table's log records of a commit; many answers, which are much alike, in deflated form."""
    if len(answers) <= RECORDED_PLAIN:
        return {"asked": [one.as_record() for one in answers]}
    deflate = zlib.compressobj(6)  # One by one: as a whole, those of the market are many times what comes out.
    told = [
        deflate.compress(("," if at else "[").encode() + json.dumps(one.as_record(), separators=(",", ":")).encode())
        for at, one in enumerate(answers)
    ]
    data = b"".join([*told, deflate.compress(b"]"), deflate.flush()])
    return {"asked_deflated": base64.b64encode(data).decode("ascii")}


def asked_in(record: Mapping[str, Any]) -> list[Asked]:
    """Return the answers of a record of the log; none when the commit only moved rows to other files."""
    deflated = record.get("asked_deflated")
    records = json.loads(zlib.decompress(base64.b64decode(deflated))) if deflated else record.get("asked", ())
    return [Asked.of_record(one) for one in records]


def packed(counts: Mapping[int, int]) -> bytes:
    """Return counts by date ordinal, small: steps from date to date, then the counts, 32 bits each, deflated."""
    return _packed(tuple(sorted(counts.items())))


@lru_cache(maxsize=4_096)  # Thousands of tickers that traded on the same days have the same counts.
def _packed(counts: tuple[tuple[int, int], ...]) -> bytes:
    days = np.array([day for day, _ in counts], dtype="<i4")
    numbers = np.array([number for _, number in counts], dtype="<i4")
    return zlib.compress(np.concatenate([np.diff(days, prepend=0), numbers]).astype("<i4").tobytes(), 6)


def unpacked(data: bytes) -> dict[int, int]:
    """Return what ``packed`` made smaller."""
    both = np.frombuffer(zlib.decompress(data), dtype="<i4")
    half = len(both) // 2
    return dict(zip(np.cumsum(both[:half]).tolist(), both[half:].tolist(), strict=True))


def rows_by_day(spans: Iterable[Asked]) -> dict[int, int]:
    """Return how many rows are held by date ordinal; ``spans`` in the order of their commits, the newest wins."""
    held: dict[int, int] = {}
    for one in spans:
        if one.state is None:
            first, last = one.first.toordinal(), one.last.toordinal()
            if any(first <= day <= last for day in held):
                held = {day: rows for day, rows in held.items() if not first <= day <= last}
            held.update(one.counts or {})
    return held


def fold(
    spans: Iterable[Asked], sessions: list[date], spec: BarSpec, settled_through: Callable[[datetime], date]
) -> list[SessionStatus]:
    """Return one status for each of ``sessions`` (sorted); ``spans`` in the order of their commits.

    A later answer replaces an earlier one; what was lost has failed, whatever is left of it. A note never hides rows
    that are held, and a failure never hides an absence that is settled. ``settled_through`` says up to which date an
    answer of that instant is final (design 6).
    """
    states = {day: SessionStatus(day, SessionState.NEVER_ASKED) for day in sessions}
    for one in spans:
        through = settled_through(one.asked_at)
        rows = _rows_by_session(one, spec)
        for day in sessions:
            if not one.first <= day <= one.last:
                continue
            settled = (spec.window(day)[1] if spec.spreads else day) <= through
            state = one.state
            if one.asked_at == LOST:
                state = SessionState.FAILED
            elif state is None:
                none = SessionState.NO_TRADES if one.market else SessionState.VENDOR_HAS_NONE
                absent = none if settled else SessionState.LATE
                state = SessionState.STORED if rows.get(day.toordinal()) else absent
            elif _keeps(states[day], state, one.asked_at):
                continue
            asked_at = None if one.asked_at == LOST else one.asked_at
            states[day] = SessionStatus(
                day, state, rows.get(day.toordinal(), 0), one.series.source, asked_at, one.answer,
                settled and state not in (SessionState.LATE, SessionState.FAILED),
            )  # fmt: skip
    return [states[day] for day in sessions]


def _keeps(before: SessionStatus, note: SessionState, asked_at: datetime) -> bool:
    """Whether what is known of a session outweighs a note. A note of the answer's own instant speaks about that answer:
    that its absence cannot be believed, for rows of it could not be used.
    """
    if before.state is SessionState.STORED:
        return True
    return note not in _FINAL and before.settled and before.state in _FINAL and before.asked_at != asked_at


def _rows_by_session(one: Asked, spec: BarSpec) -> Mapping[int, int]:
    """Return rows by session: a bar of a week or more counts for each session of its window."""
    counts = one.counts or {}
    if not spec.spreads:
        return counts
    spread: dict[int, int] = {}
    for day, rows in counts.items():
        first, last = spec.window(date.fromordinal(day))
        for covered in range(first.toordinal(), last.toordinal() + 1):
            spread[covered] = spread.get(covered, 0) + rows
    return spread


class Settling:
    """Up to which date the data was final at an instant. Remembers what it found; thread-safe."""

    def __init__(self, calendar: TradingCalendar) -> None:
        self._calendar = calendar
        self._known: dict[datetime, date] = {}

    def through(self, asked_at: datetime) -> date:
        """Return the last date whose data no longer changed at ``asked_at`` (aware): that of the last settled session,
        or of the days without one that follow it.
        """
        if asked_at not in self._known:
            day = day_of(asked_at)
            sessions = self._calendar.sessions(date.fromordinal(day.toordinal() - 21), day)
            final = [one for one in sessions if self._calendar.settles_at(one) <= asked_at]
            if len(self._known) > 10_000:
                self._known.clear()
            through = self._calendar.next_session(final[-1]).toordinal() - 1 if final else 1
            self._known[asked_at] = date.fromordinal(through)
        return self._known[asked_at]
