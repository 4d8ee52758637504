"""What answers of a user's API mean that are no rows. Pure: answer in, one of our errors out."""

from __future__ import annotations

import re

import msgspec

from redline.config.custom_api import CustomApi
from redline.errors import (
    InvalidKey,
    MalformedPage,
    NotEntitled,
    NotJson,
    ProviderError,
    RateLimited,
    RedlineError,
    UnknownTicker,
)
from redline.net.answer import Answer
from redline.net.redact import redact

WINDOW_S = 60.0
#: A longer answer is no sentence about a limit.
_SENTENCE_BYTES = 2_000
_TOO_MUCH = re.compile(
    rb"exceed\w* (?:the|your|its) [\w ]*(?:requests|hits|limit|calls|quota)"
    rb"|rate limit (?:reached|exceeded)|too many requests",
    re.IGNORECASE,
)
_WORDS = ("error", "message", "detail", "errorMessage", "error_message", "Error Message", "Note", "Information")
_SHOWN = 200


def explain(api: CustomApi, answer: Answer, what: str) -> RedlineError | None:
    """Return the error that an answer means; ``None`` for what is to be read, and for what the shared client knows.

    ``UnknownTicker`` names ``what`` in place of the ticker: who asked knows that one.
    """
    status, body = answer.status, answer.body
    if 200 <= status < 300:
        if len(body) <= _SENTENCE_BYTES and _TOO_MUCH.search(body):
            return RateLimited(api.source, what, WINDOW_S, asked_by_server=False)
        return None
    if status == 401:
        return InvalidKey(api.source, api.name, what)
    if status == api.not_found_status:
        return UnknownTicker(api.source, what)
    if status == 403:
        return NotEntitled(api.source, what, said(body))
    if 300 <= status < 400:
        return MalformedPage(
            api.source, f"{status} for {what}: a redirect, which is not followed.", "Correct base_url or endpoint."
        )
    if status in (408, 429) or status >= 500:
        return None
    return ProviderError(api.source, f"{status} for {what}.", quoted(body) or "Check endpoint and the *_param keys.")


def unknown(api: CustomApi, ticker: str) -> UnknownTicker:
    """Return the error for a ticker that the API answered ``not_found_status`` for."""
    error = UnknownTicker(api.source, ticker)
    error.hint += f" If it says so of every ticker, base_url or endpoint is wrong: {api.not_found_status} means both."
    return error


def not_json(api: CustomApi, body: bytes, what: str) -> NotJson:
    """Return the error of a 2xx answer that is markup or nothing."""
    start = body[:512].lstrip().lower()
    kind = "is empty" if not start else "is XML" if start.startswith(b"<?xml") else "is an HTML page"
    return NotJson(
        api.source,
        f"the answer to {what} {kind}, no {api.response_format.value}.",
        "Nothing of it was kept. Many APIs have a parameter for the format: put it into endpoint."
        if start
        else "Nothing of it was kept. An API without rows has to say so.",
    )


def said(body: bytes) -> str:
    """Return the API's own words in an answer, with keys masked; empty for markup and rows."""
    start = body[:65_536]
    if start.lstrip()[:1] in (b"<", b"["):
        return ""
    try:
        found = msgspec.json.decode(body) if len(body) <= 65_536 else None
    except (ValueError, RecursionError):
        return _short(start[:_SHOWN].decode("utf-8", "replace"))
    if not isinstance(found, dict):
        return ""
    return next((_short(found[word]) for word in _WORDS if isinstance(found.get(word), str) and found[word]), "")


def quoted(body: bytes) -> str:
    """Return a sentence with what the API said, empty when it said nothing."""
    text = said(body)
    return f"The API said: {text}" if text else ""


def _short(text: str) -> str:
    return redact(" ".join(text.split()))[:_SHOWN]
