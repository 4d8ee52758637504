"""What Massive's plans cover: how far back, how much in a minute, and how a key's plan is found out.

Source: contract page section 4 and ``massive.com/pricing`` (read 2026-10): Basic two years and end of day, 5 calls a
minute; Starter five years and second bars; Developer ten and trades; Advanced everything and quotes. Paid plans have no
limit a minute, but stay under 100 calls a second.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from redline.market.part import Part
from redline.market.request import Dataset

FLOORS_YEARS = (10, 5, 2)
BASIC_LIMIT = 5
PAID_LIMIT = 600
#: What is asked to learn a plan, cheapest sign first: entitlement to path. The ticker and its day are always there.
PROBES = {
    "trades": "/v3/trades/AAPL?limit=1",
    "quotes": "/v3/quotes/AAPL?limit=1",
    "second_bars": "/v2/aggs/ticker/AAPL/range/1/second/{day}/{day}?limit=1",
}


def narrower(part: Part, today: date, *, thrifty: bool) -> tuple[Part, ...]:
    """Return the parts to try after "your plan doesn't include this data timeframe", widest first.

    First without today, for plans that see a day only after its end; then from the known floors on, which move on by a
    day each day: each floor exactly, and a day later, for the vendor's day may have begun before New York's.
    ``thrifty``: of the paid plans' floors only the later day, so that a Basic key finds its own within its five calls.
    """
    if part.dataset is not Dataset.BARS:
        return ()
    end = min(part.end, today - timedelta(days=1))
    starts = [part.start] if end < part.end else []
    for years in FLOORS_YEARS:
        oldest = floor(today, years)
        later = oldest + timedelta(days=1)
        tried = (later,) if thrifty and years != FLOORS_YEARS[-1] else (oldest, later)
        starts += [day for day in tried if day > part.start]
    return tuple(replace(part, start=start, end=end) for start in starts if start <= end)


def floor(today: date, years: int) -> date:
    """Return the oldest day of a plan of so many years, which the vendor measures in days: five are 1827."""
    return today - timedelta(days=math.ceil(365.25 * years))


def plan_of(entitled: Mapping[str, bool]) -> str:
    """Return the name of the stocks plan that has these entitlements."""
    if entitled["quotes"]:
        return "advanced"
    if entitled["trades"]:
        return "developer"
    return "starter" if entitled["second_bars"] else "basic"


def limit_of(plan: str) -> int:
    """Return the requests a minute that suit a plan."""
    return BASIC_LIMIT if plan == "basic" else PAID_LIMIT


def minutes_per_session(ticker: str) -> int:
    """Return how many minutes of a session can have bars: 04:00 to 20:00 for stocks, all for what trades all day."""
    return 24 * 60 if ticker.startswith(("X:", "C:", "I:")) else 16 * 60
