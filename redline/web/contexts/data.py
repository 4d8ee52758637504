"""The Data page: what is held, and the address of each series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from redline.market.request import Adjust, BarsQuery, Dataset
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
    """The page at ``/data``."""

    frame: Frame
    held: tuple[HeldRow, ...]
    lead: str
    demo: bool


def data_page(engine: Engine) -> DataPage:
    """Return what is held, by ticker."""
    held = sorted(engine.held(), key=lambda one: (one.ticker, one.dataset.value, one.spec.label))
    rows = tuple(
        HeldRow(
            ticker=one.ticker,
            dataset=f"{one.spec} bars" if one.dataset is Dataset.BARS else one.dataset.value,
            href=f"/data?{urlencode(address(BarsQuery((one.ticker,), spec=one.spec)))}"
            if one.dataset is Dataset.BARS
            else "",
            dates=span(one.first, one.last) if one.first else "whole list",
            sessions=count(one.sessions) if one.dataset is Dataset.BARS else "",
            rows=count(one.rows),
            source=one.source,
        )
        for one in held
    )
    tickers = len({one.ticker for one in held})
    total = counted(sum(one.rows for one in held), "row")
    return DataPage(frame(engine, "data"), rows, f"{counted(tickers, 'ticker')}, {total}." if rows else "", engine.demo)


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
