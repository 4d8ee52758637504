"""What each key of a custom API may be: one pure function a key, from what was given to what is used.

All raise ``ValueError`` with words that go on after the name of the key: ``must be …``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import Enum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from redline.config import kinds
from redline.config.date_format import DateFormat
from redline.config.paging_kind import PagingKind, parse_paging
from redline.config.secret import Secret
from redline.config.template import Template
from redline.errors import BadField

Reader = Callable[[object], object]

ENDPOINT_FIELDS = ("ticker", "start_date", "end_date")
HEADER_FIELDS = ("api_key", "api_key_base64")
DATE_UNITS = ("s", "ms", "us", "ns")
#: Our columns that an API may fill; the first five must be.
COLUMNS = ("date", "open", "high", "low", "close", "volume", "vwap", "transactions", "ticker")
NEEDED = COLUMNS[:5]
FASTEST = 100_000.0

_PARAMETER = re.compile(r"[A-Za-z0-9_.\[\]$-]{0,64}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_VISIBLE = re.compile(r"[!-~]+")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$|\?)", re.IGNORECASE)
#: Headers that are the connection's own, or would send the request elsewhere.
_NOT_THEIRS = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "accept-encoding", "te", "trailer", "upgrade",
        "expect", "keep-alive", "proxy-authorization", "proxy-connection", "x-forwarded-host", "range", "if-range",
    }
)  # fmt: skip


class Body(Enum):
    """What an answer is written in."""

    JSON = "json"
    CSV = "csv"
    NDJSON = "ndjson"


def name(was: object) -> str:
    """Return the name of the API: it has a letter or digit, from which its source id comes."""
    text = _text(was, 80)
    if not re.search(r"[a-z0-9]", text.lower()) or len(re.sub(r"[^a-z0-9]+", "_", text.lower())) > 64:
        raise ValueError("must have a letter or a digit (and at most 64 of them): the source is named by these")
    return text


def base_url(was: object) -> str:
    """Return the text of the address; where it leads is checked when a downloader is made."""
    if not isinstance(was, str) or not was:
        raise ValueError(f"must be an address such as https://api.example.com{_was(was)}")
    return was


def endpoint(was: object) -> Template:
    """Return the template of path and query below the base address."""
    if not isinstance(was, str) or len(was) > 1_000:
        raise ValueError(f"must be a path such as prices/{{ticker}}{_was(was)}")
    if (was and not _VISIBLE.fullmatch(was)) or "\\" in was or "#" in was or was.startswith("//") or _DOTS.search(was):
        raise ValueError("must be a plain path: without spaces, backslash, #, // at its start, and . or .. in it")
    return Template.parse(was, ENDPOINT_FIELDS)


def api_key(was: object) -> Secret | None:
    """Return the key, ``None`` for none."""
    if was == "":
        return None
    try:
        return kinds.api_key("api_key", was)
    except BadField:
        raise ValueError(f"must be a text of at most {kinds.LONGEST_API_KEY} letters without spaces") from None


def parameter(was: object) -> str:
    """Return the name of a parameter of a query; empty: it is not sent."""
    if not isinstance(was, str) or not _PARAMETER.fullmatch(was):
        raise ValueError(f"must be a name in a query, or empty to send none{_was(was)}")
    return was


def date_format(was: object) -> DateFormat:
    """Return the format of dates."""
    if not isinstance(was, str):
        raise ValueError(f"must be a text such as YYYY-MM-DD{_was(was)}")
    return DateFormat.parse(was)


def date_unit(was: object) -> str | None:
    """Return the unit of dates that are numbers, ``None`` where it is not named."""
    if was == "":
        return None
    if was not in DATE_UNITS:
        raise ValueError(f"must be one of {', '.join(DATE_UNITS)}{_was(was)}")
    return str(was)


def timezone(was: object) -> ZoneInfo | None:
    """Return the zone of times without an offset, ``None`` where it is not named."""
    if was == "":
        return None
    try:
        return ZoneInfo(_text(was, 64))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"must be a zone such as America/New_York or UTC{_was(was)}") from None


def response_format(was: object) -> Body:
    """Return what answers are written in."""
    for one in Body:
        if one.value == was:
            return one
    raise ValueError(f"must be one of {', '.join(one.value for one in Body)}{_was(was)}")


def data_path(was: object) -> tuple[str, ...]:
    """Return the way to the rows: names, or places in a list, with dots between; empty: the answer itself."""
    if not isinstance(was, str) or len(was) > 200 or (was and "" in was.split(".")):
        raise ValueError(f"must be names with dots between, such as data.prices{_was(was)}")
    return tuple(was.split(".")) if was else ()


def column_mapping(was: object) -> dict[str, str | int]:
    """Return ours to theirs: a name, a dotted way inside of a row, or a place in a list from 0."""
    if not isinstance(was, Mapping):
        raise ValueError(f'must be an object such as {{"date": "t", "open": "o", …}}{_was(was)}')
    given = dict(was)
    if "timestamp" in given and "date" not in given:
        given["date"] = given.pop("timestamp")
    unknown = [str(one) for one in given if one not in COLUMNS]
    if unknown:
        raise ValueError(f"has {', '.join(unknown)[:80]}; our columns are {', '.join(COLUMNS)}")
    missing = [one for one in NEEDED if one not in given]
    if missing:
        raise ValueError(f"lacks {', '.join(missing)}")
    for ours, theirs in given.items():
        is_place = isinstance(theirs, int) and not isinstance(theirs, bool) and 0 <= theirs < 10_000
        if not is_place and not (isinstance(theirs, str) and 0 < len(theirs) <= 200):
            raise ValueError(f"must name their column of {ours}: a text, or a place from 0")
    return given


def pagination(was: object) -> PagingKind:
    """Return how answers are paged."""
    return parse_paging(was)


def not_found_status(was: object) -> int:
    """Return the status that says: no such ticker."""
    if isinstance(was, bool) or not isinstance(was, int) or not 400 <= was <= 499 or was in (401, 408, 429):
        raise ValueError(f"must be a status from 400 to 499, but not 401, 408 or 429{_was(was)}")
    return was


def rate_limit(was: object) -> float | None:
    """Return the limit of requests a minute, ``None`` where it is not named."""
    if was == "":
        return None
    return _number(was, 0.01, FASTEST)


def timeout(was: object) -> float:
    """Return the time-out in seconds."""
    return _number(was, 1, 600)


def headers(was: object) -> dict[str, Template]:
    """Return name to template of the headers that every request bears."""
    if not isinstance(was, Mapping) or len(was) > 32:
        raise ValueError('must be an object such as {"Authorization": "Bearer {api_key}"}')
    found: dict[str, Template] = {}
    for title, text in was.items():
        if not isinstance(title, str) or not _HEADER.fullmatch(title) or title.lower() in _NOT_THEIRS:
            raise ValueError(f"may not have the header {str(title)[:60]!r}")
        if title.lower() in (one.lower() for one in found):
            raise ValueError(f"has the header {title} twice")
        if not isinstance(text, str) or not re.fullmatch(r"[ -~]{0,1000}", text):
            raise ValueError(f"must have a plain text for {title}")  # the text itself may be a key
        found[title] = _header(title, text)
    return found


def _header(title: str, text: str) -> Template:
    try:
        return Template.parse(text.strip(), HEADER_FIELDS)
    except ValueError as error:
        raise ValueError(f"has {title}, which {error}") from None


def _text(was: object, longest: int) -> str:
    if not isinstance(was, str) or not was.strip() or not was.isprintable() or len(was) > longest:
        raise ValueError(f"must be a text of 1 to {longest} letters{_was(was)}")
    return was.strip()


def _number(was: object, lowest: float, highest: float) -> float:
    if isinstance(was, bool) or not isinstance(was, int | float) or not lowest <= was <= highest:
        raise ValueError(f"must be a number from {lowest:g} to {highest:g}{_was(was)}")
    return float(was)


def _was(was: object) -> str:
    return f" (it was {was!r:.60})" if isinstance(was, str | int | float | None) else f" (it was {_kind(was)})"


def _kind(was: object) -> str:
    return "an object" if isinstance(was, Mapping) else "a list" if isinstance(was, list) else type(was).__name__
