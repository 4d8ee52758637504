"""The Download page: one form, its range chips, and the bill under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from redline.market.bar import Timespan
from redline.market.part import Plan, Route
from redline.market.request import Dataset, DownloadRequest, year_before
from redline.web.contexts.cards import JobCard, card
from redline.web.contexts.forms import Complaint, Field, at, options
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.words import count, counted, duration, size, span

if TYPE_CHECKING:
    from redline.engine import Engine

DATASETS = {Dataset.BARS.value: "Bars", Dataset.SPLITS.value: "Splits", Dataset.DIVIDENDS.value: "Dividends"}
ROUTES = {
    Route.PAGES: "Pages",
    Route.GROUPED: "Whole sessions",
    Route.MIXED: "Whole sessions and pages",
    Route.FLAT_FILES: "Files",
    Route.NONE: "Nothing to fetch",
}
CARDS = 3
NAMED = 3  # So many tickers are called by name.
REFUSED = "What your plan covers is held and settled. What it does not cover was refused within the last day."
#: What the form holds in the demo: three clicks lead to a chart, always.
DEMO_TICKER = "AAPL"


@dataclass(frozen=True, slots=True)
class Chip:
    """A ready-made range: a link that fills the form, which the script follows without leaving the page."""

    label: str
    start: str
    end: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill."""

    name: str
    figure: str
    note: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class RouteBill:
    """One way to fetch, with what it costs and the button that starts it."""

    name: str
    time: str
    calls: str
    size: str
    note: str
    button: str


@dataclass(frozen=True, slots=True)
class Bill:
    """What a request will cost. Without ``routes`` there is only a sentence, about what is still missing or wrong."""

    sentence: str = ""
    hint: str = ""
    bad: bool = False
    code: str = ""
    lines: tuple[Line, ...] = ()
    routes: tuple[RouteBill, ...] = ()


@dataclass(frozen=True, slots=True)
class DownloadPage:
    """The page at ``/``."""

    frame: Frame
    fields: tuple[Field, ...]
    multiplier: Field
    timespan: Field
    chips: tuple[Chip, ...]
    bill: Bill
    jobs: tuple[JobCard, ...]
    demo: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class BillPart:
    """The bill alone, as the script asks for it."""

    bill: Bill


NOTHING_ASKED = Bill("Name a ticker to see the bill.", "Nothing is fetched before you start it.")


def download_page(engine: Engine, values: Mapping[str, str], bill: Bill, complaint: Complaint | None) -> DownloadPage:
    """Return the page with ``values`` in its form, ``bill`` under it, and ``complaint`` at the field it is about."""
    start, end = engine.default_range()
    filled = {"source": "massive", "dataset": "bars", "timespan": "day", "multiplier": "1"}
    filled |= {"start_date": start.isoformat(), "end_date": end.isoformat()} | dict(values)
    labels = {one.name: one.label for one in engine.sources()}
    return DownloadPage(
        frame=frame(engine, "download"),
        fields=(
            Field(
                "ticker",
                "Ticker",
                filled.get("ticker", ""),
                hint=f"The demo has {', '.join(engine.demo_tickers)}" if engine.demo else "Case matters, as in BRK.B",
                required=True,
                error=at(complaint, "ticker"),
            ),
            Field(
                "dataset",
                "Dataset",
                kind="select",
                css="w4 h6",
                options=options(DATASETS, filled["dataset"]),
                error=at(complaint, "dataset"),
            ),
            Field(
                "source",
                "Source",
                kind="select",
                css="w4 h6",
                options=options(labels, filled["source"]),
                error=at(complaint, "source"),
            ),
            Field("start_date", "From", filled["start_date"], "date", "w4 h6", error=at(complaint, "start_date")),
            Field("end_date", "To, inclusive", filled["end_date"], "date", "w4 h6", error=at(complaint, "end_date")),
        ),
        multiplier=Field("multiplier", "How many", filled["multiplier"], "number", error=at(complaint, "multiplier")),
        timespan=Field(
            "timespan",
            "Timespan",
            kind="select",
            error=at(complaint, "timespan"),
            options=options({one.value: one.value for one in Timespan}, filled["timespan"]),
        ),
        chips=chips(
            engine,
            {
                name: filled[name]
                for name in ("ticker", "source", "dataset", "timespan", "multiplier")
                if filled.get(name)
            },
            filled,
        ),
        bill=bill,
        jobs=tuple(card(job) for job in engine.jobs(CARDS)),
        demo=engine.demo,
        problem=complaint.said if complaint is not None and not complaint.field and not bill.bad else "",
    )


def chips(engine: Engine, kept: Mapping[str, str], filled: Mapping[str, str]) -> tuple[Chip, ...]:
    """Return the ready-made ranges, as links that keep ``kept`` of the form's values."""
    end = engine.default_range()[1]
    years_ago = end
    for _ in range(5):
        years_ago = year_before(years_ago)
    month_ago = (end.replace(day=1) - timedelta(days=1)).replace(day=min(end.day, 28))
    ranges = (
        ("Last session", end),
        ("1 month", month_ago),
        ("This year", date(end.year, 1, 1)),
        ("1 year", year_before(end)),
        ("5 years", years_ago),
    )
    made = []
    for label, start in ranges:
        dates = {"start_date": start.isoformat(), "end_date": end.isoformat()}
        current = all(filled[name] == value for name, value in dates.items())
        made.append(Chip(label, start.isoformat(), end.isoformat(), f"/?{urlencode(dict(kept) | dates)}", current))
    return tuple(made)


def bill_of(request: DownloadRequest, plan: Plan) -> Bill:
    """Return the bill of a plan, with its alternatives."""
    what = _what(request)
    held = plan.held - plan.refused
    outside = "; ".join(span(gap.start, gap.end) for gap in plan.not_in_plan)
    parts = counted(len(plan.parts), "part")
    fetch = Line(
        "To fetch",
        count(plan.calls),
        f"{'call' if plan.calls == 1 else 'calls'} in {parts}" if plan.calls else "calls",
    )
    if request.universe and not request.tickers:
        fetch = Line("To fetch", count(plan.calls), "calls or so; the list comes first, and then the exact plan")
    routes = tuple(_route(one) for one in (plan, *plan.alternatives))
    if request.dataset is not Dataset.BARS:
        asked = Line("You ask for", "all", f"{request.dataset.value} of {what}, the whole list")
        return Bill(lines=(asked, *_no_tickers(request), fetch), routes=routes)
    lines = (
        Line("You ask for", count(plan.sessions), f"sessions of {what}, {span(request.start, request.end)}"),
        Line(
            "Held already",
            count(held),
            f"of {count(plan.sessions)}: stored or explained, not fetched again" if held else "nothing yet",
        ),
        Line(
            "Not in your plan",
            count(plan.refused),
            f"{outside}; noted as such, not left blank" if outside else "as far as is known",
            "not_entitled" if outside else "",
        ),
        *_no_tickers(request),
        fetch,
    )
    return Bill(lines=lines, routes=routes)


def _what(request: DownloadRequest) -> str:
    """Return whose rows are asked for: a few tickers by name, more by their number."""
    if request.universe and not request.tickers:
        return f"all active US stocks of {request.as_of}"
    few = len(request.tickers) <= NAMED
    return ", ".join(request.tickers) if few else counted(len(request.tickers), "ticker")


def _no_tickers(request: DownloadRequest) -> tuple[Line, ...]:
    """Return the line for entries that can be no ticker; the download goes on without them."""
    if not request.refused:
        return ()
    shown = ", ".join(entry for entry, _ in request.refused[:NAMED])
    more = f" and {len(request.refused) - NAMED:,} more" if len(request.refused) > NAMED else ""
    return (Line("Left out", count(len(request.refused)), f"no tickers: {shown}{more}"),)


def _route(plan: Plan) -> RouteBill:
    calls = counted(plan.calls, "call")
    if not plan.possible:
        name = ROUTES[plan.route]
        return RouteBill(name, duration(plan.minutes * 60), calls, f"{size(plan.size_bytes)} down", plan.why, "")
    if not plan.calls:
        said = REFUSED if plan.refused else "All of it is held and settled."
        return RouteBill("Nothing to fetch", "now", calls, size(0), said, "Show what is held, 0 calls")
    return RouteBill(
        name=ROUTES[plan.route],
        time=duration(plan.minutes * 60),
        calls=calls,
        size=f"{size(plan.size_bytes)} down",
        note="Every call waits for its slot in the key's budget; nothing that is held is asked again.",
        button=f"Start with {calls}",
    )


def bill_refused(complaint: Complaint) -> Bill:
    """Return a bill that says what is wrong with the request."""
    return Bill(complaint.sentence, complaint.hint, True, f"{complaint.code} · {complaint.status}")
