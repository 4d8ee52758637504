"""Bad days of the vendor: each a clear error or a retry, and no row lost, doubled or made up."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from redline.clock import Watch
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.errors import (
    MalformedPage,
    NextUrlRefused,
    NotEntitled,
    NotJson,
    PaginationLoop,
    ProviderUnavailable,
    RateLimited,
    RedlineError,
)
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Page, Part
from redline.market.request import Dataset
from redline.testing import Emulator, FakeClock
from tests.downloaders.bodies import DAYS, answer, bar, daily, ms
from tests.downloaders.conftest import Make, Vendor

WEEKS = ("2020-08-24", "2020-09-04")
ONCE = {"times": 1}
Ask = Callable[[MassiveDownloader], Any]


def hours(ticker: str = "ACME") -> Part:
    return Part("massive", Dataset.BARS, ticker, DAYS[0], DAYS[-1], BarSpec(Timespan.HOUR))


def fetched(downloader: MassiveDownloader, part: Part) -> tuple[list[Page], RedlineError | None]:
    """The pages that came before an error, and the error."""
    pages: list[Page] = []
    try:
        for page in downloader.pages(part, Watch()):
            pages.append(page)
    except RedlineError as error:
        return pages, error
    return pages, None


@pytest.mark.parametrize(
    "do",
    [
        {"status": 500},
        {"status": 503, "html": True},
        {"reset": True},
        {"cut_after": 100},
        {"cut_after": 100, "chunked": True},
        {"gzip": "cut"},
        {"html": True},
        {"body": ""},
        {"body": '{"ticker":"AAPL","results":['},
        {"drop": ["results"]},
        {"set": {"ticker": "OTHER"}},
    ],
)
def test_a_fault_that_happens_once_costs_a_request_and_no_row(
    make: Make, emulator: Emulator, do: dict[str, object]
) -> None:
    emulator.faults([{"match": ONCE, "do": do}])

    frame = make(emulator.rest).download_single_ticker("AAPL", *WEEKS)

    assert len(frame) == 10
    assert len(emulator.ledger()) == 2
    assert emulator.faults_state()[0]["fired"] == 1


@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ({"status": 500}, ProviderUnavailable),
        ({"reset": True}, ProviderUnavailable),
        ({"gzip": "cut"}, ProviderUnavailable),
        ({"html": True}, NotJson),
        ({"body": ""}, NotJson),
        ({"drop": ["results"]}, MalformedPage),
        ({"set": {"ticker": "OTHER"}}, MalformedPage),
        ({"set": {"adjusted": False}}, MalformedPage),
        ({"set": {"status": "ERROR"}}, MalformedPage),
        ({"next_url": "http://evil.test/v2/aggs?cursor=x"}, NextUrlRefused),
        ({"next_url": "https://127.0.0.1/v2/aggs?cursor=x"}, NextUrlRefused),
        ({"next_url": "//evil.test/x"}, NextUrlRefused),
        ({"next_url": "/v2/aggs?cursor=x"}, NextUrlRefused),
        ({"loop": "self"}, PaginationLoop),
        ({"page": "repeat"}, PaginationLoop),
        ({"page": "empty"}, PaginationLoop),
    ],
)
def test_a_fault_that_stays_is_its_own_error(
    make: Make, emulator: Emulator, do: dict[str, object], expected: type[RedlineError]
) -> None:
    emulator.faults([{"match": {}, "do": do}])

    with pytest.raises(expected):
        make(emulator.rest).download_single_ticker("AAPL", *WEEKS)
    assert len(emulator.ledger()) <= 4


def test_a_blank_next_url_is_the_end(make: Make, emulator: Emulator) -> None:
    emulator.faults([{"match": {}, "do": {"next_url": "  "}}])

    assert len(make(emulator.rest).download_single_ticker("AAPL", *WEEKS)) == 10


def test_a_page_repeated_once_under_a_new_cursor_doubles_nothing(make: Make, emulator: Emulator) -> None:
    emulator.faults([{"match": {"nth": 1}, "do": {"page": "repeat"}}])

    assert len(make(emulator.rest).download_single_ticker("AAPL", *WEEKS)) == 10
    assert len(emulator.ledger()) == 2


def test_pages_before_a_loop_or_a_foreign_address_stay_good(make: Make, vendor: Vendor) -> None:
    first = [bar(ms(DAYS[0], 9)), bar(ms(DAYS[1], 9))]
    vendor.says(answer(first, next_url=f"{vendor.origin}/2"))
    vendor.says(answer([bar(ms(DAYS[2], 9))], next_url="http://evil.test/"))

    pages, error = fetched(make(vendor.origin), hours())

    assert [page.table.column("date").to_pylist() for page in pages] == [[DAYS[0]], [DAYS[1]]]
    assert isinstance(error, NextUrlRefused)
    assert vendor.asked[1:] == ["/2"]


def test_a_bad_row_in_one_of_two_weeks_is_set_aside(make: Make, emulator: Emulator) -> None:
    emulator.faults([{"match": {}, "do": {"row": {"at": 3, "set": {"o": "ten", "h": -1}}}}])
    part = Part("massive", Dataset.BARS, "AAPL", date(2020, 8, 24), date(2020, 9, 4))

    (page,) = make(emulator.rest).pages(part, Watch())

    assert page.table.num_rows == 9
    assert [one.reason for one in page.set_aside] == ["its o is no number"]
    assert page.answer == "200 OK, 9 rows, 1 set aside"


def test_a_429_without_retry_after_is_waited_out_for_a_minute(make: Make, vendor: Vendor, clock: FakeClock) -> None:
    vendor.says(b"", status=429)
    vendor.says(answer(daily(), adjusted=True))
    downloader = make(vendor.origin, clock=clock)

    frame = downloader.download_single_ticker("ACME", str(DAYS[0]), str(DAYS[-1]))

    assert len(frame) == 3
    assert sum(clock.slept) == pytest.approx(60, abs=0.5)


def test_a_retry_after_is_obeyed(make: Make, vendor: Vendor, clock: FakeClock) -> None:
    vendor.says(b"", status=429, Retry_After="7")
    vendor.says(answer(daily(), adjusted=True))

    make(vendor.origin, clock=clock).download_single_ticker("ACME", str(DAYS[0]), str(DAYS[-1]))

    assert sum(clock.slept) == pytest.approx(7, abs=0.5)


@pytest.mark.parametrize(
    "body", [b"Exceeded the daily hits limit", b'{"status":"ERROR","error":"You\'ve exceeded the maximum requests"}']
)
def test_a_limit_said_in_a_200_is_a_limit_and_no_row(make: Make, vendor: Vendor, clock: FakeClock, body: bytes) -> None:
    vendor.says(body)

    with pytest.raises(RateLimited):
        make(vendor.origin, clock=clock).download_single_ticker("ACME", str(DAYS[0]), str(DAYS[-1]))


def test_429_for_ever_ends_with_an_error_after_three_windows(make: Make, vendor: Vendor, clock: FakeClock) -> None:
    vendor.says(b"", status=429)

    with pytest.raises(RateLimited):
        make(vendor.origin, clock=clock).download_single_ticker("ACME", str(DAYS[0]), str(DAYS[-1]))
    assert 3 <= len(vendor.asked) <= 5


def test_a_vendor_that_hangs_is_given_up(make: Make, emulator: Emulator) -> None:
    emulator.faults([{"match": {}, "do": {"hang": True}}])

    with pytest.raises(ProviderUnavailable):
        make(emulator.rest).download_single_ticker("AAPL", *WEEKS)


def test_nobody_there_is_said(make: Make) -> None:
    with pytest.raises(ProviderUnavailable, match="no connection"):
        make("http://127.0.0.1:9").download_single_ticker("AAPL", *WEEKS)


def test_a_range_older_than_the_plan_is_a_time_frame(make: Make, emulator: Emulator) -> None:
    emulator.plan("starter")

    with pytest.raises(NotEntitled) as refused:
        make(emulator.rest).download_single_ticker("AAPL", "2015-01-02", "2015-02-02")
    assert refused.value.timeframe


@pytest.mark.parametrize(
    "ask",
    [
        lambda downloader: list(downloader.client.list_aggs("AAPL", 1, "day", *WEEKS, limit=4)),
        lambda downloader: list(downloader.client.list_splits(ticker="AAPL", limit=1)),
        lambda downloader: list(downloader.client.list_tickers(limit=5)),
    ],
)
@pytest.mark.parametrize(
    ("do", "expected"),
    [
        ({"html": True}, NotJson),
        ({"body": '{"results":['}, NotJson),
        ({"next_url": "http://evil.test/x"}, NextUrlRefused),
        ({"loop": True}, PaginationLoop),
        ({"loop": "self"}, PaginationLoop),
    ],
)
def test_the_vendor_s_own_client_ends_no_walk_in_silence(
    make: Make, emulator: Emulator, ask: Ask, do: dict[str, object], expected: type[RedlineError]
) -> None:
    emulator.faults([{"match": {}, "do": do}])

    with pytest.raises(expected):
        ask(make(emulator.rest))


def test_a_packed_answer_is_unpacked(make: Make, vendor: Vendor) -> None:
    vendor.says(gzip.compress(answer(daily(), adjusted=True)), Content_Encoding="gzip")

    assert len(make(vendor.origin).download_single_ticker("ACME", str(DAYS[0]), str(DAYS[-1]))) == 3
