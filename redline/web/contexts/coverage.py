"""Which part of what is held the Data page shows: a series of bars, a quarter, and at most 50 tickers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from redline.errors import BadField
from redline.market.bar import BarSpec
from redline.market.request import Dataset
from redline.market.session import Gap, SessionStatus, gaps
from redline.market.ticker import is_ticker
from redline.web.contexts.filling import FEW, LACKING, Fill, fews, repair_of
from redline.web.contexts.forms import Option, options
from redline.web.contexts.heat import KINDS, HeatMap, heat_map, kinds_of, weekdays
from redline.web.contexts.pieces import Link, explain_path
from redline.web.contexts.quarters import quarter_name, quarter_of, series_name
from redline.web.contexts.words import count, counted, shape, span

if TYPE_CHECKING:
    from redline.engine import Engine

TICKERS, GAPS = 50, 200


@dataclass(frozen=True, slots=True)
class View:
    """What is asked to be seen. ``find``: tickers by comma, or how they begin; ``page`` counts from 1."""

    spec: BarSpec
    source: str
    start: date
    end: date
    find: str
    page: int

    @property
    def series(self) -> str:
        """The name of the series in an address."""
        return series_name(self.spec, self.source)

    @property
    def quarter(self) -> str:
        """The name of the quarter in an address."""
        return quarter_name(self.start)

    def path(self, **change: str) -> str:
        """Return the address of this view with some arguments changed; empty ones are left out."""
        page = f"{self.page}" if self.page > 1 else ""
        asked = {"series": self.series, "quarter": self.quarter, "find": self.find, "page": page} | change
        return f"/data?{urlencode({name: value for name, value in asked.items() if value})}"


@dataclass(frozen=True, slots=True)
class Counts:
    """A ticker of the map in numbers, one for each kind of cell."""

    ticker: str
    href: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Hole:
    """Sessions in a row without rows, and where their story is told; ``more``: the form that fetches them."""

    ticker: str
    dates: str
    count: str
    state: str
    shape: str
    reason: str
    href: str
    more: str


@dataclass(frozen=True, slots=True)
class Pages:
    """Where the tickers shown lie among all, and the pages around them; an empty address for none."""

    said: str
    first: str
    earlier: str
    later: str
    last: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """The map with its form, the same in numbers, and its holes."""

    title: str
    map: HeatMap | None
    find: str
    series: tuple[Option, ...]
    quarters: tuple[Option, ...]
    before: Link | None
    after: Link | None
    pages: Pages
    kinds: tuple[str, ...]
    counts: tuple[Counts, ...]
    holes: tuple[Hole, ...]
    holes_said: str
    fill: Fill | None
    nothing: str


def found_tickers(held: Sequence[str], find: str) -> list[str]:
    """Return the tickers of ``held`` that ``find`` names or begins, all for none; each once, sorted."""
    wanted = tuple(one.strip().upper() for one in find.split(",") if one.strip())
    if not wanted:
        return sorted(set(held))
    exact = {one for one in held if one.upper() in wanted}
    unmet = tuple(one for one in wanted if one not in {it.upper() for it in exact})
    return sorted(exact | ({one for one in held if one.upper().startswith(unmet)} if unmet else set()))


def coverage_of(engine: Engine, held: Sequence[Any], args: Mapping[str, str]) -> tuple[Coverage, tuple[str, ...]]:
    """Return the coverage that ``args`` ask for, and the tickers that it shows.

    Raises:
        BadField: there is no such quarter, or no such series is held.
    """
    bars = [one for one in held if one.dataset is Dataset.BARS]
    known = {series_name(one.spec, one.source): (one.spec, one.source) for one in bars}
    view, mine = _view(engine, bars, known, args)
    tickers = found_tickers([one.ticker for one in held], view.find)
    asked = _asked(engine, view, {one.upper() for one in tickers})
    tickers = sorted([*tickers, *asked])
    page = tickers[TICKERS * (view.page - 1) : TICKERS * view.page]
    of_series = {one.ticker for one in mine} | asked
    drawn = [one for one in page if one in of_series]
    days = weekdays(view.start, view.end)
    found = {
        ticker: statuses
        for few in fews(drawn)
        for ticker, statuses in engine.coverage_many(few, view.spec, view.start, view.end, view.source).items()
    }
    holes = [gap for ticker, statuses in found.items() for gap in gaps(ticker, list(statuses))]
    made = Coverage(
        title=f"{counted(len(drawn), 'ticker')} × {counted(len(days), 'weekday')}, {span(view.start, view.end)}",
        map=heat_map(found, days, view.spec, view.source) if found else None,
        find=view.find,
        series=_series(known, view),
        quarters=_quarters(mine, view),
        before=_beside(view, view.start - timedelta(days=1)),
        after=_beside(view, quarter_of(view.quarter)[1] + timedelta(days=1), engine.today()),
        pages=_pages(view, len(tickers)),
        kinds=tuple(name for name, _ in KINDS.values()),
        counts=tuple(_counts(ticker, statuses, days, view) for ticker, statuses in found.items()),
        holes=tuple(_hole(one, found[one.ticker], view) for one in holes[:GAPS]),
        holes_said=_said(holes),
        fill=_fill(engine, found, view),
        nothing=_nothing(view, page),
    )
    return made, tuple(page)


def _view(
    engine: Engine, bars: Sequence[Any], known: Mapping[str, tuple[BarSpec, str]], args: Mapping[str, str]
) -> tuple[View, list[Any]]:
    daily = series_name(BarSpec(), "massive")
    name = args.get("series") or (daily if daily in known or not known else min(known))
    if name not in known and known:
        raise BadField("series", name, f"those held are {', '.join(sorted(known))}")
    spec, source = known.get(name, (BarSpec(), "massive"))
    mine = [one for one in bars if (one.spec, one.source) == (spec, source)]
    last = max((one.last for one in mine), default=engine.today())
    start, end = quarter_of(args.get("quarter") or quarter_name(last))
    if start > engine.today():
        raise BadField("quarter", quarter_name(start), "it has not begun yet")
    page = args.get("page", "")
    nth = max(int(page), 1) if page.isdecimal() and len(page) < 9 else 1
    return View(spec, source, start, _ended(engine, start, end, last), args.get("find", "").strip(), nth), mine


def _ended(engine: Engine, start: date, end: date, held: date) -> date:
    """Return the last day to show: no session that is still to come, or that nobody can have yet."""
    return max(start, min(end, max(engine.default_range()[1], held)))


def _asked(engine: Engine, view: View, met: AbstractSet[str]) -> set[str]:
    """Return the tickers that ``find`` names, that nothing is held of, and that somebody has asked for all the same."""
    named = [one.strip() for one in view.find.split(",") if is_ticker(one.strip()) and one.strip().upper() not in met]
    found = engine.coverage_of(tuple(named[:FEW]), view.spec, source=view.source) if named else {}
    return {ticker for ticker, statuses in found.items() if any(one.asked_at for one in statuses)}


def _series(known: Mapping[str, tuple[BarSpec, str]], view: View) -> tuple[Option, ...]:
    names = {name: f"{spec} bars, {source}" for name, (spec, source) in sorted(known.items())}
    return options(names, view.series)


def _quarters(mine: Sequence[Any], view: View) -> tuple[Option, ...]:
    day = quarter_of(quarter_name(min((one.first for one in mine), default=view.start)))[0]
    last, names = max((one.last for one in mine), default=view.end), {view.quarter}
    while day <= last:
        names.add(quarter_name(day))
        day = quarter_of(quarter_name(day))[1] + timedelta(days=1)
    return options({name: name.replace("-", " ") for name in sorted(names, reverse=True)}, view.quarter)


def _beside(view: View, day: date, most: date | None = None) -> Link | None:
    if (most is not None and day > most) or day.year < 1000:
        return None
    name = quarter_name(day)
    return Link(name.replace("-", " "), view.path(quarter=name))


def _pages(view: View, total: int) -> Pages:
    pages = max(1, -(-total // TICKERS))
    first, last = TICKERS * (view.page - 1) + 1, min(TICKERS * view.page, total)

    def link(to: int) -> str:
        return view.path(page=f"{to}") if 1 <= to <= pages and to != view.page else ""

    said = f"Tickers {count(first)} to {count(last)} of {count(total)}" if first <= last else "No tickers on this page"
    return Pages(said, link(1), link(view.page - 1), link(view.page + 1), link(pages))


def _counts(ticker: str, statuses: Sequence[SessionStatus], days: Sequence[date], view: View) -> Counts:
    tally = kinds_of(statuses, days)
    asked = {"ticker": ticker, "timespan": view.spec.timespan.value, "multiplier": f"{view.spec.multiplier}"}
    return Counts(ticker, f"/data?{urlencode(asked)}", tuple(count(tally[kind]) for kind in KINDS))


def _hole(gap: Gap, statuses: Sequence[SessionStatus], view: View) -> Hole:
    length = sum(1 for one in statuses if gap.start <= one.session <= gap.end)
    asked = {"ticker": gap.ticker, "start_date": f"{gap.start}", "end_date": f"{gap.end}", "source": view.source}
    asked |= {"timespan": view.spec.timespan.value, "multiplier": f"{view.spec.multiplier}"}
    return Hole(
        ticker=gap.ticker,
        dates=span(gap.start, gap.end),
        count=count(length),
        state=gap.state.words,
        shape=shape(gap.state.value),
        reason=gap.reason,
        href=explain_path(gap.ticker, gap.start, view.spec, view.source),
        more=f"/?{urlencode(asked)}" if gap.state.value == "never_asked" else "",
    )


def _said(holes: Sequence[Gap]) -> str:
    if len(holes) <= GAPS:
        return f"{counted(len(holes), 'gap')} in view" if holes else ""
    return f"the first {GAPS} of {count(len(holes))} in view; the others are cells of the map"


def _fill(engine: Engine, found: Mapping[str, Sequence[SessionStatus]], view: View) -> Fill | None:
    lacking = [ticker for ticker, statuses in found.items() if any(one.state in LACKING for one in statuses)]
    return repair_of(engine, lacking, view.spec, view.source) if lacking else None


def _nothing(view: View, page: Sequence[str]) -> str:
    if not page:
        return (
            f"No ticker that is held is called or begins with “{view.find}”." if view.find else "Nothing on this page."
        )
    return f"None of these tickers has {view.spec} bars: choose another series above, or other tickers."
