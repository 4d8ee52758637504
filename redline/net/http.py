"""GET from one origin: paced, counted, retried, waited out, stoppable; an answer that is whole, or a typed error."""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from urllib3 import exceptions as broken

from redline.clock import Clock, Watch
from redline.errors import (
    InvalidKey,
    MalformedPage,
    NotEntitled,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RedlineError,
    UrlRefused,
)
from redline.net.answer import Answer, Caps, unpacked
from redline.net.breaker import Breaker
from redline.net.budget import KeyBudget, Slot
from redline.net.origin import Origin
from redline.net.retry import LONG_S, Failure, RetryPolicy, Throttle
from redline.net.retry_after import retry_after_s
from redline.net.wire import Addresses, Call, Wire

Explain = Callable[[Answer, str], RedlineError | None]

PATIENCE_S = 180.0
"""Three windows of 429s without progress end a call (reliability, rule 3); jobs pass None and wait."""

DEADLINE_TIMEOUTS = 4.0
"""A whole answer may take this many time-outs; one that drips on is ended there."""

VENDOR_WAITS = "the vendor asked to wait"

_CHUNK = 256 * 1024
_UNSENT = (broken.NewConnectionError, broken.ConnectTimeoutError, broken.NameResolutionError)


@dataclass(frozen=True, slots=True)
class _Ask:
    """One call of ``get``, through all its attempts."""

    target: str
    what: str
    endpoint: str
    watch: Watch
    patience_s: float | None


class HttpClient:
    """The way to one source with one key. Thread-safe; keeps connections alive.

    ``headers`` hold the key, where there is one: it travels in no URL. ``explain(answer, what)`` is the source's own
    reading of an answer: a typed error, or None to leave it to the rules here. It is asked for every answer, as some
    sources say no with a 200. ``addresses`` says where the sockets may go, for an origin that a user named.
    """

    def __init__(
        self,
        provider: str,
        origin: str,
        budget: KeyBudget,
        clock: Clock,
        rng: random.Random,
        *,
        timeout_s: float = 30.0,
        breaker: Breaker | None = None,
        headers: Mapping[str, str] | None = None,
        explain: Explain = lambda answer, what: None,
        caps: Caps = Caps(),  # noqa: B008 - a frozen value
        policy: RetryPolicy = RetryPolicy(),  # noqa: B008
        addresses: Addresses | None = None,
    ) -> None:
        self.provider, self.budget, self.timeout_s = provider, budget, timeout_s
        self._origin, self._clock, self._rng = Origin.parse(origin), clock, rng
        self._breaker = breaker or Breaker(provider, clock)
        self._headers = {**(headers or {}), "Accept-Encoding": "gzip"}
        self._explain, self._caps, self._policy = explain, caps, policy
        self._wire = Wire(self._origin, addresses)

    def __repr__(self) -> str:
        return f"<HttpClient {self.provider} {self._origin.scheme}://{self._origin.host}:{self._origin.port}>"

    def check_url(self, url: str) -> None:
        """Raise NextUrlRefused when ``url`` is not on this client's origin."""
        self._origin.target(url, self.provider)

    def get(
        self,
        url: str,
        *,
        what: str,
        endpoint: str,
        watch: Watch | None = None,
        patience_s: float | None = PATIENCE_S,
    ) -> Answer:
        """Return the whole 2xx answer.

        ``what`` names the request in messages (``bars AAPL 2024-03 (page 4)``), ``endpoint`` in the counts of usage.
        429s pause the key for all who use it; after ``patience_s`` of them the call gives up, with None never.
        Broken connections, cut answers, 408 and 5xx are tried three times, one slot each.

        Raises:
            NextUrlRefused, UrlRefused: the URL leaves the origin, or that leads inside; nothing was sent.
            Cancelled: the watch said stop.
            RateLimited, ProviderUnavailable: gave up; a later call may work.
            InvalidKey, NotEntitled, MalformedPage, ProviderError, or what ``explain`` returns: asking again is no use.
        """
        ask = _Ask(self._origin.target(url, self.provider), what, endpoint, watch or Watch(), patience_s)
        failed = 0
        first_429: float | None = None
        while True:
            self._refuse_long_pause(ask)
            self._await_source(ask)
            answer, error = self._attempt(ask)
            if error is None:
                if answer is not None:
                    return answer
                continue  # the source was found resting once the slot was there
            now = self._clock.since_boot()
            if isinstance(error, RateLimited):
                first_429 = now if first_429 is None else first_429
                self._throttled(ask, answer, error, now - first_429)
            else:
                failed += 1
                self._failed(ask, answer, error, failed)

    def close(self) -> None:
        """Close the idle connections."""
        self._wire.close()

    # -- one attempt --------------------------------------------------------------------------------------------------

    def _attempt(self, ask: _Ask) -> tuple[Answer | None, RedlineError | None]:
        """Send once: (answer, None) is good, (answer or None, error) is not, (None, None) was not let through."""
        with self.budget.slot(ask.watch) as slot:
            given = self._breaker.enter()
            if given is None:
                slot.give_back()
                return None, None
            answer: Answer | None = None
            try:
                answer = self._send(ask, slot)
                error = self._judge(answer, ask.what)
            except ProviderError as raised:
                error = raised
            except BaseException:
                self._breaker.left(given)
                raise
            if isinstance(error, ProviderUnavailable):
                self._breaker.failed(given)
            else:
                self._breaker.succeeded(given)
                if isinstance(error, RateLimited):
                    self.budget.pause(self._asked_s(answer, error) or self.budget.window_s, VENDOR_WAITS)
                else:
                    slot.served()
            return answer, error

    def _send(self, ask: _Ask, slot: Slot) -> Answer:
        self.budget.count(ask.endpoint)
        ask.watch.on_request(ask.endpoint)
        deadline = self._clock.since_boot() + DEADLINE_TIMEOUTS * self.timeout_s
        call = Call(self._clock, ask.watch, self.timeout_s, deadline)
        try:
            with self._wire.get(ask.target, self._headers, call) as response:
                body = unpacked(
                    response.stream(_CHUNK, decode_content=False), response.headers, self._caps, self.provider, ask.what
                )
                return Answer(response.status, response.headers, body)
        except UrlRefused:
            slot.give_back()
            raise
        except (broken.HTTPError, OSError) as error:
            if isinstance(error, _UNSENT):
                slot.give_back()
            raise self._broken(error, ask.what) from error

    def _broken(self, error: Exception, what: str) -> ProviderError:
        if isinstance(error, broken.SSLError) and isinstance(error.args[0], ssl.SSLCertVerificationError):
            return ProviderError(
                self.provider, "its certificate was not accepted.", "Check the base URL and this machine's clock."
            )
        if isinstance(error, _UNSENT):  # first: urllib3 derives some of these from its time-outs
            how = f"no connection for {what}"
        elif isinstance(error, TimeoutError | broken.TimeoutError):
            how = f"no whole answer to {what} within {self.timeout_s:g} s of silence or {self._deadline_s:g} s in all"
        else:
            how = f"the answer to {what} was cut: the connection broke"
        return ProviderUnavailable(self.provider, f"{how}.", "Check the network; the source may be down.")

    @property
    def _deadline_s(self) -> float:
        return DEADLINE_TIMEOUTS * self.timeout_s

    def _judge(self, answer: Answer, what: str) -> RedlineError | None:
        explained = self._explain(answer, what)
        if explained is not None or 200 <= answer.status < 300:
            return explained
        status = answer.status
        if status == 429:
            asked = retry_after_s(answer.headers, self._clock.now())
            return RateLimited(self.provider, what, asked or self.budget.window_s, asked_by_server=asked is not None)
        if status == 408 or status >= 500:
            return ProviderUnavailable(self.provider, f"{status} for {what}.", "The source has a problem; ask later.")
        if status == 401:
            return InvalidKey(self.provider, self.provider, what)
        if status == 403:
            return NotEntitled(self.provider, what, "")
        if 300 <= status < 400:
            return MalformedPage(self.provider, f"{status} for {what}: redirects are not followed.")
        return ProviderError(self.provider, f"{status} for {what}.", "Asking the same again gives the same answer.")

    # -- what follows -------------------------------------------------------------------------------------------------

    def _throttled(self, ask: _Ask, answer: Answer | None, error: RateLimited, since_first_s: float) -> None:
        asked = self._asked_s(answer, error)
        state = Throttle(asked, since_first_s, self.budget.window_s, ask.patience_s)
        if state.gives_up:
            raise self._rate_limited(ask, state.wait_s, asked_by_server=asked is not None)

    def _asked_s(self, answer: Answer | None, error: RateLimited) -> float | None:
        """Return how long a 429 asks to wait; None when it does not say."""
        asked = None if answer is None else retry_after_s(answer.headers, self._clock.now())
        return error.retry_after_s if asked is None and error.asked_by_server else asked

    def _refuse_long_pause(self, ask: _Ask) -> None:
        if ask.patience_s is not None and (left := self.budget.paused_s()) > LONG_S:
            raise self._rate_limited(ask, left, asked_by_server=True)

    def _rate_limited(self, ask: _Ask, wait_s: float, *, asked_by_server: bool) -> RateLimited:
        error = RateLimited(self.provider, ask.what, round(wait_s, 1), asked_by_server=asked_by_server)
        until = self._clock.now() + timedelta(seconds=wait_s)
        error.fields["until"] = until.strftime("%Y-%m-%dT%H:%M:%SZ")
        error.hint = f"Ask again after {until:%Y-%m-%d %H:%M:%S} UTC; nobody uses this key until then."
        return error

    def _failed(self, ask: _Ask, answer: Answer | None, error: RedlineError, failed: int) -> None:
        if not error.retryable or self._breaker.is_open:
            raise error
        asked = None if answer is None else retry_after_s(answer.headers, self._clock.now())
        state = Failure(failed, asked, allowed=failed >= self._policy.attempts or self._breaker.retries.take())
        wait_s = self._policy.wait_s(state, self._rng.random())
        if wait_s is None:
            raise error
        reason = f"{error.sentence} Waiting, attempt {failed + 1} of {self._policy.attempts}."
        ask.watch.sleep(self._clock, wait_s, reason)

    def _await_source(self, ask: _Ask) -> None:
        rounds = self._breaker.rounds
        while (wait_s := self._breaker.ready_in_s()) > 0:
            reason = f"{self.provider} did not answer ({self._breaker.failures} in a row); it is given a rest"
            ask.watch.sleep(self._clock, wait_s, reason)
            if self._breaker.rounds != rounds:
                raise ProviderUnavailable(
                    self.provider, f"{ask.what} was not asked for: the source does not answer.", "Ask again later."
                )


__all__ = ["PATIENCE_S", "Answer", "Caps", "Explain", "HttpClient"]
