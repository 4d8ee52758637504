"""Bars of several days put together from the days in them, as the vendor does it. Pure.

Needed where a split falls inside of a bar: its raw prices mix old and new shares, and no factor can mend that.
Source: contract page 2.2: day bars serve week, month, quarter and year.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isclose
from typing import Any

Row = Mapping[str, Any]
_PRICES = ("open", "high", "low", "close")


def gathered(bar: Row, days: Sequence[Row]) -> dict[str, Any]:
    """Return ``bar`` (of ``BARS_WIRE``) with the numbers of its ``days``, sorted and at least one.

    What is unknown of one day is unknown of the bar.
    """
    volumes = [day["volume"] for day in days]
    counts = [day["transactions"] for day in days]
    volume = None if None in volumes else sum(volumes)
    return {
        **bar,
        "open": days[0]["open"],
        "high": max(day["high"] for day in days),
        "low": min(day["low"] for day in days),
        "close": days[-1]["close"],
        "volume": volume,
        "vwap": _vwap(days, volume),
        "transactions": None if None in counts else sum(counts),
    }


def is_made_of(bar: Row, days: Sequence[Row]) -> bool:
    """Return whether raw ``days`` are all the days of a raw ``bar``: together they have its prices, and its volume to a
    thousandth, for late corrections reach the bars of a source one after the other.
    """
    if not days:
        return False
    made = gathered(bar, days)
    same = all(isclose(made[name], bar[name], rel_tol=1e-6) for name in _PRICES)
    volumes = made["volume"], bar["volume"]
    return same and (None in volumes or isclose(*volumes, rel_tol=1e-3))


def _vwap(days: Sequence[Row], volume: float | None) -> float | None:
    if not volume or any(day["vwap"] is None for day in days):
        return None
    return float(sum(day["vwap"] * day["volume"] for day in days) / volume)
