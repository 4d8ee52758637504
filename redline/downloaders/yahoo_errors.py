"""What Yahoo's error answers mean. Pure: status and body in, one of our errors out.

Source: recorded answers, and the sentences that its users quote (read 2026-11): errors stand in ``chart.error``, or in
``finance.error``, as ``code`` and ``description``; a 429 is the plain text ``Too Many Requests``.
"""

from __future__ import annotations

from datetime import date

import msgspec

from redline.errors import (
    MalformedPage,
    NoData,
    NotEntitled,
    NotJson,
    ProviderError,
    ProviderUnavailable,
    RedlineError,
    UnknownTicker,
    Unsupported,
)
from redline.net.redact import redact

NAME = "yahoo"
_SHOWN = 200
_CONSENT = "From some countries Yahoo leads to a page of consent: take another source. Else check YAHOO_BASE_URL."


class _Error(msgspec.Struct):
    code: str = ""
    description: str = ""


class _Part(msgspec.Struct):
    error: _Error | None = None


class _Said(msgspec.Struct):
    chart: _Part | None = None
    finance: _Part | None = None


def explain(status: int, body: bytes, what: str) -> RedlineError | None:
    """Return the error that an answer means; ``None`` for a 2xx, and for what the shared client reads itself (429)."""
    if 200 <= status < 300 or status == 429:
        return None
    text = said(body)
    if status == 404:
        return _not_found(body, what)
    if status == 400 and text.startswith("Data doesn't exist"):
        return NoData(f"{NAME}: it has nothing for {what}.", _quoted(text))
    if status == 422:
        return refused(what, text)
    if status in (401, 403):
        return ProviderError(
            NAME,
            f"{status} for {what}: it wants a browser's session, or does not serve this address.",
            _quoted(text) or "Ask from another network, or take another source.",
        )
    if status == 408 or status >= 500:
        return ProviderUnavailable(NAME, f"{status} for {what}.", _quoted(text) or "It is asked again by itself.")
    if 300 <= status < 400:
        return MalformedPage(NAME, f"{status} for {what}: a redirect, which is not followed.", _CONSENT)
    return ProviderError(NAME, f"{status} for {what}.", _quoted(text))


def said(body: bytes) -> str:
    """Return Yahoo's own words in an error body, or its short plain text."""
    error = _error_of(body)
    if error is not None:
        return redact(" ".join(error.description.split()))
    return redact(" ".join(body[:_SHOWN].decode("utf-8", "replace").split()))


def refused(what: str, text: str) -> ProviderError:
    """Return the error of a 422: dates that lie too far back for such bars, or a request that it cannot read."""
    if "data not available" in text:
        error = NotEntitled(NAME, what, text, timeframe=True)
        return _worded(error, f"{NAME}: it does not serve {what}.", _quoted(text))
    return ProviderError(NAME, f"422 for {what}.", _quoted(text))


def too_old(what: str, first: date) -> NotEntitled:
    """Return the error for bars within a day from before ``first``; nothing was sent."""
    return _worded(
        NotEntitled(NAME, what, "", timeframe=True),
        f"{NAME}: it has such bars from {first} on only; {what} begins before.",
        "Ask for later dates, or for longer bars: hours reach 729 days back, days to the first one.",
    )


def not_json(body: bytes, what: str) -> NotJson:
    """Return the error of a 200 answer that is no JSON: a consent page, a proxy's."""
    kind = "is empty" if not body.strip() else "is an HTML page" if body.lstrip().startswith(b"<") else "is no JSON"
    return NotJson(
        NAME, f"the answer to {what} {kind}.", "Nothing of it was kept. Retry; a consent or proxy page does this."
    )


def _not_found(body: bytes, what: str) -> RedlineError:
    error = _error_of(body)
    if error is not None and error.code == "Not Found":
        return UnknownTicker(NAME, what)  # who asked knows the ticker, and says so
    return Unsupported(f"{NAME}: this host has no such service ({what} answered 404).", "Check YAHOO_BASE_URL.")


def _error_of(body: bytes) -> _Error | None:
    try:
        found = msgspec.json.decode(body[:65_536], type=_Said, strict=False)
    except (ValueError, RecursionError):
        return None
    parts = [part.error for part in (found.chart, found.finance) if part is not None and part.error is not None]
    return parts[0] if parts else None


def _worded(error: NotEntitled, sentence: str, hint: str) -> NotEntitled:
    """Give an error its own words: Yahoo has neither keys nor plans."""
    error.sentence, error.hint, error.args = sentence, hint, (sentence,)
    return error


def _quoted(text: str) -> str:
    return f"Yahoo said: {text[:_SHOWN]}" if text else ""
