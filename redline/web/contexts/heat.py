"""The coverage map as a drawing: one row a ticker, one cell a weekday, six kinds of cells that differ in form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from redline.market.bar import BarSpec
from redline.market.session import SessionState, SessionStatus
from redline.web.contexts.pieces import explain_path
from redline.web.contexts.words import count, counted

#: Kind of a cell to its name and the states that it stands for.
KINDS: Mapping[str, tuple[str, tuple[SessionState, ...]]] = {
    "stored": ("stored", (SessionState.STORED,)),
    "closed": ("not expected", (SessionState.MARKET_CLOSED, SessionState.NOT_LISTED)),
    "none": ("nothing there", (SessionState.NO_TRADES, SessionState.VENDOR_HAS_NONE)),
    "plan": ("not in plan", (SessionState.NOT_ENTITLED,)),
    "yet": ("not yet", (SessionState.LATE, SessionState.NEVER_ASKED)),
    "failed": ("failed", (SessionState.FAILED,)),
}
KIND_OF = {state: kind for kind, (_, states) in KINDS.items() for state in states}
SAID = {
    "stored": "rows on disk",
    "failed": "tried, no answer we trust",
}
#: Kinds that are no holes: there is nothing to explain.
NO_HOLE = ("stored", "closed")

STEP, HEAD, FIRST_X = 24, 40, 2
LETTER, MOST_LETTERS = 8, 14


@dataclass(frozen=True, slots=True)
class Cell:
    """A session of a ticker at ``x``; ``href`` leads to its explanation, empty where there is nothing to explain."""

    kind: str
    x: int
    label: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class HeatRow:
    """The cells of a ticker at ``y``; ``name`` is cut where it is too long for the drawing."""

    ticker: str
    name: str
    y: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Mark:
    """A text above the cells."""

    x: int
    text: str


@dataclass(frozen=True, slots=True)
class Key:
    """A line of the legend: a kind, what it stands for, and how many cells of it are in view."""

    kind: str
    name: str
    said: str
    count: str


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The drawing, its size, and its legend."""

    rows: tuple[HeatRow, ...]
    months: tuple[Mark, ...]
    days: tuple[Mark, ...]
    width: int
    height: int
    names_width: int
    legend: tuple[Key, ...]


def weekdays(start: date, end: date) -> tuple[date, ...]:
    """Return the days from Monday to Friday, both ends inclusive: what the map has columns for."""
    days = (start + timedelta(days=n) for n in range((end - start).days + 1))
    return tuple(day for day in days if day.weekday() < 5)


def kinds_of(statuses: Sequence[SessionStatus], days: Sequence[date]) -> Counter[str]:
    """Return how many of the ``days`` are of each kind; a day without a session is one of a closed market."""
    tally = Counter(KIND_OF[one.state] for one in statuses)
    tally["closed"] += len(days) - sum(tally.values())
    return tally


def heat_map(found: Mapping[str, Sequence[SessionStatus]], days: Sequence[date], spec: BarSpec, source: str) -> HeatMap:
    """Return the map of the tickers of ``found``, in their order, over ``days``."""
    places = {day: FIRST_X + STEP * n for n, day in enumerate(days)}
    tally: Counter[str] = Counter()
    rows = []
    for n, (ticker, statuses) in enumerate(found.items()):
        tally += kinds_of(statuses, days)
        rows.append(HeatRow(ticker, short(ticker), HEAD + STEP * n, _cells(ticker, statuses, places, spec, source)))
    longest = max((len(one.name) for one in rows), default=0)
    return HeatMap(
        rows=tuple(rows),
        months=_months(days, places),
        days=_mondays(days, places),
        width=FIRST_X + STEP * len(days) + 2,
        height=HEAD + STEP * len(rows) + 4,
        names_width=max(56, 24 + LETTER * longest),
        legend=tuple(
            Key(kind, name, SAID.get(kind) or ", ".join(one.words for one in states), count(tally[kind]))
            for kind, (name, states) in KINDS.items()
        ),
    )


def short(ticker: str) -> str:
    """Return a ticker as it fits beside the map."""
    return ticker if len(ticker) <= MOST_LETTERS else f"{ticker[: MOST_LETTERS - 1]}…"


def _cells(
    ticker: str, statuses: Sequence[SessionStatus], places: Mapping[date, int], spec: BarSpec, source: str
) -> tuple[Cell, ...]:
    known = {one.session: one for one in statuses}
    return tuple(_cell(ticker, day, known.get(day), x, spec, source) for day, x in places.items())


def _cell(ticker: str, day: date, status: SessionStatus | None, x: int, spec: BarSpec, source: str) -> Cell:
    state = status.state if status is not None else SessionState.MARKET_CLOSED
    kind = KIND_OF[state]
    rows = f", {counted(status.rows, 'row')}" if status is not None and status.rows > 1 else ""
    href = "" if kind in NO_HOLE else explain_path(ticker, day, spec, source)
    return Cell(kind, x, f"{ticker} {day}: {state.words}{rows}", href)


def _months(days: Sequence[date], places: Mapping[date, int]) -> tuple[Mark, ...]:
    firsts = [day for n, day in enumerate(days) if n == 0 or days[n - 1].month != day.month]
    return tuple(Mark(places[day], f"{day:%Y-%m}") for day in firsts)


def _mondays(days: Sequence[date], places: Mapping[date, int]) -> tuple[Mark, ...]:
    return tuple(
        Mark(places[day] + 3, f"{day:%d}") for n, day in enumerate(days) if n == 0 or day.isocalendar().weekday == 1
    )
