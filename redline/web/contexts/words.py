"""How numbers, times, states and prices are written on pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

#: The class of ``style.css`` that draws a state; the word itself stays as it is. What is not here draws itself.
SHAPES: Mapping[str, str] = {
    "not_entitled": "locked",
    "market_closed": "none",
    "not_listed": "none",
    "no_trades": "none",
    "vendor_has_none": "none",
    "never_asked": "queued",
    "accepted": "ok",
    "yes": "included",
    "no": "locked",
}
THIN = " "


def shape(state: str) -> str:
    """Return the name of the shape that stands before the word of a state."""
    return SHAPES.get(state, state)


def words(state: str) -> str:
    """Return a state as a person reads it."""
    return state.replace("_", " ")


def count(number: float) -> str:
    """Return a count with thousands apart: ``1,234``; a fractional volume keeps up to 4 digits."""
    if number == int(number):
        return f"{int(number):,}"
    return f"{number:,.4f}".rstrip("0")


def counted(number: int, one: str, many: str = "") -> str:
    """Return ``1 call`` or ``2 calls``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def price(value: float | None) -> str:
    """Return a price: two digits, more only where the value has them; nothing for no value."""
    if value is None or value != value:
        return ""
    short = f"{value:,.6f}".rstrip("0")
    digits = len(short) - short.index(".") - 1
    return f"{value:,.2f}" if digits < 2 else short


def duration(seconds: float) -> str:
    """Return a time span as ``24 s``, ``4 m 40 s`` or ``2 h 5 m``; under a second it is ``now``."""
    whole = round(seconds)
    if whole < 1:
        return "now"
    minutes, rest = divmod(whole, 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left} m"
    return f"{minutes} m {rest} s" if minutes else f"{rest} s"


def size(size_bytes: float) -> str:
    """Return a size as ``0.2 MB`` or ``812 B``, by powers of 1,000."""
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= step / 10:
            return f"{size_bytes / step:.1f} {unit}"
    return f"{int(size_bytes)} B"


def moment(at: object) -> str:
    """Return an instant as ``2026-11-24 16:20:41 UTC``; an empty text for none. Takes ISO 8601 text too."""
    if isinstance(at, str) and at:
        at = datetime.fromisoformat(at.replace("Z", "+00:00"))
    if not isinstance(at, datetime):
        return ""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span(start: object, end: object) -> str:
    """Return two dates, both inclusive, as ``2020-09-23 to 2020-09-25``; one alone when they are the same."""
    return f"{start}" if str(start) == str(end) else f"{start} to {end}"


def cell(value: Any) -> str:
    """Return a value of a table as text."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
