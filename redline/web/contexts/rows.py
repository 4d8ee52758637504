"""Rows of a series as a table with pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from redline.market.bar import BarSpec
from redline.market.request import BarsQuery
from redline.web.contexts.data import address
from redline.web.contexts.words import cell, count, price

if TYPE_CHECKING:
    pass

ROWS = 50


@dataclass(frozen=True, slots=True)
class BarRow:
    """A bar as a row: ``when`` is a date, or date and time in UTC; ``marks`` are that day's splits and dividends."""

    when: str
    open: str
    high: str
    low: str
    close: str
    volume: str
    source: str
    marks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pager:
    """Where the rows shown lie among all, and the pages around them; an empty address for none."""

    said: str
    first: str
    earlier: str
    later: str
    last: str


def rows_of(table: Any, page: int, spec: BarSpec, actions: Sequence[tuple[str, str]]) -> tuple[BarRow, ...]:
    stop = max(table.num_rows - ROWS * (page - 1), 0)
    start = max(stop - ROWS, 0)
    return tuple(
        BarRow(
            when=cell(row["timestamp"] if spec.timespan.intraday else row["date"]),
            open=price(row["open"]),
            high=price(row["high"]),
            low=price(row["low"]),
            close=price(row["close"]),
            volume="" if row["volume"] is None else count(row["volume"]),
            source=row["source"],
            marks=()
            if spec.timespan.intraday
            else tuple(said for day, said in actions if day == row["date"].isoformat()),
        )
        for row in table.slice(start, stop - start).to_pylist()
    )


def pager(query: BarsQuery, total: int, page: int) -> Pager:
    pages = max(1, -(-total // ROWS))
    stop = max(total - ROWS * (page - 1), 0)

    def link(to: int) -> str:
        return f"/data?{urlencode(address(query) | {'page': f'{to}'})}#rows" if 1 <= to <= pages and to != page else ""

    said = (
        f"Rows {count(max(stop - ROWS, 0) + 1)} to {count(stop)} of {count(total)}" if stop else "No rows on this page"
    )
    return Pager(said, link(pages), link(page + 1), link(page - 1), link(1))
