"""What is known about one session of one ticker, and the gaps that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum


class SessionState(Enum):
    """What is known about a session; the words of pages, JSON and command line."""

    STORED = "stored"
    MARKET_CLOSED = "market_closed"
    NOT_LISTED = "not_listed"
    NO_TRADES = "no_trades"
    VENDOR_HAS_NONE = "vendor_has_none"
    NOT_ENTITLED = "not_entitled"
    LATE = "late"
    NEVER_ASKED = "never_asked"
    FAILED = "failed"

    @property
    def explained(self) -> bool:
        """Whether a job may be complete with a session in this state (design 6)."""
        return self in EXPLAINED

    @property
    def words(self) -> str:
        """The state as a person reads it."""
        return self.value.replace("_", " ")


EXPLAINED = frozenset(
    {
        SessionState.STORED,
        SessionState.MARKET_CLOSED,
        SessionState.NOT_LISTED,
        SessionState.NO_TRADES,
        SessionState.VENDOR_HAS_NONE,
    }
)

REASONS = {
    SessionState.NOT_LISTED: "The ticker was not listed then.",
    SessionState.NO_TRADES: "The whole market's answer for that day lacks the ticker.",
    SessionState.VENDOR_HAS_NONE: "Asked for, and the vendor answered that it has no rows.",
    SessionState.NOT_ENTITLED: "The key's plan does not cover these dates.",
    SessionState.LATE: "Not published yet; it will be asked for again.",
    SessionState.NEVER_ASKED: "Nobody has asked for it yet.",
    SessionState.FAILED: "The request failed; retry the job.",
}


@dataclass(frozen=True, slots=True)
class SessionStatus:
    """One session of one series: its state, how many rows are held, when it was last asked for and what came back."""

    session: date
    state: SessionState
    rows: int = 0
    source: str = ""
    asked_at: datetime | None = None
    answer: str = ""
    settled: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the session in the shape of design 4.3, and why it is not stored."""
        return {
            "date": self.session.isoformat(),
            "state": self.state.value,
            "rows": self.rows,
            "reason": REASONS.get(self.state, ""),
            "asked_at": _stamp(self.asked_at),
            "answer": self.answer,
        }


@dataclass(frozen=True, slots=True)
class Gap:
    """Sessions in a row, ``start`` to ``end`` inclusive, that are not stored though the market was open."""

    ticker: str
    start: date
    end: date
    state: SessionState
    asked_at: datetime | None = None
    answer: str = ""

    @property
    def reason(self) -> str:
        """A sentence that says why nothing is stored."""
        return REASONS.get(self.state, "")

    def as_json(self) -> dict[str, object]:
        """Return the gap in the shape of design 4.3."""
        return {
            "ticker": self.ticker,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "state": self.state.value,
            "reason": self.reason,
            "asked_at": _stamp(self.asked_at),
            "answer": self.answer,
        }


def _stamp(instant: datetime | None) -> str | None:
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ") if instant else None


def gaps(ticker: str, statuses: list[SessionStatus]) -> list[Gap]:
    """Return the gaps in ``statuses`` (sorted by session), neighbours of one state and answer joined.

    ``not_listed`` is no gap: there was nothing to hold (design 6).
    """
    found: list[Gap] = []
    joinable = False
    for one in statuses:
        if one.state in (SessionState.STORED, SessionState.MARKET_CLOSED, SessionState.NOT_LISTED):
            joinable = False
            continue
        last = found[-1] if found else None
        if joinable and last and last.state is one.state and last.answer == one.answer:
            found[-1] = Gap(ticker, last.start, one.session, one.state, one.asked_at, one.answer)
        else:
            found.append(Gap(ticker, one.session, one.session, one.state, one.asked_at, one.answer))
        joinable = True
    return found
