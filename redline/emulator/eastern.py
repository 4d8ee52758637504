"""New York time for single dates and for whole columns of milliseconds, with the real daylight-saving rules."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

NEW_YORK = ZoneInfo("America/New_York")
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
Millis = npt.NDArray[np.int64]

_FIRST_YEAR, _LAST_YEAR = 1970, 2060


def _offset_ms(at: datetime) -> int:
    offset = at.astimezone(NEW_YORK).utcoffset() or timedelta(0)
    return int(offset.total_seconds() * 1000)


@cache
def _transitions() -> tuple[Millis, Millis]:
    """Return the instants at which the offset changes (UTC ms) and the offsets between them (one more)."""
    at, offsets = [], [_offset_ms(datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC))]
    for year in range(_FIRST_YEAR, _LAST_YEAR + 1):
        for month in range(1, 13):
            low = datetime(year, month, 1, tzinfo=UTC)
            high = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
            if _offset_ms(low) == _offset_ms(high):
                continue
            while high - low > timedelta(hours=1):
                middle = low + timedelta(hours=(high - low) // timedelta(hours=1) // 2)
                low, high = (middle, high) if _offset_ms(middle) == offsets[-1] else (low, middle)
            at.append(int(high.timestamp() * 1000))
            offsets.append(_offset_ms(high))
    return np.array(at, dtype=np.int64), np.array(offsets, dtype=np.int64)


def wall(utc_ms: Millis) -> Millis:
    """Return New York wall-clock milliseconds for UTC milliseconds."""
    at, offsets = _transitions()
    return utc_ms + offsets[np.searchsorted(at, utc_ms, side="right")]


def utc(wall_ms: Millis) -> Millis:
    """Return UTC milliseconds for New York wall-clock milliseconds; the inverse of ``wall`` but in the doubled hour."""
    at, offsets = _transitions()
    guess = wall_ms + 5 * HOUR_MS
    guess = wall_ms - offsets[np.searchsorted(at, guess, side="right")]
    return wall_ms - offsets[np.searchsorted(at, guess, side="right")]


def epoch_day(day: date) -> int:
    """Return days since 1970-01-01."""
    return day.toordinal() - 719_163


def day_start_ms(day: date) -> int:
    """Return midnight in New York of ``day``, in UTC milliseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK).timestamp() * 1000)


def date_of(utc_ms: int) -> date:
    """Return the New York date of an instant."""
    return datetime.fromtimestamp(utc_ms / 1000, NEW_YORK).date()
