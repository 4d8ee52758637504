"""The Data page: what is held, and the address of each series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from redline.market.request import Adjust, BarsQuery, Dataset
from redline.web.contexts.coverage import Coverage, coverage_of
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.words import count, counted, span

if TYPE_CHECKING:
    from redline.engine import Engine


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A series that is held."""

    ticker: str
    dataset: str
    href: str
    dates: str
    sessions: str
    rows: str
    source: str


@dataclass(frozen=True, slots=True)
class DataPage:
    """The page at ``/data``: the coverage of some tickers, and the series of theirs that are held."""

    frame: Frame
    held: tuple[HeldRow, ...]
    lead: str
    demo: bool
    coverage: Coverage | None


def data_page(engine: Engine, args: Mapping[str, str]) -> DataPage:
    """Return what is held, by ticker; ``args``: series, quarter, find and page, as ``coverage_of`` takes them.

    Raises:
        BadField: one of them is wrong.
    """
    held = engine.held()
    if not held:
        return DataPage(frame(engine, "data"), (), "", engine.demo, None)
    made, shown = coverage_of(engine, held, args)
    wanted = frozenset(shown)
    mine = sorted(
        (one for one in held if one.ticker in wanted), key=lambda it: (it.ticker, it.dataset.value, it.spec.label)
    )
    tickers = len({one.ticker for one in held})
    total = counted(sum(one.rows for one in held), "row")
    lead = f"{counted(tickers, 'ticker')}, {total}."
    return DataPage(frame(engine, "data"), tuple(_row(one) for one in mine), lead, engine.demo, made)


def _row(one: Any) -> HeldRow:
    bars = one.dataset is Dataset.BARS
    return HeldRow(
        ticker=one.ticker,
        dataset=f"{one.spec} bars" if bars else one.dataset.value,
        href=f"/data?{urlencode(address(BarsQuery((one.ticker,), spec=one.spec)))}" if bars else "",
        dates=span(one.first, one.last) if one.first else "whole list",
        sessions=count(one.sessions) if bars else "",
        rows=count(one.rows),
        source=one.source,
    )


def address(query: BarsQuery) -> dict[str, str]:
    """Return a query as the arguments of an address; what is left to its default is left out."""
    asked = {"ticker": query.tickers[0], "timespan": query.spec.timespan.value}
    if query.spec.multiplier != 1:
        asked["multiplier"] = f"{query.spec.multiplier}"
    if query.start:
        asked["start"] = query.start.isoformat()
    if query.end:
        asked["end"] = query.end.isoformat()
    if query.adjust is not Adjust.SPLITS:
        asked["adjust"] = query.adjust.value
    if query.as_of:
        asked["as_of"] = query.as_of.isoformat()
    return asked
