"""Bars of one ticker as columns: cut, adjusted for splits, and put together to bigger ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from redline.emulator.eastern import DAY_MS, Millis, wall
from redline.emulator.models.windows import Window

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SplitFactors:
    """Cumulative split ratios of one ticker. ``days``: execution dates as days since 1970, ascending.

    By all splits from the i-th on, ``old[i]`` shares became ``new[i]``. Both are one longer than ``days`` and end in 1.
    """

    days: Millis
    new: Numbers
    old: Numbers

    def position(self, utc_ms: Millis) -> Millis:
        """Return, for each instant, the first split executed strictly after its New York date."""
        return np.searchsorted(self.days, wall(utc_ms) // DAY_MS, side="right")


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars sorted by ``t`` (UTC ms of the start). ``raw`` marks rows as traded; unknown: ``n`` -1, ``vw`` NaN."""

    t: Millis
    o: Numbers
    h: Numbers
    l: Numbers  # noqa: E741  the vendor's name
    c: Numbers
    v: Numbers
    raw: npt.NDArray[np.bool_]
    vw: Numbers | None = None
    n: Millis | None = None

    def __len__(self) -> int:
        return len(self.t)

    def span(self, first: int, last: int) -> Bars:
        """Return rows ``first`` to ``last``, exclusive. No copy."""
        return self.picked(slice(first, last))

    def picked(self, rows: Millis | slice) -> Bars:
        """Return some rows, in the order given."""
        return Bars(
            t=self.t[rows],
            o=self.o[rows],
            h=self.h[rows],
            l=self.l[rows],
            c=self.c[rows],
            v=self.v[rows],
            raw=self.raw[rows],
            vw=None if self.vw is None else self.vw[rows],
            n=None if self.n is None else self.n[rows],
        )

    def stamped(self, t: Millis) -> Bars:
        """Return the bars with other times."""
        return replace(self, t=t)

    def adjusted(self, splits: SplitFactors) -> Bars:
        """Return the bars in today's shares."""
        at = splits.position(self.t)
        return self.scaled(splits.new[at], splits.old[at])

    def scaled(self, new: Numbers, old: Numbers) -> Bars:
        """Return the bars with ``old`` shares counted as ``new``; prices to four decimals, as the vendor shows them.

        Rows that are not ``raw`` were adjusted by their source and stay.
        """
        touched = self.raw & (new != old)
        if not touched.any():
            return self

        def price(column: Numbers) -> Numbers:
            return np.where(touched, np.round(column * old / new, 4), column)

        return replace(
            self,
            o=price(self.o),
            h=price(self.h),
            l=price(self.l),
            c=price(self.c),
            v=np.where(touched, np.round(self.v * new / old, 6), self.v),
            vw=None if self.vw is None else price(self.vw),
        )

    def gathered(self, window: Window) -> Bars:
        """Return one bar for each window that has a bar; windows without one are left out, as the vendor does."""
        if window.is_base or not len(self):
            return self
        index = window.index(self.t)
        first = np.flatnonzero(np.diff(index, prepend=index[0] - 1))
        last = np.append(first[1:], len(index)) - 1
        volume: Numbers = np.round(np.add.reduceat(self.v, first), 6).astype(np.float64)
        return Bars(
            t=window.start(index[first]),
            o=self.o[first],
            h=np.maximum.reduceat(self.h, first),
            l=np.minimum.reduceat(self.l, first),
            c=self.c[last],
            v=volume,
            raw=self.raw[first],
            vw=self._gathered_vwap(first, volume),
            n=self._gathered_count(first),
        )

    def _gathered_count(self, first: Millis) -> Millis | None:
        if self.n is None:
            return None
        unknown = np.minimum.reduceat(self.n, first) < 0
        return np.where(unknown, -1, np.add.reduceat(self.n, first))

    def _gathered_vwap(self, first: Millis, volume: Numbers) -> Numbers | None:
        if self.vw is None:
            return None
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.round(np.add.reduceat(self.vw * self.v, first) / volume, 4)
