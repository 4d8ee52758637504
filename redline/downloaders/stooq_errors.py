"""What Stooq's answers mean that are no rows. Pure: status and body in, one of our errors out.

Source: texts that its users quote (read 2026-11). All of them come with status 200: the page that wants a browser
(since 2026-07-29, for most programs), the daily limit, the way to a key (since 2026-03), and "No data".
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from redline.errors import (
    InvalidKey,
    MalformedPage,
    MissingKey,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RedlineError,
    Unsupported,
)
from redline.net.redact import redact

NAME = "stooq"
LABEL = "Stooq"
#: Stooq is at home here, and counts a day from midnight to midnight.
WARSAW = ZoneInfo("Europe/Warsaw")
NO_DATA = (b"no data", b"brak danych")
_ROWS = (b"date,", b"<ticker>,")
_BROWSER = (b"verify your browser", b"/__verify")
_LIMIT = (b"exceeded the daily hits limit", b"przekroczony dzienny limit")
_SHOWN = 200


class BrowserCheck(ProviderUnavailable):
    """Stooq answered with a page that only a browser can pass. Asking again does not help, so it is not retried."""

    retryable = False

    def __init__(self, what: str) -> None:
        super().__init__(
            NAME,
            f"it answered {what} with a page that checks for a browser.",
            "Programs are not let in from here at the moment. Take another source, or download a bulk file from "
            "stooq.com/db/h/ with your browser and read it: StooqDownloader.read_bulk(path).",
        )


class DailyLimit(RateLimited):
    """What Stooq gives in a day is used up, until midnight in Warsaw."""

    def __init__(self, what: str, retry_after_s: float, until: datetime) -> None:
        super().__init__(NAME, what, retry_after_s, asked_by_server=True)
        self.sentence = f"{NAME}: the daily limit is used up; {what} was not given."
        self.hint = (
            f"Stooq counts anew from {until:%Y-%m-%d %H:%M} UTC, and nobody asks it until then. Take another source, "
            "or read a bulk file: StooqDownloader.read_bulk(path)."
        )
        self.args = (self.sentence,)
        self.fields["until"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")


def explain(status: int, body: bytes, what: str, now: datetime, *, with_key: bool) -> RedlineError | None:
    """Return the error that an answer means; ``None`` for rows, for "No data", and for what is to be read as a page."""
    if status == 429:
        return None  # the shared client knows what to do with it, and reads Retry-After
    if not 200 <= status < 300:
        return _refused(status, body, what)
    start = body[:65_536].lstrip().lower()
    if start.startswith(_ROWS):
        return None
    if any(one in start for one in _BROWSER):
        return BrowserCheck(what)
    if any(one in start for one in _LIMIT):
        return daily_limit(what, now)
    if b"apikey" in start:
        return _wrong_key(what) if with_key else MissingKey(NAME, LABEL)
    return None


def daily_limit(what: str, now: datetime) -> DailyLimit:
    """Return the error for the rest of Warsaw's day."""
    tomorrow = now.astimezone(WARSAW).date() + timedelta(days=1)
    until = datetime.combine(tomorrow, time(), WARSAW).astimezone(UTC)
    return DailyLimit(what, round((until - now).total_seconds(), 1), until)


def no_rows(body: bytes) -> bool:
    """Whether an answer is Stooq's "No data": an unknown symbol, or nothing in the dates; it does not say which."""
    return body.strip().lower() in NO_DATA


def not_csv(body: bytes, what: str) -> MalformedPage:
    """Return the error of a 200 answer that is neither rows nor a text that is known."""
    start = body[:64].lstrip().lower()
    kind = "is empty" if not body.strip() else "is an HTML page" if start.startswith(b"<") else "is no CSV of its kind"
    return MalformedPage(NAME, f"the answer to {what} {kind}.", f"Nothing of it was kept. It begins: {_words(body)}")


def _wrong_key(what: str) -> InvalidKey:
    error = InvalidKey(NAME, LABEL, what)
    error.sentence = f"{NAME}: Invalid {LABEL} API key; the answer to {what} tells how to get one."
    error.hint = "Get a new one at stooq.com/q/d/?s=aapl.us&get_apikey and save it under Settings → API Keys."
    error.args = (error.sentence,)
    return error


def _refused(status: int, body: bytes, what: str) -> RedlineError:
    if status == 404:
        return Unsupported(f"{NAME}: this host has no such service ({what} answered 404).", "Check STOOQ_BASE_URL.")
    if status in (401, 403):
        return ProviderError(NAME, f"{status} for {what}: it does not serve this address.", "Take another source.")
    if status == 408 or status >= 500:
        return ProviderUnavailable(NAME, f"{status} for {what}.", "It is asked again by itself.")
    if 300 <= status < 400:
        return MalformedPage(NAME, f"{status} for {what}: a redirect, which is not followed.", "Check STOOQ_BASE_URL.")
    return ProviderError(NAME, f"{status} for {what}.", f"Stooq said: {_words(body)}" if body.strip() else "")


def _words(body: bytes) -> str:
    return redact(" ".join(body[:_SHOWN].decode("utf-8", "replace").split()))
