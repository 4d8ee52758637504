"""``Retry-After``, in seconds or as a date. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

SHORTEST_S = 1.0
"""``Retry-After: 0`` must not make a loop."""

LONGEST_S = 86_400.0
"""No answer can stop a key for longer than a day."""

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?")


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds that the answer asks to wait, or None when it asks nothing that makes sense.

    A date is measured against the answer's own ``Date`` (``now``, when it has none), so that a wrong clock on either
    side does not matter. Negative times and nonsense count as nothing.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return _bounded(float(text))
    until = _http_date(text)
    if until is None:
        return None
    seconds = (until - (_http_date(headers.get("Date", "")) or now)).total_seconds()
    return _bounded(seconds) if seconds >= 0 else None


def _bounded(seconds: float) -> float:
    return min(max(seconds, SHORTEST_S), LONGEST_S)


def _http_date(text: str) -> datetime | None:
    if not 10 <= len(text) <= 60:
        return None
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
