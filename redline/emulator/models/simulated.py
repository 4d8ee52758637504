"""Made-up minutes inside a real day: for the demo market, which has no real intraday data that may be shipped.

The walk of a day is drawn from a seed of (ticker, date), so that every request sees the same minutes. Its first open,
last close, highest high, lowest low and summed volume are the real day's. Only regular hours are filled.
"""

from __future__ import annotations

import zlib

import numpy as np

from redline.emulator.calendar import close_minute, session_kind
from redline.emulator.eastern import date_of
from redline.emulator.models.bars import Bars, Numbers

OPEN_MINUTE = 9 * 60 + 30
SHARES_A_TRADE = 140


def simulated_day(ticker: str, days: Bars) -> Bars:
    """Return one bar for each regular minute of a single day bar."""
    day = date_of(int(days.t[0]))
    rng = np.random.default_rng(zlib.crc32(f"{ticker} {day}".encode()))
    size = close_minute(session_kind(day)) - OPEN_MINUTE
    low, high = float(days.l[0]), float(days.h[0])
    edges = _walk(rng, size, float(days.o[0]), float(days.c[0]), low, high)
    first, last = edges[:-1], edges[1:]
    reach = (high - low) * 0.01 * rng.random((2, size))
    tops = np.minimum(np.maximum(first, last) + reach[0], high)
    bottoms = np.maximum(np.minimum(first, last) - reach[1], low)
    tops[int(np.argmax(tops))], bottoms[int(np.argmin(bottoms))] = high, low
    volume = _volume(rng, size, float(days.v[0]))
    start = days.t[0] + (OPEN_MINUTE + np.arange(size, dtype=np.int64)) * 60_000
    return Bars(
        t=start,
        o=np.round(first, 4),
        h=np.round(tops, 4),
        l=np.round(bottoms, 4),
        c=np.round(last, 4),
        v=volume,
        raw=np.ones(size, dtype=np.bool_),
        vw=np.round((tops + bottoms + last) / 3, 4),
        n=np.maximum(1, volume // SHARES_A_TRADE).astype(np.int64),
    )


def _walk(rng: np.random.Generator, size: int, first: float, last: float, low: float, high: float) -> Numbers:
    """Return ``size + 1`` prices from ``first`` to ``last`` inside [low, high]: a bridge, folded back at the edges."""
    steps = np.concatenate(([0.0], np.cumsum(rng.standard_normal(size))))
    bridge = steps - np.linspace(0, 1, size + 1) * steps[-1]
    spread = np.ptp(bridge) or 1.0
    path: Numbers = np.linspace(first, last, size + 1) + bridge / spread * (high - low)
    inside: Numbers = np.clip(path, low, high)
    return inside


def _volume(rng: np.random.Generator, size: int, total: float) -> Numbers:
    """Return whole volumes that sum to the day's, busy at the open and the close."""
    place = np.linspace(-1, 1, size)
    weight = (0.4 + place**2) * (0.5 + rng.random(size))
    shares: Numbers = np.floor(weight / weight.sum() * total)
    shares[-1] += total - shares.sum()
    return shares
