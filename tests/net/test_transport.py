"""The vendor's own client on our transport."""

from __future__ import annotations

import json
from typing import Any

import pytest
from massive import RESTClient

from redline.clock import Watch
from redline.errors import (
    Cancelled,
    MalformedPage,
    NextUrlRefused,
    NotJson,
    PaginationLoop,
    ProviderUnavailable,
    Unsupported,
)
from redline.net.transport import PacedPool, described
from redline.testing import FakeClock

from .conftest import MakeClient
from .vendor import Reply, Vendor

Paced = tuple[Any, PacedPool]


def page(rows: list[object], next_path: str | None = None, origin: str = "", **more: object) -> Reply:
    body: dict[str, object] = {"status": "OK", "results": rows, **more}
    if next_path is not None:
        body["next_url"] = origin + next_path
    return Reply(body=json.dumps(body).encode())


@pytest.fixture
def paced(vendor: Vendor, client: MakeClient) -> Paced:
    pool = PacedPool(client())
    found = RESTClient("canary-key", base=vendor.origin)
    found.client.clear()
    found.client = pool
    return found, pool


def tickers(paced: Paced) -> list[str]:
    return [found.ticker for found in paced[0].list_tickers(limit=2)]


def test_its_pages_are_followed_paced_and_counted(vendor: Vendor, paced: Paced, client: MakeClient) -> None:
    vendor.answers(
        page([{"ticker": "A"}, {"ticker": "B"}], "/v3/reference/tickers?cursor=x", vendor.origin),
        Reply(503),
        page([{"ticker": "C"}]),
    )

    assert tickers(paced) == ["A", "B", "C"]
    usage = client().budget.snapshot()
    assert (usage.today, usage.endpoints) == (3, {"v3/reference/tickers": 3})
    assert vendor.asked[0].headers["Authorization"] == "Bearer canary-key"
    assert "limit=2" in vendor.paths[0]


def test_raw_pages_and_lists_come_through(vendor: Vendor, paced: Paced) -> None:
    vendor.answers(page([{"t": 1}]), Reply(body=b'[{"exchange":"NYSE","status":"closed"}]'))

    assert paced[0].list_aggs("AAPL", 1, "day", "2024-01-01", "2024-02-01", raw=True).status == 200
    assert [holiday.exchange for holiday in paced[0].get_market_holidays()] == ["NYSE"]


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (Reply(body=b"<html>maintenance</html>"), NotJson),
        (Reply(body=b'{"results":[{"ticker":"A"}'), NotJson),
        (Reply(body=b""), NotJson),
        (Reply(body=b'{"results":[{"ticker":"A","ticker":"B"}]}'), MalformedPage),
        (Reply(body=b'{"results":[{"ticker":"A"}],"next_url":7}'), MalformedPage),
        (Reply(body=b'{"results":[{"ticker":"A"}],"next_url":"http://evil.test/v3"}'), NextUrlRefused),
        (Reply(body=b'{"results":[{"ticker":"A"}],"next_url":""}'), NextUrlRefused),
        (Reply(500), ProviderUnavailable),
    ],
)
def test_a_bad_page_is_an_error_where_its_own_pager_would_call_it_the_end(
    vendor: Vendor, paced: Paced, bad: Reply, kind: type[Exception]
) -> None:
    vendor.answers(page([{"ticker": "A"}], "/v3/reference/tickers?cursor=x", vendor.origin), bad)

    with pytest.raises(kind):
        tickers(paced)


def test_a_cursor_that_comes_back_is_a_loop(vendor: Vendor, paced: Paced) -> None:
    vendor.script = lambda n, path: page([{"ticker": f"T{n}"}], f"/v3/reference/tickers?cursor={n % 2}", vendor.origin)

    with pytest.raises(PaginationLoop):
        tickers(paced)

    assert len(vendor.asked) <= 4


def test_empty_pages_for_ever_are_a_loop(vendor: Vendor, paced: Paced) -> None:
    vendor.script = lambda n, path: page([], f"/v3/reference/tickers?cursor={n}", vendor.origin)

    with pytest.raises(PaginationLoop):
        tickers(paced)

    assert len(vendor.asked) <= 4


def test_the_same_page_under_new_cursors_is_a_loop(vendor: Vendor, paced: Paced) -> None:
    vendor.script = lambda n, path: page([{"ticker": "A"}], f"/v3/reference/tickers?cursor={n}", vendor.origin)

    with pytest.raises(PaginationLoop):
        tickers(paced)

    assert len(vendor.asked) <= 4


def test_asking_the_same_twice_is_no_loop(vendor: Vendor, paced: Paced) -> None:
    vendor.script = lambda n, path: (
        page([{"ticker": "B"}])
        if "cursor" in path
        else page([{"ticker": "A"}], "/v3/reference/tickers?cursor=x", vendor.origin)
    )

    assert [tickers(paced) for _ in range(3)] == [["A", "B"]] * 3


def test_a_watch_hears_and_stops_it(vendor: Vendor, paced: Paced, clock: FakeClock) -> None:
    vendor.answers(Reply(429))
    watch = Watch()
    heard: list[str] = []

    def hear(reason: str, seconds: float) -> None:
        heard.append(reason)
        watch.cancel.set()

    with pytest.raises(Cancelled), paced[1].watched(Watch(cancel=watch.cancel, on_wait=hear), patience_s=None):
        tickers(paced)

    assert heard[0] == "the vendor asked to wait"


def test_only_gets_are_sent(vendor: Vendor, paced: Paced) -> None:
    with pytest.raises(Unsupported):
        paced[1].request("POST", vendor.origin + "/v1/sql")

    assert vendor.asked == []


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v2/aggs/ticker/AAPL/range/1/day/2024-01-01/2024-02-01", "v2/aggs/ticker"),
        ("/v3/reference/tickers", "v3/reference/tickers"),
        ("/v3/trades/AAPL", "v3/trades"),
        ("/vX/reference/tickers/AAPL/events", "vX/reference/tickers"),
        ("/stocks/v1/splits", "stocks/v1/splits"),
        ("/", "/"),
    ],
)
def test_the_endpoint_has_no_ticker_in_it(path: str, endpoint: str) -> None:
    assert described(path)[1] == endpoint
