"""One request as the response functions see it, and the reading of its parameters."""

from __future__ import annotations

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

from redline.emulator.eastern import day_start_ms
from redline.emulator.exceptions import BadParameter, UnreadableTime
from redline.emulator.plans import Plan

ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
LAST_DAY = date(9998, 12, 31)
MILLIS = re.compile(r"-?\d{1,15}")


def new_request_id() -> str:
    """Return 32 hexadecimal letters, as the classic endpoints send."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: decoded ``path`` parameters, ``query`` without the key, the plan of the key, the emulator's time.

    ``base`` is scheme and host as the caller named them: ``next_url`` echoes it. ``raw_path`` is still encoded.
    """

    base: str
    raw_path: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    plan: Plan
    now: datetime
    request_id: str = field(default_factory=new_request_id)

    def flag(self, name: str, default: bool) -> bool:
        """Return a boolean parameter; anything that is no boolean is refused (I)."""
        text = self.query.get(name, "").lower()
        if text in ("", "true", "false"):
            return default if not text else text == "true"
        raise BadParameter(f"The parameter '{name}' must be a boolean")

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """Return a parameter with a closed set of values; the first is the default."""
        text = self.query.get(name) or allowed[0]
        if text not in allowed:
            raise BadParameter(f"The parameter '{name}' must be one of: {', '.join(allowed)}")
        return text

    def limit(self, default: int, most: int) -> int:
        """Return ``limit``; outside 1 to ``most`` is refused (I)."""
        text = self.query.get("limit") or str(default)
        if not text.isascii() or not text.isdigit() or not 1 <= int(text[:12]) <= most:
            raise BadParameter(f"The parameter 'limit' must be between 1 and {most}")
        return int(text)

    def offset(self) -> int:
        """Return how many rows the pages before this one had: ``ap`` of a cursor."""
        text = self.query.get("ap") or "0"
        if not text.isascii() or not text.isdigit() or len(text) > 12:
            raise BadParameter("The parameter 'cursor' is not valid")
        return int(text)

    def day(self, name: str, text: str) -> date:
        """Return a date parameter."""
        try:
            return min(parse_day(text), LAST_DAY)
        except ValueError:
            raise UnreadableTime(name) from None

    def next_url(self, path: str, cursor: Mapping[str, object]) -> str:
        """Return the absolute address of the next page. It never holds the key."""
        return f"{self.base}{path}?cursor={pack_cursor(cursor)}"


def parse_day(text: str) -> date:
    """Return ``YYYY-MM-DD`` as a date, from the year 2 on. ``ValueError`` for anything else."""
    if not ISO_DATE.fullmatch(text) or text < "0002":
        raise ValueError(text)
    return date.fromisoformat(text)


def parse_bound(name: str, text: str, *, end: bool) -> int:
    """Return ``from`` or ``to`` in ms: a date means its first millisecond in New York, or its last for the ``end``."""
    if MILLIS.fullmatch(text) and not ISO_DATE.fullmatch(text):
        return int(text)
    try:
        day = min(parse_day(text), LAST_DAY)
        return day_start_ms(day + timedelta(days=1)) - 1 if end else day_start_ms(day)
    except ValueError:
        raise UnreadableTime(name) from None


def pack_cursor(parameters: Mapping[str, object]) -> str:
    """Return a query string in base64url without padding, as the vendor's cursors are."""
    return base64.urlsafe_b64encode(urlencode(dict(parameters)).encode()).decode().rstrip("=")


def unpack_cursor(cursor: str) -> dict[str, str]:
    """Return the parameters of a cursor."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, binascii.Error, UnicodeDecodeError):
        raise BadParameter("The parameter 'cursor' is not valid") from None
    return dict(parse_qsl(text, keep_blank_values=True))
