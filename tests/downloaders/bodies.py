"""Answers of the vendor, built from what its documents say, for tests of our reading of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from redline.market.bar import DAILY, BarSpec
from redline.market.part import Part
from redline.market.request import Dataset

NEW_YORK = ZoneInfo("America/New_York")
REQUEST_ID = "6a7e466379af0a71039d60cc78e72282"
#: Three sessions in a row.
DAYS = (date(2024, 5, 28), date(2024, 5, 29), date(2024, 5, 30))


def part(
    start: date = DAYS[0],
    end: date = DAYS[-1],
    *,
    ticker: str = "ACME",
    spec: BarSpec = DAILY,
    dataset: Dataset = Dataset.BARS,
) -> Part:
    return Part("massive", dataset, ticker, start, end, spec)


def ms(day: date, hour: int = 0, minute: int = 0) -> int:
    """Milliseconds of a New York time."""
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).timestamp() * 1000)


def bar(t: int, price: float = 10.0, **changed: object) -> dict[str, object]:
    """One bar in the vendor's order of keys; a value of ``...`` leaves its key out."""
    row: dict[str, object] = {
        "v": 1200.5,
        "vw": price + 0.01,
        "o": price,
        "c": price + 0.5,
        "h": price + 1,
        "l": price - 1,
        "t": t,
        "n": 7,
    }
    return {name: value for name, value in {**row, **changed}.items() if value is not ...}


def daily(days: Iterable[date] = DAYS) -> list[dict[str, object]]:
    return [bar(ms(day), 10.0 + at) for at, day in enumerate(days)]


def answer(rows: list[Any] | None, *, ticker: str = "ACME", **changed: object) -> bytes:
    """The body of a page of bars; ``rows`` None or empty: as the vendor says that it has none."""
    count = len(rows or ())
    found: dict[str, object] = {"ticker": ticker, "queryCount": count, "resultsCount": count, "adjusted": False}
    if rows:
        found["results"] = rows
    found |= {"status": "OK", "request_id": REQUEST_ID, "count": count}
    return dumps({name: value for name, value in {**found, **changed}.items() if value is not ...})


def dumps(found: Mapping[str, object]) -> bytes:
    return json.dumps(found, separators=(",", ":")).encode()
