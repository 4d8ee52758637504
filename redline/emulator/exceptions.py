"""The vendor's error answers, word for word (massive-contract, section 3).

The text stands under ``error`` when the status is ERROR and under ``message`` otherwise; no error carries results.
Sentences marked (I) are inferred: no public text of the vendor is known for the case.
"""

from __future__ import annotations


class VendorError(Exception):
    """An answer that is no 200. ``http_status`` and ``text`` are what the vendor sends."""

    http_status = 400
    word = "ERROR"
    text = ""

    def __init__(self, text: str | None = None) -> None:
        super().__init__(text or self.text)
        self.sentence = text or self.text

    def body(self, request_id: str) -> dict[str, object]:
        """Return the JSON body, in the vendor's order of keys."""
        key = "error" if self.word == "ERROR" else "message"
        return {"status": self.word, "request_id": request_id, key: self.sentence}


class BadParameter(VendorError):
    """400: a parameter that cannot be used."""


class UnreadableTime(BadParameter):
    """400: ``from`` or ``to`` is neither a date nor milliseconds."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Could not parse the time parameter: '{name}'. Use YYYY-MM-DD or Unix MS Timestamps")


class ReversedRange(BadParameter):
    """400: ``to`` lies before ``from``."""

    text = "The parameter 'to' cannot be a time that occurs before 'from'"


class NoKey(VendorError):
    """401: neither a Bearer header nor ``apiKey``."""

    http_status = 401
    text = "API Key was not provided"


class UnknownKey(VendorError):
    """401: a key that is not, or no longer, known."""

    http_status = 401
    text = "Unknown API Key"


class NotEntitled(VendorError):
    """403: the endpoint is not in the plan."""

    http_status, word = 403, "NOT_AUTHORIZED"
    text = "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing"


class TimeframeNotInPlan(VendorError):
    """403: older than the plan's history, or newer than what it may see."""

    http_status, word = 403, "NOT_AUTHORIZED"
    text = "Your plan doesn't include this data timeframe. Please upgrade your plan at https://massive.com/pricing"


class DataNotFound(VendorError):
    """404 of open-close on a day without a session."""

    http_status, word, text = 404, "NOT_FOUND", "Data not found."


class TickerNotFound(VendorError):
    """404 of the ticker overview and the ticker events."""

    http_status, word, text = 404, "NOT_FOUND", "Ticker not found."


class TooManyRequests(VendorError):
    """429: over the plan's calls a minute. No ``Retry-After``: there is no public proof that the vendor sends one."""

    http_status = 429
    text = (
        "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to continue. "
        "https://polygon.io/pricing"
    )


class ServerFault(VendorError):
    """500: only ever sent by a scripted fault, or by a mistake of ours (I)."""

    http_status, text = 500, "Internal server error"


BY_STATUS: dict[int, type[VendorError]] = {
    400: BadParameter,
    401: UnknownKey,
    403: NotEntitled,
    404: DataNotFound,
    429: TooManyRequests,
    500: ServerFault,
}
