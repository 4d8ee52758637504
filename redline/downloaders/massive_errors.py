"""What Massive's error answers mean. Pure: status and body in, one of our errors out.

Source: contract page section 3 (observed bodies, October 2026): the text stands in ``error`` or in ``message``; a 429
may be empty; a route that does not exist answers in plain text; 5xx may be HTML.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from redline.errors import (
    BadField,
    BadRange,
    InvalidKey,
    MalformedPage,
    NoData,
    NotEntitled,
    NotJson,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RedlineError,
    Unsupported,
)
from redline.net.redact import redact

NAME = "massive"
LABEL = "Massive.com"
WINDOW_S = 60.0
_TOO_MUCH = re.compile(r"exceed\w* (?:the|your|its) [\w ]*(?:requests|hits|limit|calls|quota)", re.IGNORECASE)
_TIMEFRAME = re.compile(r"time\s?frame|before end of day", re.IGNORECASE)
_FIELD = re.compile(r"'(\w+)'")
_OUR_NAMES = {"from": "start_date", "to": "end_date"}
_SHOWN = 200


class _Said(msgspec.Struct):
    status: str = ""
    error: str = ""
    message: str = ""


def explain(status: int, body: bytes, what: str) -> RedlineError | None:
    """Return the error that an answer means, ``None`` when there is nothing wrong with it at first sight.

    ``what`` says what was asked, for the sentence. A 200 is looked at too: some limits are said in plain text there.
    """
    if 200 <= status < 300:
        return _not_an_answer(body, what)
    if status == 401:
        return InvalidKey(NAME, LABEL, what)
    if status == 429:
        return None  # the shared client knows what to do with it, and reads Retry-After
    text = said(body)
    if status == 403:
        return NotEntitled(NAME, what, text, timeframe=bool(_TIMEFRAME.search(text)))
    if status == 404:
        return _not_found(body, text, what)
    if status == 400:
        return bad_request(text, what)
    if status == 408 or status >= 500:
        return ProviderUnavailable(NAME, f"{status} for {what}.", _quoted(text) or "It is asked again by itself.")
    if 300 <= status < 400:
        return MalformedPage(
            NAME, f"{status} for {what}: a redirect, which is not followed.", "Check MASSIVE_API_BASE_URL."
        )
    return ProviderError(NAME, f"{status} for {what}.", _quoted(text))


def said(body: bytes) -> str:
    """Return the vendor's own words in an error body: its ``error`` or ``message``, or short plain text.

    They go into errors, job pages and logs, so a key that the vendor repeats in them is masked.
    """
    try:
        found = msgspec.json.decode(body[:65_536], type=_Said, strict=False)
    except (ValueError, RecursionError):
        return redact(" ".join(body[:_SHOWN].decode("utf-8", "replace").split()))
    return redact(" ".join((found.error or found.message).split()))


def said_in_ok(status_field: str, text: str, what: str) -> ProviderError | BadField:
    """Return the error that a 200 body with ``status`` other than OK or DELAYED means."""
    text, status_field = redact(text), redact(status_field)
    if _TOO_MUCH.search(text):
        return RateLimited(NAME, what, WINDOW_S, asked_by_server=False)
    if status_field == "NOT_AUTHORIZED":
        return NotEntitled(NAME, what, text, timeframe=bool(_TIMEFRAME.search(text)))
    return MalformedPage(NAME, f"the answer to {what} has the status {status_field[:40]!r}.", _quoted(text))


def bad_request(text: str, what: str) -> RedlineError:
    """Return the error of a 400 by its text: a wrong range, or the field that it names."""
    if "before 'from'" in text:
        return BadRange("end_date", "", "Massive.com says that it is before start_date")
    named = _FIELD.search(text)
    if named is not None:
        theirs = named.group(1)
        return BadField(_OUR_NAMES.get(theirs, theirs), "", f"Massive.com says: {text[:_SHOWN]}")
    return ProviderError(NAME, f"400 for {what}.", _quoted(text))


def not_json(body: bytes, what: str) -> NotJson:
    """Return the error of a 200 answer that is no JSON at all."""
    start = body[:64].lstrip().lower()
    kind = "is empty" if not body.strip() else "is an HTML page" if start.startswith(b"<") else "is no JSON"
    return NotJson(
        NAME, f"the answer to {what} {kind}.", "Nothing of it was kept. Retry; a proxy or maintenance page does this."
    )


def _not_an_answer(body: bytes, what: str) -> RedlineError | None:
    start = body[:64].lstrip()[:1]
    if start in (b"{", b"["):
        return None
    text = body[:_SHOWN].decode("utf-8", "replace")
    if _TOO_MUCH.search(text):
        return RateLimited(NAME, what, WINDOW_S, asked_by_server=False)
    return not_json(body, what)


def _not_found(body: bytes, text: str, what: str) -> RedlineError:
    if body.lstrip()[:1] == b"{":
        return NoData(f"{NAME}: nothing found for {what}.", _quoted(text))
    return Unsupported(
        f"{NAME}: this host has no such service ({what} answered 404).",
        "Check MASSIVE_API_BASE_URL; the vendor does not offer this address.",
    )


def _quoted(text: str) -> str:
    return f"The vendor said: {text[:_SHOWN]}" if text else ""


def field(value: Any, kind: type, name: str, what: str) -> Any:
    """Return ``value`` when it is of ``kind``; raises ``MalformedPage`` that names the field."""
    if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
        return value
    raise MalformedPage(NAME, f"the answer to {what} has a {name} that is no {kind.__name__}.", "Nothing was kept.")
