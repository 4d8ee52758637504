"""Made-up minutes inside a real day: for the demo market, which has no real intraday data that may be shipped.

The walk of a day is drawn from a seed of (ticker, date), so that every request sees the same minutes. Its first open,
last close, highest high, lowest low and summed volume are the real day's. Only regular hours are filled.
"""

from __future__ import annotations

import zlib
from itertools import pairwise

import numpy as np

from redline.emulator.calendar import close_minute, session_kind
from redline.emulator.eastern import date_of
from redline.emulator.models.bars import Bars, Numbers

OPEN_MINUTE = 9 * 60 + 30
SHARES_A_TRADE = 140
#: A whole walk strays about so many times the day's range from a straight line: real days look like this.
WILDNESS = 0.6


def simulated_day(ticker: str, days: Bars) -> Bars:
    """Return one bar for each regular minute of a single day bar."""
    day = date_of(int(days.t[0]))
    rng = np.random.default_rng(zlib.crc32(f"{ticker} {day}".encode()))
    size = close_minute(session_kind(day)) - OPEN_MINUTE
    low, high = float(days.l[0]), float(days.h[0])
    edges = _walk(rng, size, float(days.o[0]), float(days.c[0]), low, high)
    first, last = edges[:-1], edges[1:]
    reach = WILDNESS * (high - low) / np.sqrt(size) * rng.random((2, size))
    tops = np.minimum(np.maximum(np.round(np.maximum(first, last) + reach[0], 2), np.maximum(first, last)), high)
    bottoms = np.maximum(np.minimum(np.round(np.minimum(first, last) - reach[1], 2), np.minimum(first, last)), low)
    volume = _volume(rng, size, float(days.v[0]))
    start = days.t[0] + (OPEN_MINUTE + np.arange(size, dtype=np.int64)) * 60_000
    return Bars(
        t=start,
        o=first,
        h=tops,
        l=bottoms,
        c=last,
        v=volume,
        raw=np.ones(size, dtype=np.bool_),
        vw=np.round((tops + bottoms + last) / 3, 4),
        n=np.maximum(1, volume // SHARES_A_TRADE).astype(np.int64),
    )


def _walk(rng: np.random.Generator, size: int, first: float, last: float, low: float, high: float) -> Numbers:
    """Return ``size + 1`` prices in cents from ``first`` to ``last`` inside [low, high], which it touches both.

    The minutes of the high and the low are drawn first (early and late ones more often, as in real days; a rising day
    has its low first more often); between these fixed prices run random bridges, folded back where they leave the day.
    """
    at = np.sort(rng.beta(0.6, 0.6, 2) * (size - 2)).astype(int) + np.array([1, 2])
    low_first = rng.random() < (0.75 if last > first else 0.25)
    fixed = {0: first, int(at[0]): low if low_first else high, int(at[1]): high if low_first else low, size: last}
    places = list(fixed)
    path = np.interp(np.arange(size + 1), places, list(fixed.values()))
    for one, other in pairwise(places):
        path[one : other + 1] += _bridge(rng, other - one) * WILDNESS * (high - low) / np.sqrt(size)
    inside: Numbers = np.clip(np.round(_folded(path, low, high), 2), low, high)
    inside[places] = list(fixed.values())
    return inside


def _bridge(rng: np.random.Generator, size: int) -> Numbers:
    """Return ``size + 1`` sums of random steps that begin and end at 0."""
    steps = np.concatenate(([0.0], np.cumsum(rng.standard_normal(size))))
    bridge: Numbers = steps - np.linspace(0, 1, size + 1) * steps[-1]
    return bridge


def _folded(path: Numbers, low: float, high: float) -> Numbers:
    """Return ``path`` mirrored at ``low`` and ``high`` until all of it lies between them."""
    span = high - low
    if not span:
        return np.full_like(path, low)
    inside: Numbers = low + span - np.abs((path - low) % (2 * span) - span)
    return inside


def _volume(rng: np.random.Generator, size: int, total: float) -> Numbers:
    """Return whole volumes that sum to the day's, busy at the open and the close."""
    place = np.linspace(-1, 1, size)
    weight = (0.4 + place**2) * (0.5 + rng.random(size))
    shares: Numbers = np.floor(weight / weight.sum() * total)
    shares[-1] += total - shares.sum()
    return shares
