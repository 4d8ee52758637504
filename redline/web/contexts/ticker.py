"""The page of one series: chart, rows, gaps, files, and the same query elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from flask import request

from redline.errors import NoData
from redline.market.bar import BarSpec, Timespan
from redline.market.request import Adjust, BarsQuery, Dataset, year_before
from redline.market.session import gaps
from redline.web.contexts.cards import EXPORTS
from redline.web.contexts.chart import (
    ADJUST_WORDS,
    ChartBox,
    chart_of,
    dividends_of,
    missing_sessions,
    splits_of,
    within,
)
from redline.web.contexts.data import address
from redline.web.contexts.elsewhere import Snippet, snippets
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.pieces import Fact, GapRow, Link, gap_rows
from redline.web.contexts.rows import BarRow, Pager, pager, rows_of
from redline.web.contexts.words import cell, count, counted, price, span

if TYPE_CHECKING:
    from redline.engine import Engine

#: The chart draws at most so many bars: more is slow to draw and too fine to see.
MOST_BARS = 20_000
#: What is shown of an intraday series when no dates are named, in days.
SHOWN_DAYS = {Timespan.SECOND: 1, Timespan.MINUTE: 7, Timespan.HOUR: 60}
ADJUST_LABELS = ((Adjust.NONE, "Raw"), (Adjust.SPLITS, "Splits"), (Adjust.ALL, "Splits and dividends"))


@dataclass(frozen=True, slots=True)
class Choice:
    """A link of a switch."""

    label: str
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is nothing to show, and what to do."""

    sentence: str
    hint: str
    href: str
    button: str


@dataclass(frozen=True, slots=True)
class TickerPage:
    """The page at ``/data?ticker=…``."""

    frame: Frame
    ticker: str
    spec: str
    dates: str
    adjusted: str
    more: str
    ranges: tuple[Choice, ...]
    adjusts: tuple[Choice, ...]
    figures: tuple[Fact, ...] = ()
    rows: tuple[BarRow, ...] = ()
    pager: Pager | None = None
    gaps: tuple[GapRow, ...] = ()
    actions: tuple[tuple[str, str], ...] = ()
    exports: tuple[Link, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    chart: ChartBox | None = None
    chart_said: str = ""
    problem: Problem | None = None


def ticker_page(engine: Engine, args: Mapping[str, str]) -> TickerPage:
    """Return the page of one series; ``args`` are those of ``GET /data/bars`` and ``page``, 1 for the newest rows."""
    page = int(args["page"]) if args.get("page", "").isdecimal() and len(args["page"]) < 9 else 1
    query = BarsQuery.parse({name: value for name, value in args.items() if name != "page" and value})
    first, last = _held_range(engine, query)
    if first is None or last is None:
        return _nothing(
            engine, query, NoData(f"No {query.spec} bars of {query.tickers[0]} are held.", "Download them first.")
        )
    query = replace(query, start=query.start or max(first, _default_start(query.spec, last)), end=query.end or last)
    try:
        table = engine.bars(query)
    except NoData as error:
        return _nothing(engine, query, error)
    if not table.num_rows:
        return _nothing(engine, query, NoData("No rows are held in this range.", "Choose another, or download it."))
    return _filled(engine, query, table, page, (first, last))


def _filled(engine: Engine, query: BarsQuery, table: Any, page: int, held: tuple[date, date]) -> TickerPage:
    ticker, spec = query.tickers[0], query.spec
    start, end = query.start or held[0], query.end or held[1]
    statuses = engine.coverage_read(ticker, spec, start, end)
    actions = _actions(engine, ticker, start, end)
    drawn_from, said = start, ""
    if table.num_rows > MOST_BARS:
        drawn_from = table["date"][table.num_rows - MOST_BARS].as_py()
        said = f"The chart shows the last {count(MOST_BARS)} of {count(table.num_rows)} bars, from {drawn_from}."
    shown = frame(engine, "data")
    return TickerPage(
        frame=shown,
        ticker=ticker,
        spec=f"{spec}",
        dates=span(start, end),
        adjusted=ADJUST_WORDS[query.adjust],
        more=_more(query),
        ranges=_ranges(query, held),
        adjusts=_adjusts(query),
        figures=_figures(table, len(statuses), len(missing_sessions(statuses)), query),
        rows=rows_of(table, page, spec, actions),
        pager=pager(query, table.num_rows, page),
        gaps=gap_rows([gap.as_json() for gap in gaps(ticker, statuses)], spec, table["source"][-1].as_py()),
        actions=actions,
        exports=tuple(
            Link(label, f"/data/bars?{urlencode(address(query) | {'format': fmt})}") for label, fmt in EXPORTS
        ),
        snippets=snippets(query, request.host_url.rstrip("/"), password=shown.sign_out, demo=engine.demo),
        chart=chart_of(engine, ticker, spec, drawn_from, end, query.adjust),
        chart_said=said,
    )


def _actions(engine: Engine, ticker: str, start: date, end: date) -> tuple[tuple[str, str], ...]:
    """Return dates and words of the splits and dividends that are held and fall into the range."""
    splits = [(day, f"split {ratio}") for day, ratio in splits_of(engine, ticker)]
    dividends = [(day, f"dividend {amount}") for day, amount in dividends_of(engine, ticker)]
    return tuple(within(sorted(splits + dividends), start, end))


def _nothing(engine: Engine, query: BarsQuery, error: NoData) -> TickerPage:
    dataset = "dividends" if query.adjust is Adjust.ALL else "bars"
    problem = Problem(error.sentence, error.hint, _more(query, dataset), f"Download {dataset} of {query.tickers[0]}")
    return TickerPage(
        frame=frame(engine, "data"),
        ticker=query.tickers[0],
        spec=f"{query.spec}",
        dates=span(query.start or "", query.end or "").strip(" to"),
        adjusted=ADJUST_WORDS[query.adjust],
        more=_more(query),
        ranges=(),
        adjusts=_adjusts(query),
        problem=problem,
    )


def _held_range(engine: Engine, query: BarsQuery) -> tuple[date | None, date | None]:
    mine = [
        one
        for one in engine.held()
        if one.dataset is Dataset.BARS and one.ticker == query.tickers[0] and one.spec == query.spec
    ]
    return min((one.first for one in mine), default=None), max((one.last for one in mine), default=None)


def _default_start(spec: BarSpec, last: date) -> date:
    days = SHOWN_DAYS.get(spec.timespan)
    return date.min if days is None else last - timedelta(days=days * spec.multiplier)


def _more(query: BarsQuery, dataset: str = "bars") -> str:
    asked = {"ticker": query.tickers[0], "dataset": dataset, "timespan": query.spec.timespan.value}
    asked |= {"multiplier": f"{query.spec.multiplier}"}
    if query.start and query.end:
        asked |= {"start_date": query.start.isoformat(), "end_date": query.end.isoformat()}
    return f"/?{urlencode(asked)}"


def _ranges(query: BarsQuery, held: tuple[date, date]) -> tuple[Choice, ...]:
    first, last = held
    ranges = {
        "1 m": last - timedelta(days=30),
        "6 m": last - timedelta(days=182),
        "1 y": year_before(last),
        "All held": first,
    }
    if query.spec.timespan.intraday:
        ranges = {"1 d": last, "1 w": last - timedelta(days=6)} | ranges
    return tuple(
        Choice(
            label,
            f"/data?{urlencode(address(replace(query, start=start, end=last)))}",
            (query.start, query.end) == (start, last),
        )
        for label, start in ranges.items()
        if start > first or label == "All held"
    )


def _adjusts(query: BarsQuery) -> tuple[Choice, ...]:
    return tuple(
        Choice(label, f"/data?{urlencode(address(replace(query, adjust=adjust)))}", query.adjust is adjust)
        for adjust, label in ADJUST_LABELS
    )


def _figures(table: Any, sessions: int, missing: int, query: BarsQuery) -> tuple[Fact, ...]:
    import pyarrow.compute as pc

    top, bottom = pc.max(table["high"]).as_py(), pc.min(table["low"]).as_py()
    close = table["close"][table.num_rows - 1].as_py()
    how = ADJUST_WORDS[query.adjust]
    return (
        Fact("Rows", count(table.num_rows), f"over {counted(sessions, 'session')}"),
        Fact("Sessions without rows", count(missing), "explained below" if missing else "no gaps"),
        Fact("High", price(top), how),
        Fact("Low", price(bottom), how),
        Fact("Last close", price(close), cell(table["date"][table.num_rows - 1].as_py())),
    )
