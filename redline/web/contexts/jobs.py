"""The list of jobs, and the page of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from redline.market.request import Adjust, Dataset, DownloadRequest
from redline.market.ticker import is_ticker
from redline.web.contexts.cards import JobCard, card
from redline.web.contexts.chart import ADJUST_WORDS, ChartBox, chart_of
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.pace import paces
from redline.web.contexts.pieces import Fact, GapRow, gap_rows
from redline.web.contexts.words import count, counted, duration, moment, span, words

if TYPE_CHECKING:
    from redline.engine import Engine

#: Names of filters to the states that each shows.
FILTERS = {
    "running": ("running",),
    "waiting": ("queued", "waiting"),
    "paused": ("paused",),
    "done": ("complete",),
    "incomplete": ("incomplete",),
    "failed": ("failed",),
    "cancelled": ("cancelled",),
}
SHOWN = 50  # So many jobs the list has.
STREAMED = 20  # So many jobs one event stream follows.
LISTED = 200  # So many gaps, and tickers that are not complete, stand on the page of a job.
NAMED = 10  # So many of its tickers a job names.
LOG_LINES = 200
DEMO_ROWS = "Demo data: this job ran before a key was known. Its rows stay in the demo's own store, apart from yours."
LIVE_ROWS = "This job ran with a key. Its rows are in your own store, which shows again once a key is known."


@dataclass(frozen=True, slots=True)
class TickerRow:
    """A ticker of a job that is not complete, and why."""

    ticker: str
    href: str
    state: str
    rows: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobPage:
    """The page of one job; ``chart`` is there once rows are. ``elsewhere``: why the other pages do not show them."""

    frame: Frame
    card: JobCard
    lead: str
    figures: tuple[Fact, ...]
    plan: tuple[Fact, ...]
    gaps: tuple[GapRow, ...]
    gaps_said: str
    tickers: tuple[TickerRow, ...]
    tickers_said: str
    reasons: tuple[Fact, ...]
    log: tuple[str, ...]
    chart: ChartBox | None
    adjusted: str
    elsewhere: str


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of the list with its number of jobs."""

    name: str
    label: str
    href: str
    count: str
    current: bool


@dataclass(frozen=True, slots=True)
class JobsPage:
    """The list of jobs: those still to do as ``cards``, the others as ``ended``.

    ``events`` is the one stream that tells of all that are at work, empty when none is; ``part`` the address of this
    list, for the script that draws it anew.
    """

    frame: Frame
    cards: tuple[JobCard, ...]
    ended: tuple[JobCard, ...]
    filters: tuple[Filter, ...]
    lead: str
    any: bool
    events: str
    part: str


def jobs_page(engine: Engine, found: Sequence[Any], chosen: str = "") -> JobsPage:
    """Return the list of the jobs ``found``; ``chosen`` is the name of a filter, all for any other word."""
    budget = engine.budget()
    pace = paces(budget, [(job.request.source, job.state.value) for job in found])
    cards = tuple(card(job, pace=pace.get(job.request.source)) for job in found)
    groups = {name: [one for one in cards if one.state in states] for name, states in FILTERS.items()}
    chosen = chosen if chosen in groups else ""
    filters = [Filter("all", "All", "/jobs", f"{len(cards)}", not chosen)]
    filters += [
        Filter(name, name.capitalize(), f"/jobs?state={name}", f"{len(of)}", name == chosen)
        for name, of in groups.items()
    ]
    shown = tuple(groups[chosen]) if chosen else cards
    to_do = [one for one in cards if not one.final]
    return JobsPage(
        frame=frame(engine, "jobs", found, budget),
        cards=tuple(one for one in shown if not one.final),
        ended=tuple(one for one in shown if one.final),
        filters=tuple(filters),
        lead=_said(cards, to_do),
        any=bool(cards),
        events=f"/events?jobs={','.join(one.id for one in to_do[:STREAMED])}" if to_do else "",
        part=f"/jobs?state={chosen}" if chosen else "/jobs",
    )


def _said(cards: Sequence[JobCard], to_do: Sequence[JobCard]) -> str:
    if not cards:
        return "Jobs survive a restart; a part is stored whole or not at all."
    tally = Counter(one.state for one in to_do)
    states = ", ".join(f"{number} {state}" for state, number in tally.items())
    newest = f" of the newest {count(len(cards))}" if len(cards) >= SHOWN else f" of {count(len(cards))}"
    said = f"{count(len(to_do))}{newest} still to do" + (f": {states}" if states else "")
    return f"{said}. Jobs survive a restart; a part is stored whole or not at all."


def job_page(engine: Engine, view: Any) -> JobPage:
    """Return the page of a job."""
    job, request = view.as_json(), view.request
    its = engine.holdings_of(job["job_id"])
    apart = str(job["job_id"]) if its.demo != engine.demo else ""
    budget, latest = engine.budget(), engine.jobs()
    pace = paces(budget, [(one.request.source, one.state.value) for one in latest])
    shown, dates = card(view, apart, pace.get(str(job["source"]))), (request.start, request.end)
    gaps = job.get("gaps") or ()
    lacking, tickers_said = _lacking(job)
    return JobPage(
        frame=frame(engine, "jobs", latest, budget),
        card=shown,
        lead=_lead(job, shown),
        figures=_figures(job, shown),
        plan=_plan(job, request),
        gaps=gap_rows(gaps[:LISTED], request.spec, request.source),
        gaps_said=_first(len(gaps), "gap") or "sessions without rows, and why",
        tickers=tuple(_ticker(name, one, request) for name, one in lacking[:LISTED]) if shown.many else (),
        tickers_said=tickers_said,
        reasons=_reasons(job) if shown.many else (),
        log=tuple(
            f"{moment(event.at)[11:19]} {event.text}" for event in engine.job_events(job["job_id"], 0, 0.0)[-LOG_LINES:]
        ),
        chart=chart_of(its, request.tickers[0], request.spec, *dates, _adjust(request), job_id=apart)
        if shown.has_rows and not shown.many
        else None,
        adjusted=ADJUST_WORDS[_adjust(request)],
        elsewhere=(DEMO_ROWS if its.demo else LIVE_ROWS) if apart else "",
    )


def _adjust(request: DownloadRequest) -> Adjust:
    return Adjust.SPLITS if request.adjusted else Adjust.NONE


def _first(number: int, one: str) -> str:
    return f"the first {LISTED} of {counted(number, one)}" if number > LISTED else ""


def _lacking(job: Mapping[str, Any]) -> tuple[list[tuple[str, Mapping[str, Any]]], str]:
    """Return the tickers that are not complete, the worst first, and what is said of all."""
    found = [(name, one) for name, one in (job.get("tickers") or {}).items() if not one["complete"]]
    found.sort(key=lambda it: (str(it[1].get("state")) != "failed", it[0]))
    total = int(job.get("tickers_count") or 0)
    said = f"{count(len(found))} of {counted(total, 'ticker')} not complete"
    return found, said + (f"; the first {LISTED} are listed" if len(found) > LISTED else "")


def _ticker(name: str, one: Mapping[str, Any], request: DownloadRequest) -> TickerRow:
    asked = {"ticker": name, "timespan": request.spec.timespan.value}
    asked |= {"multiplier": f"{request.spec.multiplier}"} if request.spec.multiplier != 1 else {}
    href = f"/data?{urlencode(asked)}" if request.dataset is Dataset.BARS and is_ticker(name) else ""
    return TickerRow(
        name, href, str(one.get("state") or ""), count(int(one["records"] or 0)), str(one.get("reason") or "")
    )


def _reasons(job: Mapping[str, Any]) -> tuple[Fact, ...]:
    """Return the figures of the tickers, and the most frequent reasons why some are not complete."""
    summary = job.get("summary") or {}
    if not summary:
        return ()
    states = [Fact(name.capitalize(), count(int(summary[name]))) for name in ("complete", "incomplete", "failed")]
    return (*states, *(Fact(counted(number, "ticker"), reason) for reason, number in summary["reasons"].items()))


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
        Fact("Gaps", count(shown.gaps), "explained below" if gaps else "none"),
        Fact("Set aside", count(int(job.get("set_aside") or 0)), "rows that cannot be used"),
    )


def _plan(job: Mapping[str, Any], request: DownloadRequest) -> tuple[Fact, ...]:
    plan = job.get("plan") or {}
    route, calls = str(plan.get("route", "none")), int(plan.get("calls") or 0)
    what = f"{request.dataset.value}, {request.spec}" if request.dataset is Dataset.BARS else request.dataset.value
    return (
        Fact("Tickers", _named(job, request)),
        Fact("Dataset", f"{what}, stored raw"),
        Fact("Range", span(request.start, request.end) if request.dataset is Dataset.BARS else "the whole list"),
        Fact(
            "Route",
            {"none": "nothing to fetch", "pages": "pages, ticker by ticker", "grouped": "whole sessions"}.get(
                route, words(route)
            ),
        ),
        Fact("Bill", f"{counted(calls, 'call')}, {duration(float(plan.get('minutes') or 0) * 60)}"),
        Fact("Asked", moment(job["created_at"])),
        Fact("Ended", moment(job.get("finished_at"))) if job.get("finished_at") else Fact("Source", str(job["source"])),
    )


def _named(job: Mapping[str, Any], request: DownloadRequest) -> str:
    """Return the tickers of a job by name, of many the first."""
    names, total = request.tickers[:NAMED], int(job.get("tickers_count") or 0) or len(request.tickers)
    of = f"all of {words(request.universe)}: " if request.universe else ""
    more = f" and {count(total - len(names))} more" if total > len(names) else ""
    return f"{of}{', '.join(names) or 'looked up by the first part'}{more if names else ''}"


def _held(job: Mapping[str, Any]) -> int:
    return int((job.get("plan") or {}).get("held") or 0)
