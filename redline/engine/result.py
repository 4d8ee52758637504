"""What the engine answers with: the result of a download, a written export, the status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from redline.errors import NoData
from redline.jobs.job import JobView, links
from redline.market.request import Adjust, Dataset, DownloadRequest
from redline.market.schema import frame
from redline.market.session import Gap
from redline.net.usage import KeyUsage
from redline.store import Held

PREVIEW_ROWS = 5

ADJUSTED = {
    Adjust.NONE: "raw",
    Adjust.SPLITS: "split-adjusted",
    Adjust.ALL: "adjusted for splits and dividends",
}


@dataclass(frozen=True, slots=True)
class DownloadResult:
    """The rows of a finished job, adjusted as ``adjust`` says, and what is missing from them.

    ``table`` is a pyarrow table: for bars the columns of design 4.1, else those of the dataset.
    """

    request: DownloadRequest
    job: JobView
    table: Any
    gaps: tuple[Gap, ...]
    adjust: Adjust

    @property
    def records(self) -> int:
        """How many rows there are."""
        return int(self.table.num_rows)

    @property
    def complete(self) -> bool:
        """Whether nothing that was asked for is unexplained (design 6)."""
        return self.job.complete

    def some(self) -> DownloadResult:
        """Return this; raises ``NoData`` when the source knows the ticker and has no bars there."""
        if self.records or self.request.dataset is not Dataset.BARS:
            return self
        asked = self.request
        raise NoData(
            f"No {asked.spec} bars of {asked.tickers[0]} from {asked.start} to {asked.end}.",
            "The source knows the ticker; look at the gaps for the reason.",
            ticker=asked.tickers[0],
            job_id=self.job.job_id,
            gaps=[gap.as_json() for gap in self.gaps],
        )

    def frame(self) -> Any:
        """Return the rows as a pandas DataFrame."""
        return frame(self.table, tuple(self.table.column_names))

    def summary(self) -> str:
        """Return one sentence for people."""
        asked = self.request
        what = f"{asked.spec} bars" if asked.dataset is Dataset.BARS else asked.dataset.value
        how = f", {ADJUSTED[self.adjust]}" if asked.dataset is Dataset.BARS else ""
        span = f" {asked.start} to {asked.end}" if asked.dataset is Dataset.BARS else ""
        state = "complete" if self.complete else "incomplete"
        calls = f"{self.job.requests} call{'' if self.job.requests == 1 else 's'}"
        return f"{asked.tickers[0]} {what}{span}{how}: {self.records:,} rows, {calls}, {state}."

    def as_text(self) -> str:
        """Return the sentence, the first and last rows, and the gaps, for a terminal."""
        lines = [self.summary()]
        if self.records:
            lines.append(self.frame().to_string(max_rows=2 * PREVIEW_ROWS, index=False))
        lines += [f"gap {gap.start} to {gap.end}: {gap.state.words}. {gap.reason}" for gap in self.gaps]
        return "\n".join(lines)

    def as_json(self) -> dict[str, object]:
        """Return the shape of ``POST /download`` (design 4.3)."""
        return {
            "ticker": self.request.tickers[0],
            "source": self.request.source,
            "dataset": self.request.dataset.value,
            "records": self.records,
            "columns": list(self.table.column_names),
            "date_range": {"start": self.request.start.isoformat(), "end": self.request.end.isoformat()},
            "complete": self.complete,
            "gaps": [gap.as_json() for gap in self.gaps],
            "requests": self.job.requests,
            "preview": [_plain(row) for row in self.table.slice(0, PREVIEW_ROWS).to_pylist()],
            "job_id": self.job.job_id,
            "links": links(self.job.job_id, self.request, self.adjust),
            "message": self.summary(),
        }


def _plain(row: dict[str, object]) -> dict[str, object]:
    """Return a row whose dates and instants are text: ISO 8601, instants in UTC with a Z."""
    return {name: _text(value) if isinstance(value, date) else value for name, value in row.items()}


def _text(value: date) -> str:
    return value.isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class ExportFile:
    """A file that was written for somebody to take away; the reader deletes it when it was sent."""

    path: Path
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A source that can be asked: its name, what people call it, whether it takes a key, and one is known."""

    name: str
    label: str
    takes_key: bool
    has_key: bool


@dataclass(frozen=True, slots=True)
class Status:
    """What ``status`` shows: where, what is held, the latest jobs, each key's budget."""

    home: Path
    held: tuple[Held, ...]
    jobs: tuple[JobView, ...]
    budget: tuple[KeyUsage, ...]
    demo: bool

    def as_json(self) -> dict[str, object]:
        """Return the status as one JSON object."""
        return {
            "demo": self.demo,
            "held": [_held_json(one) for one in self.held],
            "jobs": [one.as_json() for one in self.jobs],
            "budget": [budget_json(one) for one in self.budget],
        }


def budget_json(used: KeyUsage) -> dict[str, object]:
    """Return a row of ``GET /budget`` (design 4.3), with the requests of today (UTC) by endpoint."""
    return {
        "source": used.source,
        "limit": int(used.limit) if used.limit.is_integer() else used.limit,
        "window_s": used.window_s,
        "used": used.used,
        "next_slot_s": round(used.next_slot_s, 1),
        "today": used.today,
        "endpoints": dict(used.endpoints),
    }


def _held_json(one: Held) -> dict[str, object]:
    return {
        "source": one.source,
        "dataset": one.dataset.value,
        "ticker": one.ticker,
        "timespan": one.spec.timespan.value,
        "multiplier": one.spec.multiplier,
        "first": one.first.isoformat(),
        "last": one.last.isoformat(),
        "sessions": one.sessions,
        "rows": one.rows,
    }
