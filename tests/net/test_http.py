"""The HTTP client against a scripted vendor: waits, retries, and what it makes of each answer."""

from __future__ import annotations

import gzip
import logging
import random
import socket
import threading
import time

import pytest

from redline.clock import SystemClock, Watch
from redline.errors import (
    Cancelled,
    InvalidKey,
    MalformedPage,
    NextUrlRefused,
    NotEntitled,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RedlineError,
)
from redline.net.answer import Answer, Caps
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.net.http import HttpClient
from redline.testing import FakeClock

from .conftest import MakeClient
from .vendor import Reply, Vendor

OK = Reply(body=b'{"status":"OK","results":[1]}')


def get(client: HttpClient, path: str = "/v2/aggs", **words: object) -> Answer:
    origin = f"http://{client._origin.host}:{client._origin.port}"
    return client.get(origin + path, what="bars AAPL", endpoint="v2/aggs", **words)  # type: ignore[arg-type]


def test_a_good_answer_is_returned_whole_and_counted_once(vendor: Vendor, client: MakeClient) -> None:
    vendor.answers(Reply(headers={"X-Request-Id": "7"}, body=OK.body))
    heard: list[str] = []

    answer = get(client(), "/v2/aggs?limit=5", watch=Watch(on_request=heard.append))

    assert (answer.status, answer.body, answer.headers["x-request-id"]) == (200, OK.body, "7")
    assert vendor.paths == ["/v2/aggs?limit=5"]
    assert heard == ["v2/aggs"]


def test_the_key_goes_in_the_header_and_gzip_is_asked_for(vendor: Vendor, client: MakeClient) -> None:
    vendor.answers(Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(OK.body)))

    assert get(client()).body == OK.body
    assert vendor.asked[0].headers["Authorization"] == "Bearer canary-key"
    assert vendor.asked[0].headers["Accept-Encoding"] == "gzip"
    assert "canary-key" not in vendor.paths[0]


def test_proxies_and_netrc_of_the_environment_are_not_used(
    vendor: Vendor, client: MakeClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert get(client()).status == 200


def test_connections_are_used_again(vendor: Vendor, client: MakeClient) -> None:
    http = client()
    for _ in range(5):
        get(http)

    assert len(vendor._open) == 1


@pytest.mark.parametrize("headers", [{"Retry-After": "3"}, {"Retry-After": "Wed, 25 Nov 2026 09:00:03 GMT"}])
def test_a_429_pauses_the_key_as_long_as_asked_and_is_no_attempt(
    vendor: Vendor, client: MakeClient, clock: FakeClock, headers: dict[str, str]
) -> None:
    slow = Reply(429, {"Date": "Wed, 25 Nov 2026 09:00:00 GMT", **headers})
    vendor.answers(*[slow] * 5, OK)
    heard: list[str] = []

    answer = get(client(), watch=Watch(on_wait=lambda reason, seconds: heard.append(reason)))

    assert answer.body == OK.body
    assert clock.slept == [3.0] * 5
    assert heard[0] == "the vendor asked to wait"


def test_a_429_without_retry_after_is_waited_out_for_the_window_by_everybody_of_the_key(
    vendor: Vendor, client: MakeClient, clock: FakeClock, budgets: Budgets
) -> None:
    vendor.answers(Reply(429, body=b""), OK)
    get(client())

    assert clock.slept == [60.0]
    vendor.script = lambda n, path: Reply(429) if n == 3 else OK
    another = client()
    seen: list[float] = []
    budgets.key("massive", vendor.origin, "canary-key").pause(0.0, "")
    get(another, watch=Watch(on_wait=lambda reason, seconds: seen.append(seconds)))
    assert seen[0] == 60.0


def test_429_for_ever_gives_up_after_three_windows(vendor: Vendor, client: MakeClient, clock: FakeClock) -> None:
    vendor.answers(Reply(429))

    with pytest.raises(RateLimited) as raised:
        get(client())

    assert clock.slept == [60.0, 60.0, 60.0]
    assert raised.value.fields["until"]


def test_a_job_waits_on_where_a_call_gives_up(vendor: Vendor, client: MakeClient, clock: FakeClock) -> None:
    vendor.answers(*[Reply(429)] * 9, OK)

    assert get(client(), patience_s=None).status == 200
    assert clock.slept == [60.0] * 9


def test_more_than_a_quarter_of_an_hour_is_said_at_once_and_to_the_next_caller_too(
    vendor: Vendor, client: MakeClient, clock: FakeClock
) -> None:
    vendor.answers(Reply(429, {"Retry-After": "7200"}))
    http = client()

    with pytest.raises(RateLimited, match="7200") as raised:
        get(http)
    assert raised.value.fields["until"] == "2024-06-03T17:00:00Z"
    with pytest.raises(RateLimited):
        get(http)
    assert clock.slept == []
    assert len(vendor.asked) == 1


def test_a_200_that_means_429_is_waited_out_too(vendor: Vendor, client: MakeClient, clock: FakeClock) -> None:
    vendor.answers(Reply(body=b"Exceeded the daily hits limit"), OK)

    def explain(answer: Answer, what: str) -> RedlineError | None:
        slow = b"Exceeded" in answer.body
        return RateLimited("massive", what, 60.0, asked_by_server=False) if slow else None

    assert get(client(explain=explain)).body == OK.body
    assert clock.slept == [60.0]


@pytest.mark.parametrize(
    "bad",
    [
        Reply(500),
        Reply(503, body=b"<html>nginx</html>"),
        Reply(408),
        Reply(reset=True),
        Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"),
        Reply(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"),
        Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(OK.body)[:-5]),
        Reply(raw=b""),
        Reply(raw=b"SSH-2.0 hello\r\n\r\n"),
    ],
    ids=["500", "503", "408", "reset", "cut", "cut chunk", "no chunk", "cut gzip", "closed", "no HTTP"],
)
def test_what_may_pass_is_tried_again_after_a_jitter(
    vendor: Vendor, client: MakeClient, clock: FakeClock, bad: Reply
) -> None:
    vendor.answers(bad, bad, OK)

    assert get(client()).body == OK.body
    assert len(vendor.asked) == 3
    assert len(clock.slept) == 2
    assert clock.slept[0] <= 0.5
    assert clock.slept[1] <= 1.0


def test_three_failed_attempts_are_an_error_that_may_be_asked_again(vendor: Vendor, client: MakeClient) -> None:
    vendor.answers(Reply(502))

    with pytest.raises(ProviderUnavailable) as raised:
        get(client())

    assert raised.value.retryable
    assert len(vendor.asked) == 3


def test_every_attempt_takes_a_slot(vendor: Vendor, client: MakeClient) -> None:
    vendor.answers(Reply(500), Reply(500), OK)
    http = client()
    get(http)

    assert http.budget.snapshot().used == 3
    assert http.budget.snapshot().today == 3


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, InvalidKey), (403, NotEntitled), (404, ProviderError), (400, ProviderError), (302, MalformedPage)],
)
def test_what_will_not_pass_is_an_error_at_once(
    vendor: Vendor, client: MakeClient, clock: FakeClock, status: int, kind: type[Exception]
) -> None:
    vendor.answers(Reply(status, {"Location": "http://127.0.0.1:9/"}))

    with pytest.raises(kind):
        get(client())

    assert len(vendor.asked) == 1
    assert clock.slept == []


def test_the_source_explains_its_own_answers_first(vendor: Vendor, client: MakeClient) -> None:
    vendor.answers(Reply(404))

    with pytest.raises(MalformedPage, match="as the source says"):
        get(client(explain=lambda answer, what: MalformedPage("massive", "as the source says")))


def test_a_url_elsewhere_is_refused_and_nothing_is_sent(vendor: Vendor, client: MakeClient) -> None:
    http = client()

    with pytest.raises(NextUrlRefused):
        http.get(f"http://127.0.0.2:{vendor.port}/", what="page 2", endpoint="v2/aggs")

    assert vendor.asked == []
    assert http.budget.snapshot().used == 0


def test_an_answer_larger_than_the_caps_is_refused(vendor: Vendor, client: MakeClient) -> None:
    vendor.answers(Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"\0" * 1_000_000)))

    with pytest.raises(MalformedPage, match="larger"):
        get(client(caps=Caps(decoded=10_000)))

    assert len(vendor.asked) == 1


@pytest.mark.parametrize(
    "slow",
    [
        Reply(hang_s=3, raw=b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"),
        Reply(drip_s=0.1),
        Reply(delay_s=3),
    ],
    ids=["hangs", "drips", "says nothing"],
)
def test_a_vendor_that_hangs_or_drips_is_left_in_time(vendor: Vendor, client: MakeClient, slow: Reply) -> None:
    vendor.answers(slow)
    clock = SystemClock()
    begun = time.monotonic()

    with pytest.raises(ProviderUnavailable):
        get(client(time=clock, timeout_s=0.25, breaker=Breaker("massive", clock, opens_after=1)))

    assert time.monotonic() - begun < 2.5


def test_a_wait_for_an_answer_can_be_stopped(vendor: Vendor, client: MakeClient) -> None:
    vendor.answers(Reply(delay_s=5))
    watch = Watch()
    threading.Timer(0.3, watch.cancel.set).start()
    begun = time.monotonic()

    with pytest.raises(Cancelled):
        get(client(time=SystemClock()), watch=watch)

    assert time.monotonic() - begun < 2


def test_a_refused_connection_uses_no_slot(client: MakeClient, budgets: Budgets, clock: FakeClock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    budget = budgets.key("massive", "nobody", "key", 3)
    http = HttpClient("massive", f"http://127.0.0.1:{port}", budget, clock, random.Random(1))

    with pytest.raises(ProviderUnavailable, match="no connection"):
        get(http)

    assert budget.snapshot().used == 0


def outage(vendor: Vendor, http: HttpClient, clock: FakeClock, seconds: float) -> None:
    """Ask on and on, as a job does, while the vendor answers 503."""
    vendor.answers(Reply(503))
    end = clock.since_boot() + seconds
    while clock.since_boot() < end:
        with pytest.raises(ProviderUnavailable):
            get(http, patience_s=None)


def test_an_outage_of_a_minute_costs_at_most_ten_requests_and_ends_well(
    vendor: Vendor, client: MakeClient, clock: FakeClock
) -> None:
    http = client()
    outage(vendor, http, clock, 60)
    assert len(vendor.asked) <= 10

    vendor.answers(OK)
    back = clock.since_boot()
    get(http)
    assert clock.since_boot() - back <= 10


def test_at_ten_percent_errors_few_more_requests_than_calls_are_sent(
    vendor: Vendor, client: MakeClient, clock: FakeClock
) -> None:
    chance = random.Random(3)
    vendor.script = lambda n, path: Reply(500) if chance.random() < 0.1 else OK
    http = client(limit=6_000)

    failed = 0
    for _ in range(300):
        try:
            get(http)
        except ProviderUnavailable:
            failed += 1

    assert len(vendor.asked) <= 300 * 1.2
    assert failed <= 3  # three errors in a row: one call in a thousand


def test_a_breaker_is_shared_by_the_clients_of_a_source(vendor: Vendor, client: MakeClient, clock: FakeClock) -> None:
    breaker = Breaker("massive", clock)
    vendor.answers(Reply(500))
    with pytest.raises(ProviderUnavailable):
        get(client(breaker=breaker))

    vendor.answers(OK)
    get(client(breaker=breaker))

    assert 8 < sum(clock.slept) < 12


def test_a_key_that_is_revoked_stops_after_one_request(vendor: Vendor, client: MakeClient) -> None:
    vendor.script = lambda n, path: OK if n <= 2 else Reply(401)
    http = client()
    get(http)
    get(http)

    with pytest.raises(InvalidKey, match="massive"):
        get(http)

    assert len(vendor.asked) == 3


def test_no_log_line_and_no_error_holds_the_key(
    vendor: Vendor, client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.answers(Reply(500))
    http = client()

    with pytest.raises(ProviderUnavailable) as raised:
        get(http)

    assert "canary-key" not in caplog.text + repr(raised.value) + repr(http) + str(raised.value.as_json())


def test_many_threads_ask_at_once(vendor: Vendor, client: MakeClient) -> None:
    http = client(limit=6_000, time=SystemClock())
    good: list[int] = []

    def ask() -> None:
        for _ in range(10):
            good.append(get(http).status)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert good == [200] * 80
    assert len(vendor.asked) == 80
