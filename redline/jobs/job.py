"""What a job is to those who look at it: its state, its parts, its events. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from urllib.parse import urlencode

from redline.errors import RedlineError
from redline.jobs.results import Summary, TickerResult
from redline.market.bar import DAILY
from redline.market.part import Part
from redline.market.request import Adjust, Dataset, DownloadRequest
from redline.market.session import Gap

MANY = 100  # Jobs of more tickers come without their long lists where many jobs, or many events, are shown.
HEAD = 10  # So many of their tickers are named there.


class JobState(Enum):
    """The state of a job as it is shown; what the ledger writes down is ``Stage``."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing happens any more unless somebody asks for it."""
        return self in (JobState.COMPLETE, JobState.INCOMPLETE, JobState.FAILED, JobState.CANCELLED)


class PartState(Enum):
    """The state of a part. ``running`` counts only while the owner of its lease lives."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class JobError:
    """What went wrong, as it is written down: the words of a ``RedlineError``; ``fields`` go into JSON beside them."""

    code: str
    sentence: str
    hint: str = ""
    status: int = 500
    fields: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, error: RedlineError) -> JobError:
        """Return what of ``error`` is kept; fields that are no plain values are not."""
        plain = {name: value for name, value in error.fields.items() if isinstance(value, str | int | float | None)}
        return cls(error.code, error.sentence, error.hint, error.status, plain)

    def as_json(self) -> dict[str, object]:
        """Return the error shape of design 4.3."""
        return {"error": self.sentence, "code": self.code, "hint": self.hint, **self.fields}


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why a job waits, and for how many seconds more."""

    reason: str
    seconds: float

    def as_json(self) -> dict[str, object]:
        """Return the ``waiting`` of design 4.3."""
        return {"reason": self.reason, "seconds": round(self.seconds, 1)}


@dataclass(frozen=True, slots=True)
class PartCount:
    """How many parts there are, and how they ended."""

    total: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What a worker has to know about a job. ``sealed_key`` is ciphertext that only the composition root can open."""

    job_id: str
    request: DownloadRequest
    sealed_key: str | None
    asked_from: datetime
    explicit: bool


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one part. ``token`` rises with each claim; a close with an old one is refused."""

    job_id: str
    n: int
    token: int
    attempts: int
    part: Part


@dataclass(frozen=True, slots=True)
class PartView:
    """One part of a job as it is shown. ``records`` are rows committed, ``lacking`` sessions left unexplained."""

    n: int
    part: Part
    state: PartState
    attempts: int
    records: int
    requests: int
    lacking: int
    error: JobError | None
    waiting: Waiting | None

    def as_json(self) -> dict[str, object]:
        """Return the part as a piece of its job."""
        return {
            "what": self.part.what,
            "state": "waiting" if self.waiting else self.state.value,
            "records": self.records,
            "attempts": self.attempts,
            "requests": self.requests,
            "error": self.error.sentence if self.error else "",
        }


@dataclass(frozen=True, slots=True)
class JobEvent:
    """Something that happened to a job; ``seq`` counts from 1 within it, ``job`` is the job as it is now."""

    seq: int
    at: datetime
    kind: str
    text: str
    job: dict[str, object]

    def as_json(self) -> dict[str, object]:
        """Return the event for a stream."""
        return {"seq": self.seq, "at": stamp(self.at), "kind": self.kind, "text": self.text, "job": self.job}


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it is shown. ``gaps`` and ``tickers`` are known once it has ended; ``pieces`` are its first parts.

    In lists and events a job of many tickers comes without them, its ``request`` names the first tickers only, and
    ``tickers_count`` tells how many there are; ``summary`` has the figures once it has ended.

    ``records``: rows committed so far; at the end, rows held for what was asked. ``sessions_done`` of
    ``sessions_total``: how far the parts are, held sessions included.
    """

    job_id: str
    state: JobState
    waiting: Waiting | None
    request: DownloadRequest
    created_at: datetime
    finished_at: datetime | None
    plan: dict[str, object]
    parts: PartCount
    records: int
    requests: int
    sessions_done: int
    sessions_total: int
    set_aside: int
    gaps: tuple[Gap, ...] = ()
    tickers: tuple[TickerResult, ...] = ()
    error: JobError | None = None
    pieces: tuple[PartView, ...] = ()
    tickers_count: int = 0
    summary: Summary | None = None

    @property
    def complete(self) -> bool:
        """Whether every session asked for is explained (design 6)."""
        return self.state is JobState.COMPLETE

    @property
    def ended(self) -> bool:
        """Whether the job is over and its last worker has let go."""
        return self.state.ended and self.finished_at is not None

    def as_json(self) -> dict[str, object]:
        """Return the job in the shape of design 4.3."""
        return {
            "job_id": self.job_id,
            "state": self.state.value,
            "waiting": self.waiting.as_json() if self.waiting else None,
            "source": self.request.source,
            "dataset": self.request.dataset.value,
            "created_at": stamp(self.created_at),
            "finished_at": stamp(self.finished_at) if self.finished_at else None,
            "request": request_shown(self.request),
            "plan": self.plan,
            "parts": {"total": self.parts.total, "done": self.parts.done, "failed": self.parts.failed},
            "sessions": {"total": self.sessions_total, "done": self.sessions_done},
            "records": self.records,
            "requests": self.requests,
            "set_aside": self.set_aside,
            "complete": self.complete,
            "gaps": [gap.as_json() for gap in self.gaps],
            "tickers_count": self.tickers_count,
            "summary": self.summary.as_json() if self.summary else None,
            "tickers": {one.ticker: one.as_json() for one in self.tickers},
            "error": self.error.as_json() if self.error else None,
            "pieces": [one.as_json() for one in self.pieces],
            "links": links(self.job_id, self.request),
        }


def stamp(instant: datetime) -> str:
    """Return an instant (aware, UTC) as ``2026-11-24T20:00:00Z``."""
    return instant.strftime("%Y-%m-%dT%H:%M:%SZ")


def request_shown(request: DownloadRequest) -> dict[str, object]:
    """Return a request in the words of ``POST /download``; several tickers stand under ``tickers``.

    What only bulk downloads and repairs have is left out where it says nothing.
    """
    shown: dict[str, object] = {
        "tickers": list(request.tickers),
        "source": request.source,
        "dataset": request.dataset.value,
        "start_date": request.start.isoformat(),
        "end_date": request.end.isoformat(),
        "timespan": request.spec.timespan.value,
        "multiplier": request.spec.multiplier,
        "adjusted": request.adjusted,
    }
    if request.universe:
        shown["universe"] = request.universe
    if request.as_of is not None:
        shown["as_of"] = request.as_of.isoformat()
    if request.repair:
        shown["repair"] = True
    if request.refused:
        shown["refused"] = [{"ticker": ticker, "reason": reason} for ticker, reason in request.refused]
    return shown


def links(job_id: str, request: DownloadRequest, adjust: Adjust | None = None) -> dict[str, str]:
    """Return name to path: the job, its events and controls, and its rows when it has one ticker of bars.

    The rows are adjusted as the request asked, or as ``adjust`` says.
    """
    own = f"/jobs/{job_id}"
    found = {"self": own, "events": f"{own}/events", "page": own}
    found |= {verb: f"{own}/{verb}" for verb in ("pause", "resume", "cancel", "retry")}
    if request.dataset is not Dataset.BARS or len(request.tickers) != 1:
        return found
    asked = {
        "ticker": request.tickers[0],
        "start": request.start.isoformat(),
        "end": request.end.isoformat(),
        "timespan": request.spec.timespan.value,
    }
    if request.spec.multiplier != DAILY.multiplier:
        asked["multiplier"] = str(request.spec.multiplier)
    asked["adjust"] = (adjust or (Adjust.SPLITS if request.adjusted else Adjust.NONE)).value
    query = urlencode(asked)
    rows = f"/data/bars?{query}"
    return found | {
        "page": f"/data?{query}",
        "bars": rows,
        "csv": f"{rows}&format=csv",
        "parquet": f"{rows}&format=parquet",
    }
