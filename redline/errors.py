"""Every deliberate error of REDLINE, as a tree that can be read in one screen.

RedlineError
  RequestError     what was asked is wrong; never retried                            400
    BadField         a field has a wrong value; BadRange: dates that make no range
    BadConfig        several fields of one config, each named
    BadName          a name that would leave its folder
    UrlRefused       an address that a request must not go to
    InvalidJson      the body is no JSON object
    UnknownTicker    the source does not know the ticker                             404
    Unsupported      this source has no such dataset, timespan or option
    Conflict         the thing is in another state than the request needs            409
    NotFound         no such job, page, key                                          404
    NoData           known, but nothing is there                                     404
    TooManyTries     wrong passwords; nothing of a source                            429
    Refused          the web gate does not let the request in                        403
      SignedOut 401, WrongHost 421, WrongBodyType 415, TooLarge 413, Busy 503
  ConfigError      the installation has to be changed first
    MissingKey       no key for the source                                           400
    KeysUnreadable   the vault does not open with this master key                    500
    UnsafeSetting    a setting that would expose something; exit code 2
  ProviderError    the source answered, or did not
    RateLimited *    429, or a text that means it                                    429
    ProviderUnavailable *   refused, reset, timed out, 5xx                           503
    InvalidKey       401; also a ValueError                                          401
    NotEntitled      403: not in the plan                                            403
    MalformedPage    an answer that cannot be trusted                                502
      NotJson, PaginationLoop, NextUrlRefused
  StoreError
    StoreBusy *      another process holds the table
    CorruptPartition a file that is not what was written
    DiskFull *       no space left                                                   507
    StoreUnwritable  the folder cannot be written
    LeaseLost        another worker has taken over this part of a job
  JobFailed        a job that failed, with the code and words of what made it fail
  Cancelled        the caller asked to stop; no failure

A star marks ``retryable = True``: the retry loop reads that and nothing else.
"""

from __future__ import annotations


class RedlineError(Exception):
    """A deliberate error: ``code`` for programs, the sentence for people, ``hint`` for what to do next.

    ``fields`` go into the JSON answer beside them. No path, no key and no stack ever stands in any of these.
    """

    code: str = "error"
    status: int = 500
    retryable: bool = False

    def __init__(self, sentence: str, hint: str = "", **fields: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.fields = fields

    def as_json(self) -> dict[str, object]:
        """Return the one JSON shape of every error (design 4.3)."""
        return {"error": self.sentence, "code": self.code, "hint": self.hint, **self.fields}


# -- what was asked ---------------------------------------------------------------------------------------------------


class RequestError(RedlineError):
    """What was asked is wrong; asking the same again gives the same answer."""

    code, status = "bad_field", 400


class BadField(RequestError):
    """A field of a request has a value that cannot be used."""

    def __init__(self, field: str, was: object, wanted: str) -> None:
        shown = repr(was) if isinstance(was, str) else f"{was!r:.80}"
        super().__init__(f"{field} was {shown[:120]}; {wanted}.", f"Correct {field} and ask again.", field=field)


class BadRange(BadField):
    """Two dates that make no range, or a range that cannot exist."""


class BadConfig(RequestError):
    """A config with keys that are missing, unknown or of the wrong kind: ``problems``, key to what is wrong with it."""

    def __init__(self, what: str, problems: dict[str, str]) -> None:
        listed = "; ".join(f"{key} {why}" for key, why in problems.items())
        super().__init__(
            f"{what}: {listed}.",
            f"Correct {', '.join(problems)} and try again.",
            field=next(iter(problems)),
            problems=problems,
        )
        self.problems = problems


class BadName(RequestError):
    """A ticker, file or export name that would leave its folder or cannot be told apart from another."""

    code = "bad_name"

    def __init__(self, field: str, was: object, wanted: str) -> None:
        super().__init__(f"{field} was {repr(was)[:80]}; {wanted}.", f"Correct {field} and ask again.", field=field)


class UrlRefused(RequestError):
    """An address that requests must not go to: no https, one that can be read in two ways, or none of the internet."""

    code = "url_refused"

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(
            f"The address was refused: {why}.",
            hint or "Nothing was sent. A host of your own network can be listed first, in REDLINE_ALLOWED_HOSTS.",
            field="base_url",
        )


class InvalidJson(RequestError):
    """The body of a request is no JSON object."""

    code = "invalid_json"


class UnknownTicker(RequestError):
    """The source's reference data does not know the ticker."""

    code, status = "unknown_ticker", 404

    def __init__(self, provider: str, ticker: str, only: tuple[str, ...] = ()) -> None:
        """``only``: the tickers that can be asked at all, for a source with so few that they can be named."""
        super().__init__(
            f'{provider} does not know the ticker "{ticker}".',
            f"The demo market has {', '.join(only)}; with a key you can ask for all others."
            if only
            else "Check the spelling: tickers are case-sensitive, and delisted ones may have another name.",
            ticker=ticker,
            source=provider,
        )


class Unsupported(RequestError):
    """The source has no such dataset, timespan or option."""

    code = "unsupported"


class Conflict(RequestError):
    """The thing is in another state than the request needs."""

    code, status = "conflict", 409


class NotFound(RequestError):
    """No such job, key or page."""

    code, status = "not_found", 404


class NoData(RequestError):
    """The question was right, and nothing is there to answer it."""

    code, status = "no_data", 404


class Refused(RequestError):
    """The web gate does not let a request in: nothing says that it comes from the app's own pages or a program."""

    code, status = "forbidden", 403


class SignedOut(Refused):
    """A password is set, and the request carries neither a session nor a token that holds."""

    code, status = "signed_out", 401


class WrongHost(Refused):
    """The ``Host`` of the request is none of the names that the server answers to."""

    code, status = "wrong_host", 421


class WrongBodyType(Refused):
    """The body is neither JSON nor a form."""

    code, status = "unsupported_media_type", 415


class TooLarge(Refused):
    """The body is bigger than any honest request."""

    code, status = "too_large", 413


class Busy(Refused):
    """All seats for this kind of request are taken; asking again later helps."""

    code, status = "busy", 503


class TooManyTries(RequestError):
    """Too many wrong passwords; none is looked at for ``retry_after_s`` seconds."""

    code, status = "rate_limited", 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(
            "There were too many wrong passwords.",
            f"Wait {retry_after_s} s and try again.",
            retry_after_s=retry_after_s,
        )
        self.retry_after_s = retry_after_s


# -- the installation -------------------------------------------------------------------------------------------------


class ConfigError(RedlineError):
    """The installation has to be changed before this can work."""

    code, status = "bad_config", 500


class MissingKey(ConfigError):
    """No key is known for a source that needs one."""

    code, status = "missing_api_key", 400

    def __init__(self, source: str, label: str) -> None:
        super().__init__(
            f"{label} API key required",
            f"Add one under Settings → API Keys, or set {source.upper()}_API_KEY.",
            source=source,
        )


class KeysUnreadable(ConfigError):
    """The vault does not open with this master key. Nothing was erased."""

    code = "keys_unreadable"


class UnsafeSetting(ConfigError):
    """A setting that would expose something or cannot be used; programs end with exit code 2."""

    code = "unsafe_setting"


# -- the source -------------------------------------------------------------------------------------------------------


class ProviderError(RedlineError):
    """A source answered with an error, or not at all."""

    code, status = "provider_error", 502

    def __init__(self, provider: str, sentence: str, hint: str = "", **fields: object) -> None:
        super().__init__(f"{provider}: {sentence}", hint, source=provider, **fields)
        self.provider = provider


class RateLimited(ProviderError):
    """The source says that too much was asked. ``retry_after_s`` is what it asked for, or our window."""

    code, status, retryable = "rate_limited", 429, True

    def __init__(self, provider: str, what: str, retry_after_s: float, *, asked_by_server: bool) -> None:
        who = "the server asked for" if asked_by_server else "no Retry-After, so the key's window is waited out:"
        super().__init__(
            provider,
            f"429 for {what}; {who} {retry_after_s:g} s.",
            "Lower the key's limit under Settings → API Keys if this happens often, or ask again later.",
            retry_after_s=retry_after_s,
        )
        self.retry_after_s = retry_after_s
        self.asked_by_server = asked_by_server


class ProviderUnavailable(ProviderError):
    """Connection refused or broken, time-out, 5xx, or a circuit breaker that rests the source."""

    code, status, retryable = "provider_unavailable", 503, True


class AllSourcesFailed(ProviderUnavailable):
    """None of several sources could help. ``reasons``: source to sentence."""

    def __init__(self, ticker: str, reasons: dict[str, str]) -> None:
        told = " ".join(f"{name}: {reason.removeprefix(name + ': ')}" for name, reason in reasons.items())
        super().__init__(
            "every source", f"none could give bars of {ticker}. {told}", "Mend one of them; ask again later."
        )
        self.fields["reasons"] = dict(reasons)


class InvalidKey(ProviderError, ValueError):
    """The source rejected the key (401). Also a ``ValueError``, for callers that expect one."""

    code, status = "invalid_api_key", 401

    def __init__(self, provider: str, label: str, what: str) -> None:
        super().__init__(
            provider,
            f"Invalid {label} API key; the answer to {what} was 401.",
            "Save the right key under Settings → API Keys, or set it in the environment.",
        )


class NotEntitled(ProviderError):
    """The plan of the key does not cover what was asked (403). ``timeframe``: only these dates, not the dataset."""

    code, status = "not_entitled", 403

    def __init__(self, provider: str, what: str, said: str, *, timeframe: bool = False) -> None:
        super().__init__(
            provider,
            f"the key's plan does not cover {what}.",
            f"The vendor said: {said[:200]}" if said else "Ask for less, or change the plan.",
            timeframe=timeframe,
        )
        self.timeframe = timeframe


class MalformedPage(ProviderError):
    """An answer that cannot be trusted: cut, wrong shape, wrong ticker, rows that are not what was asked."""

    code = "malformed_page"


class NotJson(MalformedPage):
    """An answer with status 200 that is no JSON."""

    code = "not_json"


class PaginationLoop(MalformedPage):
    """Paging that does not end: a cursor that repeats, or page after page without a new row."""

    code = "pagination_loop"


class NextUrlRefused(MalformedPage):
    """A ``next_url`` that leaves the configured scheme, host and port. Nothing was sent there."""

    code = "next_url_refused"


# -- the store --------------------------------------------------------------------------------------------------------


class StoreError(RedlineError):
    """The store on disk could not be read or written; what it held before is as it was."""

    code, status = "store_error", 500


class StoreBusy(StoreError):
    """Another process holds the table and did not let go in time."""

    code, status, retryable = "store_busy", 503, True


class StoreGone(StoreError):
    """The folder of the store was taken away while REDLINE runs."""

    code, status, retryable = "store_gone", 503, True


class CorruptPartition(StoreError):
    """A data file is not what was written."""

    code = "corrupt_partition"


class DiskFull(StoreError):
    """No space left on the store's disk."""

    code, status, retryable = "disk_full", 507, True


class StoreUnwritable(StoreError):
    """The store's folder cannot be written."""

    code = "store_unwritable"


class LeaseLost(StoreError):
    """Another worker has taken over this part of a job; what this one has in hand must not be marked."""

    code = "lease_lost"


class JobFailed(RedlineError):
    """A job failed. It bears the code, status, sentence and hint of the error that made it fail, kept by the ledger."""

    def __init__(self, code: str, status: int, sentence: str, hint: str, **fields: object) -> None:
        super().__init__(sentence, hint, **fields)
        self.code, self.status = code, status


class Cancelled(RedlineError):
    """The caller asked to stop while this was waiting or working. No failure, and nothing half done is kept."""

    code, status = "cancelled", 409
