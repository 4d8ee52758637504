"""Jobs as cards, as rows of a list and as a page of their own. All from the job's JSON (design 4.3) and its request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from redline.market.request import Dataset, DownloadRequest
from redline.web.contexts.chart import ChartBox, chart_of
from redline.web.contexts.frame import ACTIVE, Frame, frame
from redline.web.contexts.words import count, counted, duration, moment, shape, span, words

if TYPE_CHECKING:
    from redline.engine import Engine

FINAL = frozenset({"complete", "incomplete", "failed", "cancelled"})
FILTERS = ("queued", "paused", "complete", "incomplete", "failed", "cancelled")
EXPORTS = (("CSV", "csv"), ("Parquet", "parquet"), ("Feather", "feather"), ("Excel", "xlsx"), ("DuckDB", "duckdb"))
LOG_LINES = 200


@dataclass(frozen=True, slots=True)
class Action:
    """A button of a job: the words, and the last part of the address that it posts to."""

    verb: str
    label: str
    main: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a job in the piece bar and in the table."""

    what: str
    state: str
    css: str
    shape: str
    records: str
    attempts: str
    error: str


@dataclass(frozen=True, slots=True)
class Link:
    """A name and where it leads."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class GapRow:
    """A gap: what was asked, what came back, what to do."""

    ticker: str
    dates: str
    state: str
    shape: str
    reason: str
    asked: str
    answer: str


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job in a few lines."""

    id: str
    title: str
    href: str
    state: str
    detail: str
    done: int
    total: int
    figure: str
    records: str
    requests: str
    gaps: int
    why: str
    wait_s: int
    pieces: tuple[Piece, ...]
    pieces_said: str
    actions: tuple[Action, ...]
    exports: tuple[Link, ...]
    data: str
    final: bool
    note: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class JobPage:
    """The page of one job; ``chart`` is there once rows are."""

    frame: Frame
    card: JobCard
    lead: str
    figures: tuple[Fact, ...]
    plan: tuple[Fact, ...]
    gaps: tuple[GapRow, ...]
    log: tuple[str, ...]
    chart: ChartBox | None


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of the list with its number of jobs."""

    label: str
    href: str
    count: str
    current: bool


@dataclass(frozen=True, slots=True)
class JobsPage:
    """The list of jobs."""

    frame: Frame
    jobs: tuple[JobCard, ...]
    filters: tuple[Filter, ...]
    lead: str
    any: bool


def jobs_page(engine: Engine, found: Sequence[Any], chosen: str = "") -> JobsPage:
    """Return the list of the jobs ``found``; ``chosen`` is a state to show alone, or ``active``."""
    cards = tuple(card(job) for job in found)
    groups = {"active": [one for one in cards if one.state in ACTIVE]}
    groups |= {state: [one for one in cards if one.state == state] for state in FILTERS}
    chosen = chosen if chosen in groups else ""
    filters = [Filter("All", "/jobs", f"{len(cards)}", not chosen)]
    filters += [
        Filter(name.capitalize(), f"/jobs?state={name}", f"{len(of)}", name == chosen) for name, of in groups.items()
    ]
    todo = len(groups["active"]) + len(groups["paused"])
    lead = f"{todo} of {len(cards)} still to do. " if cards else ""
    return JobsPage(
        frame=frame(engine, "jobs"),
        jobs=tuple(groups[chosen]) if chosen else cards,
        filters=tuple(filters),
        lead=f"{lead}Jobs survive a restart; a part is stored whole or not at all.",
        any=bool(cards),
    )


def job_page(engine: Engine, view: Any) -> JobPage:
    """Return the page of a job."""
    job, request = view.as_json(), view.request
    shown = card(view)
    bars = request.dataset is Dataset.BARS and shown.final and int(job["records"]) > 0
    return JobPage(
        frame=frame(engine, "jobs"),
        card=shown,
        lead=_lead(job, shown),
        figures=_figures(job),
        plan=_plan(job, request),
        gaps=gap_rows(job.get("gaps") or ()),
        log=tuple(
            f"{moment(event.at)[11:19]} {event.text}" for event in engine.job_events(job["job_id"], 0, 0.0)[-LOG_LINES:]
        ),
        chart=chart_of(engine, request.tickers[0], request.spec, request.start, request.end) if bars else None,
    )


def card(view: Any) -> JobCard:
    """Return a job as a card."""
    job: Mapping[str, Any] = view.as_json()
    request: DownloadRequest = view.request
    state = str(job["state"])
    done, total, failed = (int(job["parts"][name]) for name in ("done", "total", "failed"))
    made = _pieces(job, done, total, failed)
    return JobCard(
        id=str(job["job_id"]),
        title=_title(request),
        href=f"/jobs/{job['job_id']}",
        state=state,
        detail=f"{span(request.start, request.end)} · {job['source']} · since {moment(job['created_at'])}",
        done=done,
        total=max(total, 1),
        figure=f"{done} of {counted(total, 'part')}" if total else "nothing to fetch",
        records=count(int(job["records"] or 0)),
        requests=counted(int(job["requests"] or 0), "call"),
        gaps=len(job.get("gaps") or ()),
        why=_why(job),
        wait_s=_wait_s(job),
        pieces=made,
        pieces_said=_said(made),
        actions=_actions(state),
        exports=exports(request) if request.dataset is Dataset.BARS else (),
        data=_data_link(request),
        final=state in FINAL,
        note=_error(job),
    )


def _title(request: DownloadRequest) -> str:
    what = f"{request.spec} bars" if request.dataset is Dataset.BARS else request.dataset.value
    tickers = request.tickers[0] if len(request.tickers) == 1 else f"{len(request.tickers)} tickers,"
    return f"{tickers} {what}"


def _query(request: DownloadRequest) -> dict[str, str]:
    spec = request.spec
    asked = {"ticker": request.tickers[0], "timespan": spec.timespan.value}
    asked |= {"multiplier": f"{spec.multiplier}"} if spec.multiplier != 1 else {}
    return asked | {"start": request.start.isoformat(), "end": request.end.isoformat()}


def _data_link(request: DownloadRequest) -> str:
    return f"/data?{urlencode(_query(request))}" if request.dataset is Dataset.BARS else "/data"


def exports(request: DownloadRequest) -> tuple[Link, ...]:
    """Return the links that hand the rows of a request out as files, split-adjusted as the chart shows them."""
    adjust = {"adjust": "splits" if request.adjusted else "none"}
    return tuple(
        Link(name, f"/data/bars?{urlencode(_query(request) | adjust | {'format': fmt})}") for name, fmt in EXPORTS
    )


def _why(job: Mapping[str, Any]) -> str:
    if job["state"] == "paused":
        return "Paused by you. What is stored stays stored."
    if job["state"] == "queued":
        return "Waiting for its turn: small jobs go first."
    waiting = job.get("waiting")
    if not waiting:
        return ""
    reason = str(waiting["reason"]).rstrip(".")
    return f"Waiting: {reason}." if not reason.lower().startswith("waiting") else f"{reason}."


def _wait_s(job: Mapping[str, Any]) -> int:
    waiting = job.get("waiting")
    return round(float(waiting.get("seconds") or 0)) if waiting else 0


def _actions(state: str) -> tuple[Action, ...]:
    if state in ACTIVE:
        return (Action("pause", "Pause"), Action("cancel", "Cancel"))
    if state == "paused":
        return (Action("resume", "Resume", True), Action("cancel", "Cancel"))
    if state in ("failed", "incomplete", "cancelled"):
        return (Action("retry", "Retry what is missing", True),)
    return ()


def _pieces(job: Mapping[str, Any], done: int, total: int, failed: int) -> tuple[Piece, ...]:
    rows: Sequence[Mapping[str, Any]] = job.get("pieces") or ()
    if not rows:
        states = ["done"] * done + ["failed"] * failed
        states += ["queued"] * (total - len(states))
        rows = [{"what": f"part {at + 1}", "state": state} for at, state in enumerate(states)]
    css = {"done": "checked", "complete": "checked", "running": "running", "waiting": "running", "failed": "failed"}
    named = {"done": "stored", "complete": "stored"}
    return tuple(
        Piece(
            what=str(row["what"]),
            state=named.get(str(row["state"]), str(row["state"])),
            css=css.get(str(row["state"]), "queued"),
            shape=shape(named.get(str(row["state"]), str(row["state"]))),
            records=count(int(row.get("records") or 0)),
            attempts=count(int(row.get("attempts") or 0)),
            error=str(row.get("error") or ""),
        )
        for row in rows
    )


def _said(pieces: Sequence[Piece]) -> str:
    tally: dict[str, int] = {}
    for one in pieces:
        tally[one.state] = tally.get(one.state, 0) + 1
    return (
        f"{counted(len(pieces), 'part')}: " + ", ".join(f"{number} {state}" for state, number in tally.items())
        if pieces
        else ""
    )


def _error(job: Mapping[str, Any]) -> str:
    error = job.get("error")
    if isinstance(error, Mapping):
        return " ".join(str(error.get(name) or "") for name in ("error", "hint")).strip()
    return str(error or "")


def _held(job: Mapping[str, Any]) -> int:
    return int((job.get("plan") or {}).get("held") or 0)


def _lead(job: Mapping[str, Any], shown: JobCard) -> str:
    gaps = counted(shown.gaps, "gap")
    return {
        "complete": f"Every session is stored or explained: {gaps}.",
        "incomplete": f"Some sessions are neither stored nor explained: {gaps}. A retry asks for those alone.",
        "failed": "Nothing was stored by this job; what was held before is as it was.",
        "cancelled": "Stopped by you. What was stored until then stays stored.",
    }.get(str(job["state"]), "")


def _figures(job: Mapping[str, Any]) -> tuple[Fact, ...]:
    plan = job.get("plan") or {}
    gaps = job.get("gaps") or ()
    return (
        Fact("Sessions asked", count(int(plan.get("sessions") or 0)), f"{count(_held(job))} held before"),
        Fact("Rows", count(int(job["records"] or 0)), "raw on disk, adjusted when read"),
        Fact("Calls", count(int(job["requests"] or 0)), f"{count(int(plan.get('calls') or 0))} planned"),
        Fact("Gaps", count(len(gaps)), "explained below" if gaps else "none"),
        Fact("Set aside", count(int(job.get("set_aside") or 0)), "rows that cannot be used"),
    )


def _plan(job: Mapping[str, Any], request: DownloadRequest) -> tuple[Fact, ...]:
    plan = job.get("plan") or {}
    route, calls = str(plan.get("route", "none")), int(plan.get("calls") or 0)
    what = f"{request.dataset.value}, {request.spec}" if request.dataset is Dataset.BARS else request.dataset.value
    return (
        Fact("Tickers", ", ".join(request.tickers)),
        Fact("Dataset", f"{what}, stored raw"),
        Fact("Range", span(request.start, request.end)),
        Fact("Route", {"none": "nothing to fetch", "pages": "pages, ticker by ticker"}.get(route, words(route))),
        Fact("Bill", f"{counted(calls, 'call')}, {duration(float(plan.get('minutes') or 0) * 60)}"),
        Fact("Asked", moment(job["created_at"])),
        Fact("Ended", moment(job.get("finished_at"))) if job.get("finished_at") else Fact("Source", str(job["source"])),
    )


def gap_rows(gaps: Sequence[Mapping[str, Any]]) -> tuple[GapRow, ...]:
    """Return gaps (design 4.3) as rows."""
    return tuple(
        GapRow(
            ticker=str(gap["ticker"]),
            dates=span(gap["start"], gap["end"]),
            state=words(str(gap["state"])),
            shape=shape(str(gap["state"])),
            reason=str(gap["reason"]),
            asked=moment(gap.get("asked_at")),
            answer=str(gap.get("answer") or ""),
        )
        for gap in gaps
    )
