"""From Yahoo's split-adjusted numbers to those that were printed. Pure.

Yahoo divides each price by all splits after its day and keeps the result as a 32-bit number (recorded: AAPL of
2020-01-02 is 75.0875015258789, a fourth of 300.35). Multiplied back, the price is known up to half a step of such a
number; the shortest decimal within that is the price. So rows equal those of a source that never adjusted them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from typing import Any

import numpy as np

from redline.downloaders.yahoo_chart import SplitEvent

_MOST_PLACES = 9
_TWO = math.log(2) - 1e-9
_LONGEST_PAUSE_DAYS = 7
#: Amounts of dividends come with six decimals.
_AMOUNT_STEP = 1e-6


def ratios(splits: Sequence[SplitEvent], days: Any) -> Any:
    """Return how many of today's shares one share of each day became: the product of all splits strictly after it.

    ``days`` is an array of ``datetime64[D]``. A split that stands twice (same day and ratio) counts once.
    """
    known = sorted({(one.day, Fraction(one.numerator) / Fraction(one.denominator)) for one in splits})
    product, after = Fraction(1), [1.0]
    for _, ratio in reversed(known):
        product *= ratio
        after.append(float(product))
    starts = np.array([day for day, _ in known], "datetime64[D]")
    return np.array(after[::-1])[np.searchsorted(starts, days, side="right")]


def not_applied(splits: Sequence[SplitEvent], days: Any, opens: Any, closes: Any) -> SplitEvent | None:
    """Return a split that prices do not have in them: they step by its ratio where it happened. ``None``: all have.

    Adjusted prices go on over a split. Only 2:1, 1:2 and more is looked at: a price that moves by less may be news, and
    one that moves by such a ratio, to a fifth of it, between the close before and the open of just that day is not.
    """
    for one in splits:
        ratio = math.log(one.numerator / one.denominator)
        before = np.flatnonzero((days < np.datetime64(one.day)) & (closes > 0))
        after = np.flatnonzero((days >= np.datetime64(one.day)) & (opens > 0))
        if abs(ratio) < _TWO or not len(before) or not len(after):
            continue
        near = (days[after[0]] - days[before[-1]]).astype(int) <= _LONGEST_PAUSE_DAYS
        if near and abs(math.log(closes[before[-1]] / opens[after[0]]) - ratio) < abs(ratio) / 5:
            return one
    return None


def ratio_on(splits: Sequence[SplitEvent], day: date) -> float:
    """Return how many of today's shares one share of a day became."""
    return float(ratios(splits, np.array([day], "datetime64[D]"))[0])


def prices(adjusted: Any, ratio: Any) -> Any:
    """Return the prices that were printed: ``adjusted`` times ``ratio``, as the shortest decimals that fit."""
    single = adjusted.astype("f4")
    step = np.where(single.astype("f8") == adjusted, np.spacing(np.abs(single)).astype("f8"), np.spacing(adjusted) * 4)
    return _shortest(adjusted * ratio, step * ratio / 2)


def volumes(adjusted: Any, ratio: Any) -> Any:
    """Return the shares that changed hands: whole ones, as Yahoo counts."""
    return np.round(adjusted / ratio)


def amount(adjusted: float, ratio: float) -> float:
    """Return the cash that was paid for a share of then."""
    return float(_shortest(np.array([adjusted * ratio]), np.array([_AMOUNT_STEP * ratio / 2]))[0])


def _shortest(values: Any, within: Any) -> Any:
    """Return for each value the decimal with the fewest places that is no farther away than ``within``."""
    found = values.copy()
    waiting = np.isfinite(values)
    for places in range(_MOST_PLACES + 1):
        rounded = np.round(values, places)
        fits = waiting & (np.abs(rounded - values) <= within * (1 + 1e-9))
        found[fits] = rounded[fits]
        waiting &= ~fits
    return found
