"""A user's REST API by its description: the emulator's Massive, and a server of other shapes, keys and pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from redline.clock import Watch
from redline.downloaders.generic_api_downloader import GenericAPIDownloader
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.errors import (
    BadConfig,
    InvalidKey,
    MalformedPage,
    NextUrlRefused,
    NotEntitled,
    NotJson,
    PaginationLoop,
    ProviderError,
    RateLimited,
    RedlineError,
    UnknownTicker,
    Unsupported,
    UrlRefused,
)
from redline.market.part import Part
from redline.market.request import Dataset
from redline.market.schema import BAR_COLUMNS
from redline.net.budget import Budgets
from redline.net.outgoing import Outgoing
from redline.testing import Emulator, FakeClock
from tests.downloaders.conftest import KEY, Vendor
from tests.markdown import ROOT, blocks

MASSIVE, CSV = (
    json.loads(one.text) for one in blocks(ROOT / "docs/providers/custom-apis.md") if one.language == "json"
)
MAPPING = {"date": "t", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
Make = Callable[..., GenericAPIDownloader]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def budgets(tmp_path: Path, clock: FakeClock) -> Iterator[Budgets]:
    opened = Budgets(tmp_path / "budgets.db", clock)
    yield opened
    opened.close()


@pytest.fixture
def make(budgets: Budgets, clock: FakeClock, tmp_path: Path) -> Make:
    """Make a downloader of the given config: local addresses are listed, and it never waits."""

    def made(config: dict[str, Any], **changed: Any) -> GenericAPIDownloader:
        whole = {"rate_limit_per_minute": 60_000, "timeout": 5, **config, **changed}
        return GenericAPIDownloader(
            {key: value for key, value in whole.items() if value is not ...},
            tmp_path,
            outgoing=Outgoing(("127.0.0.1",)),
            budgets=budgets,
            clock=clock,
        )

    return made


@pytest.fixture
def api(make: Make, vendor: Vendor) -> Make:
    """Make a downloader of the scripted server with the least config."""

    def made(**changed: Any) -> GenericAPIDownloader:
        least = {
            "name": "My API",
            "base_url": vendor.origin,
            "endpoint": "v1/prices/{ticker}",
            "column_mapping": MAPPING,
        }
        return make(least, **changed)

    return made


def row(day: str, close: float = 10.0) -> dict[str, object]:
    return {"t": day, "o": close, "h": close + 1, "l": close - 1, "c": close, "v": 100}


def body(*rows: dict[str, object], **beside: object) -> bytes:
    return json.dumps({"results": list(rows), **beside}).encode()


def days(
    downloader: GenericAPIDownloader, ticker: str = "AAPL", start: str = "2024-01-02", end: str = "2024-01-31"
) -> list[str]:
    frame = downloader.download_single_ticker(ticker, start, end)
    return [str(day)[:10] for day in frame["date"]]


def asked(vendor: Vendor, at: int = 0) -> dict[str, str]:
    return {
        name: values[0] for name, values in parse_qs(urlsplit(vendor.asked[at]).query, keep_blank_values=True).items()
    }


# -- Massive as a custom API ------------------------------------------------------------------------------------------


@pytest.fixture
def generic(make: Make, emulator: Emulator) -> GenericAPIDownloader:
    return make(MASSIVE, base_url=emulator.rest, api_key=KEY, rate_limit_per_minute=60_000)


def test_massive_as_a_custom_api_has_massives_rows(
    generic: GenericAPIDownloader, emulator: Emulator, budgets: Budgets, clock: FakeClock, tmp_path: Path
) -> None:
    own = MassiveDownloader(KEY, tmp_path, base_url=emulator.rest, budgets=budgets, clock=clock)
    asked_for = ("AAPL", "2019-01-02", "2020-12-31")

    frame = generic.download_single_ticker(*asked_for)

    assert tuple(frame.columns) == BAR_COLUMNS
    assert len(frame) > 400
    assert set(frame["source"]) == {"massive_as_a_custom_api"}
    wanted = own.download_single_ticker(*asked_for, adjusted=False)
    assert frame.drop(columns="source").equals(wanted.drop(columns="source"))


def test_one_key_at_one_address_has_one_budget_whoever_asks(
    make: Make, emulator: Emulator, budgets: Budgets, clock: FakeClock, tmp_path: Path
) -> None:
    own = MassiveDownloader(
        KEY, tmp_path, base_url=emulator.rest, budgets=budgets, clock=clock, rate_limit_per_minute=7
    )

    assert make(MASSIVE, base_url=emulator.rest, api_key=KEY, rate_limit_per_minute=...).rate_limit_delay == 60 / 7
    make(MASSIVE, base_url=emulator.rest, api_key=KEY, rate_limit_per_minute=30)
    assert own.rate_limit_delay == 2.0


def test_it_is_paced(make: Make, emulator: Emulator, clock: FakeClock) -> None:
    slow = make(MASSIVE, base_url=emulator.rest, api_key=KEY, rate_limit_per_minute=2)

    for _ in range(3):
        slow.download_single_ticker("AAPL", "2020-08-24", "2020-08-28")

    assert 60 <= sum(clock.slept) < 75


def test_empty_and_unknown_are_told_apart(generic: GenericAPIDownloader) -> None:
    assert generic.download_single_ticker("AAPL", "2020-08-30", "2020-08-30").empty
    with pytest.raises(UnknownTicker):
        generic.download_single_ticker("NOSUCH", "2020-08-24", "2020-08-28")
    frames = generic.download_multiple_tickers(["NOSUCH", "AAPL"], "2020-08-24", "2020-08-28")
    assert (list(frames), list(generic.failures)) == (["AAPL"], ["NOSUCH"])


def test_its_key_is_tested_with_one_call(generic: GenericAPIDownloader, make: Make, emulator: Emulator) -> None:
    found = generic.test_key(Watch())

    assert found["calls"] == len(emulator.ledger()) == 1
    assert found["entitlements"] == {"bars": True}
    with pytest.raises(ValueError, match="Invalid Massive as a custom API API key"):
        make(MASSIVE, base_url=emulator.rest, api_key="a-wrong-key").test_key(Watch())


# -- the other example: CSV, a key in the query, counted pages --------------------------------------------------------

HEADER = b"Symbol,Day,Open,High,Low,Close,Volume\n"


def test_the_csv_example_is_asked_and_read_as_described(make: Make, vendor: Vendor) -> None:
    vendor.says(HEADER + b"AAPL,03/01/2024,2,3,1,2.5,10\n", HEADER + b"AAPL,02/01/2024,1,2,0.5,1.5,\n", HEADER)
    csv = make(CSV, base_url=f"{vendor.origin}/api", api_key="a-canary-0123")

    frame = csv.download_single_ticker("AAPL", "2024-01-02", "2024-01-31")

    assert frame["close"].tolist() == [1.5, 2.5]
    assert frame["volume"].isna().tolist() == [True, False]
    assert [asked(vendor, at)["p"] for at in range(3)] == ["1", "2", "3"]
    assert urlsplit(vendor.asked[0]).path == "/api/history"
    assert asked(vendor) == {
        "symbol": "AAPL",
        "from": "02/01/2024",
        "to": "31/01/2024",
        "p": "1",
        "token": "a-canary-0123",
    }
    assert "Authorization" not in vendor.headers[0]


def test_a_key_in_the_query_is_in_no_text_and_no_log(
    make: Make, vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor.says(b"<html>token=a-canary-0123</html>")
    csv = make(CSV, base_url=vendor.origin, api_key="a-canary-0123")

    with pytest.raises(MalformedPage) as caught:
        csv.download_single_ticker("AAPL", "2024-01-02", "2024-01-31")

    assert "token=a-canary-0123" in vendor.asked[0]
    assert len(caplog.records) > 0
    assert "a-canary" not in caplog.text + repr(csv) + str(caught.value) + repr(caught.value.as_json())


# -- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        (..., {"Authorization": "Bearer user:word"}),
        ({"X-Key": "{api_key}", "Accept": "text/csv"}, {"X-Key": "user:word", "Accept": "text/csv"}),
        ({"Authorization": "Basic {api_key_base64}"}, {"Authorization": "Basic dXNlcjp3b3Jk"}),
    ],
    ids=["default", "own", "basic"],
)
def test_the_key_goes_by_the_header_that_names_it(
    api: Make, vendor: Vendor, headers: Any, sent: dict[str, str]
) -> None:
    vendor.says(body(row("2024-01-02")))

    days(api(headers=headers, api_key="user:word"))

    assert sent.items() <= vendor.headers[0].items()
    assert "word" not in vendor.asked[0]


def test_without_a_key_none_is_sent(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-02")))

    days(api(headers={"Authorization": "Bearer {api_key}", "X-Plain": "yes"}))

    assert "Authorization" not in vendor.headers[0]
    assert vendor.headers[0]["X-Plain"] == "yes"
    assert asked(vendor) == {"start_date": "2024-01-02", "end_date": "2024-01-31"}


# -- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "path", "query"),
    [
        ({}, "/v1/prices/BRK.B", {"start_date": "2024-01-02", "end_date": "2024-01-31"}),
        ({"endpoint": "q"}, "/q", {"ticker": "BRK.B", "start_date": "2024-01-02", "end_date": "2024-01-31"}),
        (
            {"endpoint": "q?s={ticker}&f=j", "start_date_param": "", "end_date_param": ""},
            "/q",
            {"s": "BRK.B", "f": "j"},
        ),
        ({"endpoint": "{start_date}/{end_date}/{ticker}"}, "/2024-01-02/2024-01-31/BRK.B", {}),
        (
            {"endpoint": "{ticker}/{start_date}/{end_date}", "date_format": "DD/MM/YYYY"},
            "/BRK.B/02%2F01%2F2024/31%2F01%2F2024",
            {},
        ),
        ({"date_format": "unix"}, "/v1/prices/BRK.B", {"start_date": "1704171600", "end_date": "1706763599"}),
        (
            {"date_format": "unix", "date_unit": "ms", "timezone": "UTC"},
            "/v1/prices/BRK.B",
            {"start_date": "1704153600000", "end_date": "1706745599999"},
        ),
        (
            {"date_format": "YYYY-MM-DD HH:mm"},
            "/v1/prices/BRK.B",
            {"start_date": "2024-01-02 00:00", "end_date": "2024-01-31 23:59"},
        ),
        ({"date_format": "iso"}, "/v1/prices/BRK.B", {"start_date": "2024-01-02", "end_date": "2024-01-31"}),
    ],
    ids=str,
)
def test_a_request_is_spelt_as_described(
    api: Make, vendor: Vendor, changed: dict[str, Any], path: str, query: dict[str, str]
) -> None:
    vendor.says(b"[]")

    made = api(data_path="", **changed)
    list(made.pages(Part("my_api", Dataset.BARS, "BRK.B", date(2024, 1, 2), date(2024, 1, 31)), Watch()))

    assert urlsplit(vendor.asked[0]).path == path
    assert asked(vendor) == query


def test_what_a_ticker_holds_is_escaped(api: Make, vendor: Vendor) -> None:
    vendor.says(body(), status=200)

    for ticker in ("^GSPC", "EURUSD=X", "A+B", "X:BTCUSD"):
        list(api().pages(Part("my_api", Dataset.BARS, ticker, date(2024, 1, 2), date(2024, 1, 3)), Watch()))

    assert [urlsplit(one).path for one in vendor.asked] == [
        "/v1/prices/%5EGSPC",
        "/v1/prices/EURUSD%3DX",
        "/v1/prices/A%2BB",
        "/v1/prices/X:BTCUSD",
    ]


# -- pages ------------------------------------------------------------------------------------------------------------


def test_next_url_is_followed_on_its_origin_only(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-03"), next_url=f"{vendor.origin}/more?cursor=a"))
    vendor.says(body(row("2024-01-02"), next_url="?cursor=b"), body(row("2024-01-04"), next_url=None))

    assert days(api(pagination="next_url")) == ["2024-01-02", "2024-01-03", "2024-01-04"]
    assert vendor.asked[1:] == ["/more?cursor=a", "/more?cursor=b"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "https://evil.test/x", "//evil.test/x", "http://169.254.169.254/", "file:///x"]
)
def test_a_next_url_that_leads_elsewhere_is_refused(api: Make, vendor: Vendor, url: str) -> None:
    vendor.says(body(row("2024-01-03"), next_url=url))

    with pytest.raises(NextUrlRefused):
        days(api(pagination="next_url"))
    assert len(vendor.asked) == 1


def test_a_key_in_a_next_url_is_replaced_by_ours(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-03"), next_url="/more?token=other&x=1"), body(row("2024-01-02")))

    days(api(pagination="next_url", api_key="a-canary-0123", api_key_param="token"))

    assert vendor.asked[1] == "/more?x=1&token=a-canary-0123"


@pytest.mark.parametrize("end", [None, "", False, ...], ids=repr)
def test_a_cursor_is_sent_back_until_it_is_missing(api: Make, vendor: Vendor, end: object) -> None:
    last = {} if end is ... else {"next": end}
    vendor.says(
        json.dumps({"data": [row("2024-01-04")], "meta": {"next": "a b&c"}}).encode(),
        json.dumps({"data": [row("2024-01-03")], "meta": {"next": 7}}).encode(),
        json.dumps({"data": [row("2024-01-02")], "meta": last}).encode(),
    )

    paged = api(data_path="data", pagination={"type": "cursor", "path": "meta.next", "param": "after"})

    assert days(paged) == ["2024-01-02", "2024-01-03", "2024-01-04"]
    assert [asked(vendor, at).get("after") for at in range(3)] == [None, "a b&c", "7"]


def test_pages_are_counted_until_one_is_empty(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-02"), row("2024-01-03")), body(row("2024-01-04")), body())

    assert len(days(api(pagination="page"))) == 3
    assert [asked(vendor, at)["page"] for at in range(3)] == ["1", "2", "3"]


def test_an_offset_counts_rows(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-02"), row("2024-01-03")), body(row("2024-01-04")), body())

    assert len(days(api(pagination="offset"))) == 3
    assert [asked(vendor, at)["offset"] for at in range(3)] == ["0", "2", "3"]


def test_the_link_header_is_followed(api: Make, vendor: Vendor) -> None:
    first = '</v1?page=1>; rel="first", </v1?page=2>; title="a, b"; rel="prev next"'
    vendor.says(body(row("2024-01-02")), Link=first)
    vendor.says(body(row("2024-01-03")), Link='</v1?page=1>; rel="prev"')

    assert len(days(api(pagination="link"))) == 2
    assert vendor.asked[1] == "/v1?page=2"


def test_the_same_row_for_ever_is_a_loop_after_four_calls(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-02")))

    with pytest.raises(PaginationLoop):
        days(api(pagination="page"))
    assert len(vendor.asked) == 4


def test_the_same_cursor_again_is_a_loop(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-02"), next_cursor="a"), body(row("2024-01-03"), next_cursor="a"))

    with pytest.raises(PaginationLoop):
        days(api(pagination="cursor"))
    assert len(vendor.asked) == 2


def test_one_row_a_page_for_ever_is_a_loop_after_a_bounded_number_of_calls(api: Make, vendor: Vendor) -> None:
    first = date(2024, 1, 2).toordinal()
    vendor.says(*(body(row(date.fromordinal(first + at).isoformat())) for at in range(500)))

    with pytest.raises(PaginationLoop):
        days(api(pagination="page"))
    assert 30 <= len(vendor.asked) <= 90  # 30 days that were asked for, 50 others, and three without an end


# -- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, {"results": [row("2024-01-02"), row("2024-01-03")]}),
        ({"data_path": ""}, [row("2024-01-03"), row("2024-01-02")]),
        ({"data_path": "a.b.1"}, {"a": {"b": [0, [row("2024-01-03"), row("2024-01-02")]]}}),
        (
            {"column_mapping": {"date": 0, "open": 1, "high": 2, "low": 3, "close": 4}},
            {"results": [["2024-01-02", 1, 2, 0.5, 1], ["2024-01-03", "1", "2", "0.5", "1e0"]]},
        ),
        (
            {"data_path": ""},
            {
                "t": ["2024-01-02", "2024-01-03"],
                "o": [1, 1],
                "h": [2, 2],
                "l": [1, 1],
                "c": [1, 2],
                "v": [None, 0],
                "s": "ok",
            },
        ),
        (
            {"column_mapping": {"date": "a.day", "open": "1. open", "high": "p.h", "low": "p.l", "close": "p.c"}},
            {"results": [{"a": {"day": f"2024-01-0{n}"}, "1. open": 1, "p": {"h": 2, "l": 1, "c": 1}} for n in (2, 3)]},
        ),
        ({"date_format": "unix"}, {"results": [{**row(""), "t": 1704171600}, {**row(""), "t": "1704258000"}]}),
        ({}, {"results": [{**row(""), "t": 1704171600000}, {**row(""), "t": 1704294000000.5}]}),
        (
            {"date_unit": "ns"},
            {"results": [{**row(""), "t": 1704171600000000001}, {**row(""), "t": 1704258000000000000}]},
        ),
        ({"date_unit": "us"}, {"results": [{**row(""), "t": 1704171600000000}, {**row(""), "t": 1704258000000000}]}),
        ({"date_format": "YYYYMMDD"}, {"results": [{**row(""), "t": 20240102}, {**row(""), "t": "20240103"}]}),
        ({"date_format": "DD/MM/YYYY HH:mm"}, {"results": [row("02/01/2024 16:00"), row("03/01/2024 16:00")]}),
        ({}, {"results": [row("2024-01-02T00:00:00Z"), row("2024-01-03T00:00:00.000+00:00")]}),
        ({}, {"results": [row("2024-01-02T21:00:00Z"), row("2024-01-03T16:00:00-05:00")]}),
        ({"date_unit": "s"}, {"results": [{**row(""), "t": 1704153600}, {**row(""), "t": 1704240000}]}),
        (
            {"timezone": "Asia/Tokyo", "date_format": "iso"},
            {"results": [row("2024-01-01T15:00Z"), row("2024-01-02T15:00Z")]},
        ),
    ],
    ids=str,
)
def test_every_shape_of_rows_and_dates_is_read(
    api: Make, vendor: Vendor, changed: dict[str, Any], text: object
) -> None:
    vendor.says(json.dumps(text).encode())

    assert days(api(**changed)) == ["2024-01-02", "2024-01-03"]


def test_ndjson_and_csv_with_other_separators_are_read(api: Make, vendor: Vendor) -> None:
    lines = "\n".join(json.dumps(row(f"2024-01-0{n}")) for n in (3, 2)) + "\n"
    vendor.says(lines.encode(), b"\xef\xbb\xbft;o;h;l;c;v\r\n2024-01-02;1;2;1;1;5\r\n2024-01-03;1;2;1;1;5\r\n")

    assert days(api(response_format="ndjson")) == ["2024-01-02", "2024-01-03"]
    assert days(api(response_format="csv")) == ["2024-01-02", "2024-01-03"]


def test_a_day_is_stamped_where_other_sources_stamp_it(api: Make, vendor: Vendor) -> None:
    vendor.says(body(row("2024-01-02")))

    frame = api().download_single_ticker("AAPL", "2024-01-02", "2024-01-31")
    coin = api().download_single_ticker("X:BTCUSD", "2024-01-02", "2024-01-31")

    assert str(frame["timestamp"][0]) == "2024-01-02 05:00:00+00:00"
    assert str(coin["timestamp"][0]) == "2024-01-02 00:00:00+00:00"


def test_bad_rows_are_set_aside_with_reasons_and_good_ones_kept(api: Make, vendor: Vendor) -> None:
    bad = (
        {"h": 1, "l": 9},
        {"c": None},
        {"c": "n/a"},
        {"c": True},
        {"v": -1},
        {"t": "02/01/2024"},
        {"t": None},
        {"s": "MSFT"},
    )
    rows = [{**row(f"2024-01-{at + 10}"), "s": "AAPL", **one} for at, one in enumerate(bad)]
    del rows[0]["o"]
    rows.append({**row("2024-01-25"), "s": "AAPL", "h": 1, "l": 9})
    vendor.says(body({**row("2024-01-02"), "s": "AAPL"}, *rows, {**row("2023-12-29"), "s": "AAPL"}))
    part = Part("my_api", Dataset.BARS, "AAPL", date(2024, 1, 2), date(2024, 1, 31))

    (page,) = api(column_mapping={**MAPPING, "ticker": "s"}).pages(part, Watch())

    assert page.table.column("date").to_pylist() == [date(2024, 1, 2)]
    assert len(page.set_aside) == len(bad) + 2
    reasons = "\n".join(one.reason for one in page.set_aside)
    for words in (
        "high is below",
        "it has no open",
        "no finite",
        "its close 'n/a'",
        "its close True",
        "volume",
        "its date",
        "its ticker is 'MSFT'",
        "1 rows are of other days",
    ):
        assert words in reasons
    assert (page.first, page.last) == (part.start, part.end)


# -- what cannot be trusted -------------------------------------------------------------------------------------------

XML = b'<?xml version="1.0"?><prices/>'
MANY = [row(f"2024-01-02T{hour:02}:00:00Z") for hour in range(14, 21)]


@pytest.mark.parametrize(
    ("changed", "text", "error", "words"),
    [
        ({}, XML, NotJson, "is XML"),
        ({}, b"<!doctype html><p>hello", NotJson, "HTML"),
        ({}, b"", NotJson, "is empty"),
        ({}, b'{"results": [', NotJson, "cut"),
        ({}, b'{"results": [{"t": NaN}]}', MalformedPage, "NaN"),
        ({"response_format": "csv"}, XML, NotJson, "is XML, no csv"),
        ({"response_format": "csv"}, b"", NotJson, "is empty"),
        (
            {"response_format": "csv"},
            b"t,o,h,l,c,v\n2024-01-02,1,2,1,1,5\n2024-01-03,1,",
            MalformedPage,
            "middle of a row",
        ),
        ({"response_format": "csv"}, b"t,o,h,l\n", MalformedPage, "no column c, v"),
        ({"response_format": "csv"}, b'{"error": "wrong"}', MalformedPage, "no column"),
        ({"response_format": "csv"}, b"\xff\xfe\x00", MalformedPage, "no CSV"),
        ({"response_format": "ndjson"}, b'{"t": 1}\n{"t"', NotJson, "cut"),
        (
            {"data_path": "data.rows"},
            b'{"data": {"prices": []}}',
            MalformedPage,
            "'rows' is not there; there is 'prices'",
        ),
        ({"data_path": "data"}, b'{"message": "no such plan"}', MalformedPage, "leads nowhere"),
        ({"data_path": "data"}, b'{"data": null}', MalformedPage, "leads nowhere"),
        ({"data_path": "data"}, b'{"data": "text"}', MalformedPage, "leads to a text"),
        ({"data_path": "data"}, b"[]", MalformedPage, "a list of 0"),
        ({}, b'{"results": [], "count": 5}', MalformedPage, "counts 5 rows and has none"),
        ({}, b'{"count": 5}', MalformedPage, "leads nowhere"),
        ({}, b'{"results": {"t": [1], "o": [1]}}', MalformedPage, "no list 'h'"),
        (
            {"data_path": ""},
            b'{"t": [1, 2], "o": [1], "h": [1], "l": [1], "c": [1], "v": [1]}',
            MalformedPage,
            "different lengths",
        ),
        ({}, body({"time": 1, "o": 1}), MalformedPage, "column 't' for date"),
        ({}, body(7, "x"), MalformedPage, "column 't' for date"),  # type: ignore[arg-type]
        ({}, body(row("02/01/2024"), row("03/01/2024")), MalformedPage, "not one of 2 dates"),
        ({}, body({**row(""), "t": 1704171600}), MalformedPage, "not in ms"),
        ({"date_unit": "s"}, body({**row(""), "t": 1704171600000}), MalformedPage, "not in s"),
        ({}, body({**row("2024-01-02"), "o": "x"}), MalformedPage, "not one of 1 rows"),
        ({}, body(*MANY), MalformedPage, "several rows a day"),
        ({"pagination": "cursor"}, body(row("2024-01-02"), next_cursor=["a"]), MalformedPage, "neither text"),
    ],
    ids=str,
)
def test_an_answer_that_cannot_be_trusted_is_a_typed_error_that_says_what_to_set(
    api: Make, vendor: Vendor, changed: dict[str, Any], text: bytes, error: type[RedlineError], words: str
) -> None:
    vendor.says(text)

    with pytest.raises(error) as caught:
        days(api(**changed))

    assert words in caught.value.sentence
    assert caught.value.hint
    assert len(vendor.asked) == (1 if words in ("neither text", "not one of 1 rows") else 2)  # a proxy's page goes away


def test_a_wrong_unit_is_told_with_the_right_one(api: Make, vendor: Vendor) -> None:
    for number, unit in ((1704171600, "s"), (1704171600000000, "us"), (1704171600000000000, "ns")):
        vendor.answers = [(200, body({**row(""), "t": number}), {})]
        with pytest.raises(MalformedPage) as caught:
            days(api())
        assert caught.value.hint == f"Set date_unit to {unit}."


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({}, b'{"results": []}'),
        ({}, b'{"results": [], "resultsCount": 0}'),
        ({}, b'{"resultsCount": 0, "status": "OK"}'),
        ({"data_path": ""}, b"[]"),
        ({"data_path": ""}, b'{"t": [], "o": [], "h": [], "l": [], "c": [], "v": []}'),
        ({"response_format": "csv"}, b"t,o,h,l,c,v\n"),
        ({"response_format": "ndjson"}, b""),
    ],
    ids=str,
)
def test_a_well_formed_answer_without_rows_is_empty(
    api: Make, vendor: Vendor, changed: dict[str, Any], text: bytes
) -> None:
    vendor.says(text)
    part = Part("my_api", Dataset.BARS, "AAPL", date(2024, 1, 2), date(2024, 1, 31))

    (page,) = api(**changed).pages(part, Watch())

    assert (page.table.num_rows, page.set_aside) == (0, ())


def test_204_is_empty_too(api: Make, vendor: Vendor) -> None:
    vendor.says(b"", status=204)
    part = Part("my_api", Dataset.BARS, "AAPL", date(2024, 1, 2), date(2024, 1, 31))

    assert [page.table.num_rows for page in api().pages(part, Watch())] == [0]


def test_no_rows_in_all_days_is_an_unknown_ticker(api: Make, vendor: Vendor) -> None:
    vendor.says(body())

    with pytest.raises(UnknownTicker):
        days(api())
    assert asked(vendor, 1)["start_date"] == "1970-01-02"


@pytest.mark.parametrize(
    ("status", "changed", "error", "words"),
    [
        (404, {}, UnknownTicker, 'ticker "AAPL"'),
        (422, {"not_found_status": 422}, UnknownTicker, 'ticker "AAPL"'),
        (401, {}, InvalidKey, "Invalid My API API key"),
        (403, {}, NotEntitled, "does not cover"),
        (400, {}, ProviderError, "400 for"),
        (302, {}, MalformedPage, "redirect"),
    ],
    ids=str,
)
def test_each_status_is_its_error(
    api: Make, vendor: Vendor, status: int, changed: dict[str, Any], error: type[RedlineError], words: str
) -> None:
    vendor.says(b'{"message": "why it is so"}', status=status, Location="http://127.0.0.1:1/")

    with pytest.raises(error) as caught:
        days(api(**changed))
    assert words in caught.value.sentence
    assert len(vendor.asked) == (2 if status == 302 else 1)


def test_404_of_another_meaning_is_no_unknown_ticker(api: Make, vendor: Vendor) -> None:
    vendor.says(b"{}", status=404)

    with pytest.raises(ProviderError) as caught:
        days(api(not_found_status=422))
    assert not isinstance(caught.value, UnknownTicker)


@pytest.mark.parametrize(
    "text",
    [
        b"Exceeded the daily hits limit",
        b'{"Note": "You have exceeded your 5 calls a minute quota"}',
        b'{"status": "error", "message": "Rate limit exceeded"}',
    ],
    ids=repr,
)
def test_a_limit_that_is_said_with_200_is_waited_out(api: Make, vendor: Vendor, clock: FakeClock, text: bytes) -> None:
    vendor.says(text)
    vendor.says(body(row("2024-01-02")))

    assert days(api()) == ["2024-01-02"]
    assert sum(clock.slept) >= 60


def test_a_limit_without_an_end_is_rate_limited(api: Make, vendor: Vendor) -> None:
    vendor.says(b"too many requests", status=429)

    with pytest.raises(RateLimited):
        days(api())


# -- where it may lead ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://127.0.0.1:{port}", "http://localhost:{port}", "https://user@127.0.0.1:{port}"])
def test_an_address_that_is_not_listed_is_refused_before_anything_is_sent(
    budgets: Budgets, clock: FakeClock, vendor: Vendor, url: str
) -> None:
    config = {
        "name": "x",
        "base_url": url.format(port=vendor.origin.rsplit(":")[-1]),
        "endpoint": "x",
        "column_mapping": MAPPING,
    }

    with pytest.raises(UrlRefused):
        GenericAPIDownloader(config, outgoing=Outgoing(), budgets=budgets, clock=clock)
    assert vendor.asked == []


def test_a_public_name_that_turns_inwards_gets_no_connection(
    budgets: Budgets, clock: FakeClock, vendor: Vendor
) -> None:
    port = vendor.origin.rsplit(":")[-1]
    config = {"name": "x", "base_url": f"https://data.example.com:{port}", "endpoint": "x", "column_mapping": MAPPING}
    inward = Outgoing(resolver=lambda host, port: ["127.0.0.1"])
    made = GenericAPIDownloader(config, outgoing=inward, budgets=budgets, clock=clock)

    for call in (lambda: made.download_single_ticker("AAPL"), lambda: made.listing("AAPL", Watch())):
        with pytest.raises(UrlRefused):
            call()
    assert vendor.asked == []


def test_the_settings_of_the_process_say_which_hosts_are_listed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, vendor: Vendor
) -> None:
    for name in ("REDLINE_HOME", "REDLINE_STATE_DIR", "REDLINE_CONFIG_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    file = tmp_path / "api.json"
    file.write_text(json.dumps({"name": "x", "base_url": vendor.origin, "endpoint": "x", "column_mapping": MAPPING}))
    with pytest.raises(UrlRefused):
        GenericAPIDownloader(file)

    monkeypatch.setenv("REDLINE_ALLOWED_HOSTS", "127.0.0.1")
    vendor.says(body(row("2024-01-02")))

    assert days(GenericAPIDownloader(str(file))) == ["2024-01-02"]


# -- what it offers ---------------------------------------------------------------------------------------------------


def test_only_bars_of_days_are_offered(api: Make, vendor: Vendor) -> None:
    with pytest.raises(Unsupported):
        api().download_single_ticker("AAPL", "2024-01-02", "2024-01-03", timespan="minute")
    with pytest.raises(Unsupported):
        api().download_single_ticker("AAPL", "2024-01-02", "2024-01-03", multiplier=5)
    with pytest.raises(Unsupported):
        api().pages(Part("my_api", Dataset.SPLITS, "AAPL", date(2024, 1, 2), date(2024, 1, 3)), Watch())
    assert vendor.asked == []


def test_a_wrong_config_names_each_key() -> None:
    with pytest.raises(BadConfig) as caught:
        GenericAPIDownloader({"name": "x", "endpoint": 7, "nme": 1})
    assert set(caught.value.problems) == {"nme", "base_url", "column_mapping", "endpoint"}
