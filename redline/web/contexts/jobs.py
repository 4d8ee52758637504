"""The list of jobs, and the page of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redline.market.request import Adjust, Dataset, DownloadRequest
from redline.web.contexts.cards import JobCard, card
from redline.web.contexts.chart import ADJUST_WORDS, ChartBox, chart_of
from redline.web.contexts.frame import ACTIVE, Frame, frame
from redline.web.contexts.pieces import Fact, GapRow, gap_rows
from redline.web.contexts.words import count, counted, duration, moment, span, words

if TYPE_CHECKING:
    from redline.engine import Engine

FILTERS = ("queued", "paused", "complete", "incomplete", "failed", "cancelled")
LOG_LINES = 200
DEMO_ROWS = "Demo data: this job ran before a key was known. Its rows stay in the demo's own store, apart from yours."
LIVE_ROWS = "This job ran with a key. Its rows are in your own store, which shows again once a key is known."


@dataclass(frozen=True, slots=True)
class JobPage:
    """The page of one job; ``chart`` is there once rows are. ``elsewhere``: why the other pages do not show them."""

    frame: Frame
    card: JobCard
    lead: str
    figures: tuple[Fact, ...]
    plan: tuple[Fact, ...]
    gaps: tuple[GapRow, ...]
    log: tuple[str, ...]
    chart: ChartBox | None
    adjusted: str
    elsewhere: str


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
    its = engine.holdings_of(job["job_id"])
    apart = str(job["job_id"]) if its.demo != engine.demo else ""
    shown, dates = card(view, apart), (request.start, request.end)
    return JobPage(
        frame=frame(engine, "jobs"),
        card=shown,
        lead=_lead(job, shown),
        figures=_figures(job, shown),
        plan=_plan(job, request),
        gaps=gap_rows(job.get("gaps") or ()),
        log=tuple(
            f"{moment(event.at)[11:19]} {event.text}" for event in engine.job_events(job["job_id"], 0, 0.0)[-LOG_LINES:]
        ),
        chart=chart_of(its, request.tickers[0], request.spec, *dates, _adjust(request), job_id=apart)
        if shown.has_rows
        else None,
        adjusted=ADJUST_WORDS[_adjust(request)],
        elsewhere=(DEMO_ROWS if its.demo else LIVE_ROWS) if apart else "",
    )


def _adjust(request: DownloadRequest) -> Adjust:
    return Adjust.SPLITS if request.adjusted else Adjust.NONE


def _lead(job: Mapping[str, Any], shown: JobCard) -> str:
    gaps = counted(shown.gaps, "gap")
    return {
        "complete": f"Every session is stored or explained: {gaps}."
        if shown.by_session
        else "The whole list is stored.",
        "incomplete": f"Not all that was asked for is there: {gaps}, with reasons below. A retry asks for those alone.",
        "failed": "Nothing was stored by this job; what was held before is as it was.",
        "cancelled": "Stopped by you. What was stored until then stays stored.",
    }.get(str(job["state"]), "")


def _figures(job: Mapping[str, Any], shown: JobCard) -> tuple[Fact, ...]:
    plan = job.get("plan") or {}
    gaps = job.get("gaps") or ()
    return (
        Fact("Sessions asked", count(int(plan.get("sessions") or 0)), f"{count(_held(job))} known before")
        if shown.by_session
        else Fact("Asked for", "all", "the ticker's whole list"),
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
        Fact("Range", span(request.start, request.end) if request.dataset is Dataset.BARS else "the whole list"),
        Fact("Route", {"none": "nothing to fetch", "pages": "pages, ticker by ticker"}.get(route, words(route))),
        Fact("Bill", f"{counted(calls, 'call')}, {duration(float(plan.get('minutes') or 0) * 60)}"),
        Fact("Asked", moment(job["created_at"])),
        Fact("Ended", moment(job.get("finished_at"))) if job.get("finished_at") else Fact("Source", str(job["source"])),
    )


def _held(job: Mapping[str, Any]) -> int:
    return int((job.get("plan") or {}).get("held") or 0)
