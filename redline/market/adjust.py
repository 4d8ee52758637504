"""Adjusting prices at read: for splits, or for splits and dividends. Pure.

A bar of session D is multiplied by what happened strictly after D (vendor, contract page 2.6: the first split, or
dividend, with execution, or ex, date strictly after D). For splits the exact ratios are used, not the vendor's
cumulative factor, which is rounded to six digits; for dividends that factor is all there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

_PRICES = ("open", "high", "low", "close", "vwap")
_NO_SPLITS_PREFIX = ("O:", "I:", "C:", "X:")


@dataclass(frozen=True, slots=True)
class Step:
    """Prices of sessions before ``day`` are multiplied by ``factor``, and by nothing of this list from ``day`` on."""

    day: date
    factor: float


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors of one series, each list sorted by day, each factor cumulative: that of the first step after D counts."""

    splits: tuple[Step, ...] = ()
    dividends: tuple[Step, ...] = ()


def splits_matter(ticker: str) -> bool:
    """Whether a ticker can split at all: stocks can; options, indices and pairs are served as they are."""
    return not ticker.startswith(_NO_SPLITS_PREFIX)


def split_steps(splits: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the cumulative price factors of a ticker's splits (rows of ``SPLITS_WIRE``).

    A split that stands twice in the list (same day, same ratio; the vendor has had such) counts once.

    Raises:
        ValueError: a ratio that is no positive number.
    """
    ratios: dict[tuple[date, Fraction], None] = {}
    for one in splits:
        before, after = float(one["split_from"]), float(one["split_to"])
        if not (0 < before < float("inf") and 0 < after < float("inf")):
            raise ValueError(f"split of {one['execution_date']} has the ratio {before:g}:{after:g}")
        ratios[one["execution_date"], Fraction(repr(before)) / Fraction(repr(after))] = None
    steps: list[Step] = []
    factor = Fraction(1)
    for day, ratio in sorted(ratios, reverse=True):
        factor *= ratio
        if steps and steps[-1].day == day:
            steps.pop()
        steps.append(Step(day, float(factor)))
    return tuple(reversed(steps))


def dividend_steps(dividends: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the cumulative price factors of a ticker's dividends (rows of ``DIVIDENDS_WIRE``).

    Of several dividends of one day the smallest factor counts: it is cumulative, so it holds the others.

    Raises:
        ValueError: a dividend without a factor: the vendor's old endpoint has none.
    """
    lowest: dict[date, float] = {}
    for one in dividends:
        day, factor = one["ex_dividend_date"], one["historical_adjustment_factor"]
        if factor is None or not 0 < factor < float("inf"):
            raise ValueError(f"the dividend of {day} has no adjustment factor")
        lowest[day] = min(factor, lowest.get(day, factor))
    return tuple(Step(day, factor) for day, factor in sorted(lowest.items()))


def adjusted(bars: pa.Table, factors: Factors) -> pa.Table:
    """Return bars of one series with prices and VWAP multiplied by all factors and volume divided by that of splits."""
    if not (factors.splits or factors.dividends) or not bars.num_rows:
        return bars
    days = bars["date"].to_numpy().astype("datetime64[D]")
    by_splits = _factor_of(days, factors.splits)
    by_all = by_splits * _factor_of(days, factors.dividends)
    for name in _PRICES:
        bars = _scaled(bars, name, by_all)
    return _scaled(bars, "volume", 1.0 / by_splits)


def _factor_of(days: np.ndarray[Any, Any], steps: tuple[Step, ...]) -> np.ndarray[Any, Any]:
    starts = np.array([step.day for step in steps], dtype="datetime64[D]")
    factors = np.array([step.factor for step in steps] + [1.0])
    picked: np.ndarray[Any, Any] = factors[np.searchsorted(starts, days, side="right")]
    return picked


def _scaled(bars: pa.Table, name: str, by: np.ndarray[Any, Any]) -> pa.Table:
    import pyarrow.compute as pc

    at = bars.schema.get_field_index(name)
    return bars.set_column(at, bars.schema.field(at), pc.multiply(bars[name], pa.array(by)))
