"""Tickers: the instrument's code, kept as it was given."""

from __future__ import annotations

import re

from redline.errors import BadField, BadName

_TICKER = re.compile(r"[A-Za-z0-9^](?:[A-Za-z0-9.:^=+_-]{0,62}[A-Za-z0-9.^=+_-])?")


def is_ticker(was: str) -> bool:
    """Return whether a text can be a ticker."""
    return bool(_TICKER.fullmatch(was)) and ".." not in was


def parse_ticker(was: object, field: str = "ticker") -> str:
    """Return the ticker unchanged: case, prefix and spellings such as ``NA`` or ``TRUE`` survive.

    Raises:
        BadField: no text, or empty.
        BadName: letters that no ticker has (``/``, ``..``, spaces, control characters) or more than 64 of them.
    """
    if not isinstance(was, str):
        raise BadField(field, was, "it must be text, such as AAPL or BRK.B")
    if not was:
        raise BadField(field, was, "it must name a ticker, such as AAPL")
    if not is_ticker(was):
        raise BadName(
            field,
            was,
            "a ticker has 1 to 64 letters, digits and . : - + = ^ _, no spaces or slashes (BRK.B, not BRK/B)",
        )
    return was
