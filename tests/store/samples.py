"""Bars, pages and parts for the tests of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.calendar import TradingCalendar, midnight
from redline.market.part import Page, Part
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE, SPLITS_WIRE

CALENDAR = TradingCalendar(date(2024, 6, 3))
NOW = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)
MINUTE = BarSpec(Timespan.MINUTE)
WEEK = BarSpec(Timespan.WEEK)


def bars(ticker: str, closes: Mapping[date, float], source: str = "massive") -> pa.Table:
    """Return daily bars, one for each date."""
    rows = [
        {
            "ticker": ticker,
            "timestamp": midnight(day),
            "date": day,
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": 1_000.5,
            "vwap": None if day.day == 13 else close,
            "transactions": 10,
            "source": source,
        }
        for day, close in sorted(closes.items())
    ]
    return pa.Table.from_pylist(rows, schema=BARS_WIRE)


def minutes(ticker: str, days: Sequence[date], count: int = 3) -> pa.Table:
    """Return ``count`` minute bars for each session, from 14:30 UTC on."""
    rows = [
        {
            **bars(ticker, {day: 10.0 + at}).to_pylist()[0],
            "timestamp": datetime(day.year, day.month, day.day, 14, 30, tzinfo=UTC) + timedelta(minutes=at),
        }
        for day in days
        for at in range(count)
    ]
    return pa.Table.from_pylist(rows, schema=BARS_WIRE)


def part(ticker: str, first: date, last: date, spec: BarSpec = DAILY, source: str = "massive") -> Part:
    """Return a part of bars."""
    return Part(source, Dataset.BARS, ticker, first, last, spec)


def page(table: pa.Table, first: date, last: date) -> Page:
    """Return a page without bad rows."""
    return Page(table, first, last, answer="200 OK")


def splits(ticker: str, *events: tuple[date, float, float]) -> Page:
    """Return a ticker's whole list of splits: day, from, to."""
    rows = [
        {
            "id": f"E{at}",
            "ticker": ticker,
            "execution_date": day,
            "split_from": before,
            "split_to": after,
            "source": "massive",
        }
        for at, (day, before, after) in enumerate(sorted(events))
    ]
    return Page(pa.Table.from_pylist(rows, schema=SPLITS_WIRE), date(1970, 1, 1), date(2024, 6, 3))


def splits_part(ticker: str, dataset: Dataset = Dataset.SPLITS) -> Part:
    """Return the part that asks for a ticker's splits (or dividends)."""
    return Part("massive", dataset, ticker, date(1970, 1, 1), date(2024, 6, 3))
