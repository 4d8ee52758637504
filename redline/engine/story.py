"""The story of one session of one ticker: what is known, what was asked when and of whom, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from redline.jobs.job import stamp
from redline.market.bar import BarSpec
from redline.market.session import REASONS, SessionState, SessionStatus
from redline.store import Answered

#: What somebody can do about a session in each state. ``{ticker}`` and ``{day}`` are filled in.
TO_DO = {
    SessionState.STORED: "Nothing: the rows are held.",
    SessionState.MARKET_CLOSED: "Nothing: there was no trading to hold.",
    SessionState.NOT_LISTED: "Nothing, if the ticker is the right one; a company may have had another ticker then.",
    SessionState.NO_TRADES: "Nothing: nobody traded it that day.",
    SessionState.VENDOR_HAS_NONE: "Nothing more at this source; it may be worth asking another one.",
    SessionState.NOT_ENTITLED: "Change the key's plan, or ask for later dates; it is asked again a day later.",
    SessionState.LATE: "Wait for the source to publish it; the next download asks again, at most every 15 minutes.",
    SessionState.NEVER_ASKED: "Download it: python -m redline download {ticker} --start {day} --end {day}",
    SessionState.FAILED: "Fetch it again: python -m redline repair {ticker}",
}


@dataclass(frozen=True, slots=True)
class Chapter:
    """One thing that happened to a session. ``job_id`` is the job that asked; empty when it is not known."""

    asked_at: datetime | None
    route: str
    outcome: str
    answer: str
    rows: int
    job_id: str

    def as_json(self) -> dict[str, object]:
        """Return the chapter for JSON."""
        return {
            "asked_at": stamp(self.asked_at) if self.asked_at else None,
            "route": self.route,
            "outcome": self.outcome,
            "answer": self.answer,
            "rows": self.rows,
            "job_id": self.job_id or None,
        }


@dataclass(frozen=True, slots=True)
class Story:
    """What is known about a session. ``of_whom``: the name of the source; ``history``: oldest first."""

    ticker: str
    session: date
    source: str
    spec: BarSpec
    state: SessionState
    rows: int
    reason: str
    asked_at: datetime | None
    of_whom: str
    answer: str
    batch: str
    job_id: str
    what_to_do: str
    history: tuple[Chapter, ...]

    def as_json(self) -> dict[str, object]:
        """Return the story as ``GET /explain`` answers it."""
        return {
            "ticker": self.ticker,
            "date": self.session.isoformat(),
            "source": self.source,
            "timespan": self.spec.timespan.value,
            "multiplier": self.spec.multiplier,
            "state": self.state.value,
            "rows": self.rows,
            "reason": self.reason,
            "asked_at": stamp(self.asked_at) if self.asked_at else None,
            "of_whom": self.of_whom,
            "answer": self.answer,
            "batch": self.batch or None,
            "job_id": self.job_id or None,
            "what_to_do": self.what_to_do,
            "history": [one.as_json() for one in self.history],
        }

    def as_text(self) -> str:
        """Return the story for a terminal."""
        lines = [f"{self.ticker} {self.spec} bars on {self.session}: {self.state.words}. {self.reason}"]
        if self.asked_at:
            lines.append(f"Asked {self.of_whom} at {stamp(self.asked_at)}.")
        if self.answer:
            lines.append(f"Answer: {self.answer}")
        lines += [
            f"  {stamp(one.asked_at) if one.asked_at else 'later'}  {one.route}: {one.outcome}"
            + (f" ({one.answer})" if one.answer else "")
            + (f", job {one.job_id}" if one.job_id else "")
            for one in self.history
        ]
        return "\n".join([*lines, f"What to do: {self.what_to_do}"])


def tell(
    status: SessionStatus, ticker: str, spec: BarSpec, of_whom: str, source: str, past: Sequence[Answered]
) -> Story:
    """Return the story of a session from its status and its past (oldest first). Pure."""
    told = [one for one in past if one.asked_at == status.asked_at and one.batch]
    batch = told[-1].batch if told else ""
    rows = f"{status.rows:,} row{'' if status.rows == 1 else 's'} held."
    said = {SessionState.STORED: rows, SessionState.MARKET_CLOSED: "The exchange was closed."}
    return Story(
        ticker=ticker,
        session=status.session,
        source=source,
        spec=spec,
        state=status.state,
        rows=status.rows,
        reason=said.get(status.state) or REASONS[status.state],
        asked_at=status.asked_at,
        of_whom=of_whom,
        answer=status.answer,
        batch=batch,
        job_id=job_of(batch),
        what_to_do=TO_DO[status.state].format(ticker=ticker, day=status.session),
        history=tuple(_chapter(one) for one in past),
    )


def job_of(batch: str) -> str:
    """Return the id of the job that brought a batch; batches are named job-part-claim-page."""
    return batch.partition("-")[0]


def _chapter(one: Answered) -> Chapter:
    if one.asked_at is None:
        outcome = "rows were lost"
    elif one.state is not None:
        outcome = one.state.words
    elif one.rows:
        outcome = f"{one.rows:,} row{'' if one.rows == 1 else 's'} came"
    else:
        outcome = "an answer without rows"
    span = f"{one.first}" if one.first == one.last else f"{one.first} to {one.last}"
    route = f"{'whole market' if one.market else 'ticker'} {span}"
    return Chapter(one.asked_at, route, outcome, one.answer, one.rows, job_of(one.batch))
