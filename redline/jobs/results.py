"""What a job left behind, ticker by ticker, and the few figures of it that lists of jobs show."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

COMPLETE, INCOMPLETE, FAILED = "complete", "incomplete", "failed"


@dataclass(frozen=True, slots=True)
class TickerResult:
    """What a job left behind for one ticker; ``records`` counts the rows held for the request.

    ``state``: complete; incomplete, when something of it is explained; failed, when nothing is. ``reason``: a
    sentence, why something is missing; empty when it is complete.
    """

    ticker: str
    records: int
    complete: bool
    state: str = ""
    reason: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the result as it stands under its ticker in the JSON of a job."""
        state = self.state or (COMPLETE if self.complete else INCOMPLETE)
        return {"records": self.records, "complete": self.complete, "state": state, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Summary:
    """Figures of a job that has ended: how many tickers came to which state, and how many gaps there are.

    ``reasons``: why tickers are not complete, the most frequent reasons first.
    """

    tickers: int = 0
    complete: int = 0
    incomplete: int = 0
    failed: int = 0
    gaps: int = 0
    reasons: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, results: Sequence[TickerResult], gaps: int) -> Summary:
        """Return the figures of the results of a job."""
        states = Counter(str(one.as_json()["state"]) for one in results)
        reasons = Counter(one.reason for one in results if one.reason)
        return cls(
            len(results), states[COMPLETE], states[INCOMPLETE], states[FAILED], gaps, dict(reasons.most_common(10))
        )

    def as_json(self) -> dict[str, object]:
        """Return the figures for JSON."""
        return {**asdict(self), "reasons": dict(self.reasons)}


def results_text(results: Sequence[TickerResult]) -> str:
    """Return results as text; their order is kept."""
    return json.dumps(
        [[one.ticker, one.records, one.complete, one.state, one.reason] for one in results], separators=(",", ":")
    )


def results_of(text: str | None) -> tuple[TickerResult, ...]:
    """Return the results that ``results_text`` wrote, or an earlier version without states and reasons."""
    return tuple(TickerResult(*raw) for raw in json.loads(text or "[]"))


def summary_text(summary: Summary) -> str:
    """Return a summary as text."""
    return json.dumps(summary.as_json(), separators=(",", ":"))


def summary_of(text: str | None) -> Summary | None:
    """Return the summary that ``summary_text`` wrote."""
    return Summary(**json.loads(text)) if text else None
