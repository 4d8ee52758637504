"""From a limit to slots: how many requests may be under way or just over, and how long each is remembered. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from redline.errors import BadField

WINDOW_S = 60.0
"""The vendor's window: its plans count requests a minute (massive-contract, section 4)."""

SHARE_OF_WINDOW = 60
"""A limit above this is dealt out in sixtieths of the window, so that no second takes more than its share."""

MOST_SLOTS = 100
"""Slots are rows of a table that is looked through for every request; beyond this the window shrinks instead."""

CLOCK_DRIFT = 1.001
"""Our clock may be slewed by 500 ppm and so may theirs: a slot rests a thousandth longer than the window."""


@dataclass(frozen=True, slots=True)
class Pace:
    """``slots`` requests in any ``window_s`` seconds; a used slot rests for ``rest_s`` after its answer is in."""

    slots: int
    window_s: float

    @property
    def rest_s(self) -> float:
        return self.window_s * CLOCK_DRIFT


def pace_for(limit: float, window_s: float = WINDOW_S) -> Pace:
    """Return the slots for ``limit`` requests in ``window_s`` seconds.

    Up to 60: one slot each, resting for the whole window. Above: a sixtieth of them, resting for about a sixtieth of
    the window. Below one: a single slot that rests longer than the window.
    """
    whole = math.floor(limit + 1e-9)
    if whole < 1:
        return Pace(1, window_s / limit)
    if whole <= SHARE_OF_WINDOW:
        return Pace(whole, window_s)
    slots = min(whole // SHARE_OF_WINDOW, MOST_SLOTS)
    return Pace(slots, window_s / (whole // slots))


def checked_limit(limit: object) -> float:
    """Return ``limit`` as a float.

    Raises:
        BadField: it is no finite number above 0.
    """
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 1e-6 <= limit <= 1e9:
        raise BadField("rate_limit_per_minute", limit, "it must be a number above 0, the requests allowed in a minute")
    return float(limit)
