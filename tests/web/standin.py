"""An engine in memory with the methods that the web calls, so that gate, routes and pages can be tested alone.

``StandInEngine()`` holds AAPL (daily bars of June 2024) and runs every job at once; ``hold()`` keeps new jobs running
until ``finish(job_id)``; the tickers NOSUCH, LIMITED and KEYLESS fail as their names say. ``calls`` counts every call
of a method that changes or downloads something.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any

import pyarrow as pa

from redline.clock import SystemClock
from redline.errors import (
    BadField,
    Conflict,
    MissingKey,
    NoData,
    NotFound,
    RateLimited,
    RedlineError,
    TooManyTries,
    UnknownTicker,
)
from redline.market.bar import BarSpec
from redline.market.part import Part, Plan, Route
from redline.market.request import Adjust, BarsQuery, Dataset, DownloadRequest, Format
from redline.market.schema import BAR_COLUMNS, BARS_WIRE, DIVIDENDS_WIRE, SPLITS_WIRE
from redline.market.session import Gap, SessionState, SessionStatus

TODAY = date(2024, 6, 28)
SESSIONS = tuple(
    day
    for day in (date(2024, 6, 3) + timedelta(days=n) for n in range(25))
    if day.weekday() < 5 and day != date(2024, 6, 19)
)
PASSWORD = "correct horse battery staple"


class State(Enum):
    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    PAUSED = "paused"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (State.COMPLETE, State.INCOMPLETE, State.FAILED, State.CANCELLED)


@dataclass(frozen=True, slots=True)
class StandInSettings:
    host: str = "127.0.0.1"
    port: int = 8080
    server_names: tuple[str, ...] = ()
    home: Path = Path("data")
    config_dir: Path = Path("config")
    state_dir: Path = Path("state")

    @property
    def is_loopback(self) -> bool:
        return self.host == "127.0.0.1"

    def origin(self, name: str) -> str:
        return "default"


@dataclass(frozen=True, slots=True)
class StandInJob:
    job_id: str
    state: State
    request: DownloadRequest
    plan: Plan
    records: int = 0
    requests: int = 0
    waiting: tuple[str, float] | None = None
    gaps: tuple[Gap, ...] = ()
    created_at: datetime = datetime(2024, 6, 28, 15, 0, tzinfo=UTC)
    error: RedlineError | None = None

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    def as_json(self) -> dict[str, Any]:
        ticker = self.request.tickers[0]
        done = len(self.plan.parts) if self.state is State.COMPLETE else 0
        query = f"ticker={ticker}&start={self.request.start}&end={self.request.end}"
        return {
            "job_id": self.job_id,
            "state": self.state.value,
            "waiting": {"reason": self.waiting[0], "seconds": self.waiting[1]} if self.waiting else None,
            "source": self.request.source,
            "dataset": self.request.dataset.value,
            "created_at": self.created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "plan": self.plan.as_json(),
            "parts": {"total": len(self.plan.parts), "done": done, "failed": 0},
            "sessions": {"total": self.plan.sessions, "done": self.plan.sessions if done else 0},
            "records": self.records,
            "requests": self.requests,
            "complete": self.state is State.COMPLETE,
            "gaps": [gap.as_json() for gap in self.gaps],
            "tickers": {ticker: {"records": self.records, "complete": self.state is State.COMPLETE}},
            "links": {
                "self": f"/jobs/{self.job_id}",
                "events": f"/jobs/{self.job_id}/events",
                "bars": f"/data/bars?{query}",
                "csv": f"/data/bars?{query}&format=csv",
                "parquet": f"/data/bars?{query}&format=parquet",
                "page": f"/data?{query}",
            },
        }


@dataclass(frozen=True, slots=True)
class StandInEvent:
    seq: int
    at: str
    kind: str
    text: str
    job: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"seq": self.seq, "at": self.at, "kind": self.kind, "text": self.text, "job": self.job}


@dataclass(frozen=True, slots=True)
class StandInResult:
    job: StandInJob
    request: DownloadRequest
    table: pa.Table

    def as_json(self) -> dict[str, Any]:
        shown = self.job.as_json()
        rows = self.table.slice(0, 5).to_pylist()
        preview = [
            {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
            for row in rows
        ]
        return {
            "ticker": self.request.tickers[0],
            "source": self.request.source,
            "dataset": self.request.dataset.value,
            "records": self.table.num_rows,
            "columns": list(self.table.column_names),
            "date_range": {"start": self.request.start.isoformat(), "end": self.request.end.isoformat()},
            "complete": shown["complete"],
            "gaps": shown["gaps"],
            "requests": self.job.requests,
            "preview": preview,
            "job_id": self.job.job_id,
            "links": shown["links"],
            "message": f"{self.table.num_rows} bars stored.",
        }


@dataclass(frozen=True, slots=True)
class StandInHeld:
    source: str
    dataset: Dataset
    ticker: str
    spec: BarSpec
    first: date
    last: date
    sessions: int
    rows: int
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class StandInExport:
    path: Path
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class StandInSource:
    name: str = "massive"
    label: str = "Massive.com"
    takes_key: bool = True
    has_key: bool = True


@dataclass(frozen=True, slots=True)
class StandInKey:
    source: str
    name: str
    last_four: str
    origin: str = "settings"
    rate_limit_per_minute: int | None = 5
    timeout: float = 30.0
    saved_at: str | None = "2024-06-28T15:00:00Z"
    tested: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "name": self.name,
            "last_four": self.last_four,
            "from": self.origin,
            "rate_limit_per_minute": self.rate_limit_per_minute,
            "timeout": self.timeout,
            "saved_at": self.saved_at,
            "tested": dict(self.tested) if self.tested else None,
        }


class StandInAccess:
    """The password, the tokens and the secret of the session cookie."""

    def __init__(self, password: str | None) -> None:
        self.password = password
        self.sessions_epoch = "1"
        self.wrong = 0
        self.made: dict[str, str] = {}

    @property
    def has_password(self) -> bool:
        return self.password is not None

    def session_secret(self) -> bytes:
        return b"a stand-in secret of thirty-two b"

    def check_password(self, password: str) -> bool:
        if self.wrong >= 10:
            raise TooManyTries(60)
        self.wrong += password != self.password
        return password == self.password

    @property
    def is_fixed(self) -> bool:
        return False

    def refuse_change(self) -> None:
        """Nothing is fixed here."""

    def end_sessions(self) -> None:
        self.sessions_epoch += "1"

    def set_password(self, password: str) -> None:
        self.password = password
        self.sessions_epoch += "1"

    def make_token(self, name: str) -> str:
        if not name or name in self.made:
            raise BadField("name", name, "it must be a new name")
        self.made[name] = f"rl_{name}_token_text"
        return self.made[name]

    def check_token(self, token: str) -> str | None:
        return next((name for name, text in self.made.items() if text == token), None)

    def revoke_token(self, name: str) -> None:
        if self.made.pop(name, None) is None:
            raise NotFound(f"There is no token {name!r}.", "The list is in Settings.")

    def tokens(self) -> list[dict[str, str]]:
        return [{"name": name, "made_at": "2024-06-28T15:00:00Z"} for name in self.made]


@dataclass
class StandInEngine:
    """The methods of ``redline.engine.Engine`` that the web calls, over dictionaries."""

    folder: Path
    password: str | None = None
    settings: StandInSettings = field(default_factory=StandInSettings)
    demo: bool = False
    demo_tickers: tuple[str, ...] = ()
    budget_breaks: Exception | None = None

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.access = StandInAccess(self.password)
        self.calls: Counter[str] = Counter()
        self._jobs: dict[str, StandInJob] = {}
        self._events: dict[str, list[StandInEvent]] = {}
        self._keys: dict[str, tuple[str, StandInKey]] = {}
        self._changed = threading.Condition()
        self._held_back = False
        self.keys_given: list[str] = []

    # -- what tests do to it ------------------------------------------------------------------------------------------

    def hold(self) -> None:
        """Keep the jobs submitted from now on running."""
        self._held_back = True

    def finish(self, job_id: str, state: State = State.COMPLETE, error: RedlineError | None = None) -> None:
        """End a job."""
        rows = len(SESSIONS) if state is State.COMPLETE else 0
        self._change(job_id, state, records=rows, requests=2, error=error)

    def put_waiting(self, job_id: str, reason: str, seconds: float) -> None:
        """Let a job wait, and say why."""
        self._change(job_id, State.WAITING, waiting=(reason, seconds))

    # -- what the web calls -------------------------------------------------------------------------------------------

    def today(self) -> date:
        return TODAY

    def default_range(self) -> tuple[date, date]:
        return date(2023, 6, 27), date(2024, 6, 27)

    def sources(self) -> list[StandInSource]:
        return [StandInSource()]

    def parse_download(self, body: Mapping[str, object]) -> DownloadRequest:
        return DownloadRequest.parse(body, today=TODAY, last_session=date(2024, 6, 27))

    def plan(self, request: DownloadRequest, api_key: str | None = None) -> Plan:
        part = Part(request.source, request.dataset, request.tickers[0], request.start, request.end, request.spec)
        return Plan(Route.PAGES, 2, 40_000, 0.0, (part,), sessions=19, held=0)

    def knows_secret(self, text: str) -> bool:
        return False

    def masked(self, text: str) -> str:
        return text

    def submit(
        self, request: DownloadRequest, api_key: str | None = None, *, idempotency_key: str | None = None
    ) -> StandInJob:
        self.calls["submit"] += 1
        self.keys_given += [api_key] if api_key else []
        if request.tickers == ("KEYLESS",):
            raise MissingKey("massive", "Massive.com")
        job_id = f"j{len(self._jobs) + 1:04d}"
        job = StandInJob(job_id, State.RUNNING, request, self.plan(request))
        with self._changed:
            self._jobs[job_id], self._events[job_id] = job, []
        self._change(job_id, State.RUNNING)
        if request.tickers == ("NOSUCH",):
            self.finish(job_id, State.FAILED, UnknownTicker("massive", "NOSUCH"))
        elif request.tickers == ("LIMITED",):
            self.finish(job_id, State.FAILED, RateLimited("massive", "bars LIMITED", 11.2, asked_by_server=True))
        elif not self._held_back:
            self.finish(job_id)
        return self._jobs[job_id]

    def wait(self, job_id: str, timeout_s: float) -> StandInJob:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs[job_id].ended, timeout_s)
            return self._jobs[job_id]

    def job(self, job_id: str) -> StandInJob:
        if job_id not in self._jobs:
            raise NotFound(f"There is no job {job_id[:40]!r}.", "The list of jobs is at /jobs.")
        return self._jobs[job_id]

    def jobs(self, limit: int = 50) -> list[StandInJob]:
        return list(reversed(self._jobs.values()))[:limit]

    def job_events(self, job_id: str, after: int, timeout_s: float) -> list[StandInEvent]:
        with self._changed:
            self._changed.wait_for(lambda: len(self._events[job_id]) > after, timeout_s)
            return self._events[job_id][after:]

    def pause(self, job_id: str) -> StandInJob:
        return self._act("pause", job_id, State.PAUSED)

    def resume(self, job_id: str) -> StandInJob:
        return self._act("resume", job_id, State.RUNNING)

    def cancel(self, job_id: str) -> StandInJob:
        return self._act("cancel", job_id, State.CANCELLED)

    def retry(self, job_id: str) -> StandInJob:
        return self._act("retry", job_id, State.RUNNING)

    def result(self, job_id: str) -> StandInResult:
        job = self.job(job_id)
        if job.error is not None:
            raise job.error
        return StandInResult(job, job.request, table_of(job.request.tickers[0]))

    def bars(self, query: BarsQuery) -> pa.Table:
        ticker = query.tickers[0]
        if ticker != "AAPL":
            raise NoData(f"Nothing is held of {ticker}.", "Download it first.", ticker=ticker)
        if query.adjust is Adjust.ALL:
            raise NoData("The dividends of AAPL are not held.", "Download dataset=dividends first.", ticker=ticker)
        return table_of(ticker)

    def export(self, query: BarsQuery, fmt: Format) -> StandInExport:
        self.calls["export"] += 1
        path = self.folder / f"export-{self.calls['export']}.{fmt.value}"
        path.write_bytes(b"ticker\n" + query.tickers[0].encode())
        media = {"csv": "text/csv; charset=utf-8"}.get(fmt.value, "application/octet-stream")
        return StandInExport(path, f"{query.tickers[0]}_1day.{fmt.value}", media)

    def coverage(self, ticker: str, spec: BarSpec, start: date, end: date) -> list[SessionStatus]:
        return [SessionStatus(day, SessionState.STORED, 1, "massive") for day in SESSIONS if start <= day <= end]

    def coverage_read(self, ticker: str, spec: BarSpec, start: date, end: date) -> list[SessionStatus]:
        return self.coverage(ticker, spec, start, end)

    def coverage_many(
        self, tickers: Sequence[str], spec: BarSpec, start: date, end: date, source: str = "massive"
    ) -> dict[str, list[SessionStatus]]:
        return {ticker: self.coverage(ticker, spec, start, end) for ticker in tickers}

    def gaps(self, ticker: str, spec: BarSpec, start: date, end: date) -> list[Gap]:
        return []

    def holdings_of(self, job_id: str) -> StandInEngine:
        self.job(job_id)
        return self

    def dividends(self, ticker: str) -> pa.Table:
        return DIVIDENDS_WIRE.empty_table()

    def splits(self, ticker: str) -> pa.Table:
        return SPLITS_WIRE.empty_table()

    def held(self) -> list[StandInHeld]:
        first, last, count = SESSIONS[0], SESSIONS[-1], len(SESSIONS)
        return [StandInHeld("massive", Dataset.BARS, "AAPL", BarSpec(), first, last, count, count, 4_096)]

    def budget(self) -> list[dict[str, Any]]:
        if self.budget_breaks is not None:
            raise self.budget_breaks
        return [{"source": "massive", "limit": 5, "window_s": 60, "used": 2, "next_slot_s": 0.0, "today": 12}]

    def keys(self) -> list[StandInKey]:
        return [shown for _, shown in self._keys.values()]

    def save_key(self, body: Mapping[str, object], *, form: bool = False) -> StandInKey:
        self.calls["save_key"] += 1
        source, key = str(body.get("source", "")), str(body.get("api_key", ""))
        if source != "massive":
            raise BadField("source", source, "it must be massive")
        if not key:
            raise BadField("api_key", "••••", "it must be the key")
        self._keys[source] = (key, StandInKey(source, str(body.get("name", source)), key[-4:]))
        return self._keys[source][1]

    def delete_key(self, source: str) -> None:
        self.calls["delete_key"] += 1
        if self._keys.pop(source, None) is None:
            raise NotFound(f"There is no saved key for {source[:40]!r}.", "The list is at /settings/api-keys.")

    def test_key(self, source: str) -> dict[str, Any]:
        self.calls["test_key"] += 1
        if source not in self._keys:
            raise MissingKey(source, "Massive.com")
        found = {
            "accepted": True,
            "plan": "developer",
            "entitlements": {"trades": True, "quotes": False},
            "rate_limit_per_minute": 5,
        }
        key, shown = self._keys[source]
        self._keys[source] = (key, replace(shown, tested=found))
        return found

    def health(self) -> dict[str, Any]:
        return {"status": "ok"}

    def close(self) -> None:
        """Nothing to close."""

    # -- inside -------------------------------------------------------------------------------------------------------

    def _act(self, what: str, job_id: str, state: State) -> StandInJob:
        self.calls[what] += 1
        if self.job(job_id).state in (State.COMPLETE, State.CANCELLED):
            raise Conflict(f"Job {job_id} has ended; it cannot {what}.", "Start a new download.")
        self._change(job_id, state)
        return self._jobs[job_id]

    def _change(self, job_id: str, state: State, **more: Any) -> None:
        with self._changed:
            job = self._jobs[job_id] = replace(self._jobs[job_id], state=state, **{"waiting": None, **more})
            events = self._events[job_id]
            events.append(StandInEvent(len(events) + 1, "2024-06-28T15:00:00Z", "state", state.value, job.as_json()))
            self._changed.notify_all()


def table_of(ticker: str) -> pa.Table:
    """Return one bar a session of June 2024, opening at 100, 101, …"""
    count = len(SESSIONS)
    opens = [100.0 + n for n in range(count)]
    columns: dict[str, list[Any]] = {
        "ticker": [ticker] * count,
        "timestamp": [datetime(day.year, day.month, day.day, 4, tzinfo=UTC) for day in SESSIONS],
        "date": list(SESSIONS),
        "open": opens,
        "high": [value + 2 for value in opens],
        "low": [value - 1 for value in opens],
        "close": [value + 1 for value in opens],
        "volume": [1e6 + n for n in range(count)],
        "vwap": [value + 0.5 for value in opens[:-1]] + [float("nan")],
        "transactions": [1_000 + n for n in range(count)],
        "source": ["massive"] * count,
    }
    return pa.table(columns, schema=BARS_WIRE).select(list(BAR_COLUMNS))
