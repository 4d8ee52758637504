"""The answer for one session of the whole market: the same rows that each ticker's own day bars have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from redline.clock import Watch
from redline.downloaders import massive_grouped
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage, NotEntitled, Unsupported
from redline.market.bar import DAILY
from redline.market.bulk import US_STOCKS
from redline.market.part import WHOLE_MARKET, Part
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE
from redline.testing import Emulator
from tests.downloaders.bodies import DAYS, REQUEST_ID, bar, dumps, ms, part
from tests.downloaders.conftest import Make

CLOSE = ms(DAYS[0], 16)  # The vendor's time in these answers is the end of the session.


def market(day: date = DAYS[0]) -> Part:
    return Part("massive", Dataset.BARS, WHOLE_MARKET, day, day, DAILY)


def row(ticker: object, price: float = 10.0, **changed: object) -> dict[str, object]:
    return {name: value for name, value in {"T": ticker, **bar(CLOSE, price), **changed}.items() if value is not ...}


def answer(rows: list[dict[str, object]], **changed: object) -> bytes:
    counts = {"queryCount": len(rows), "resultsCount": len(rows), "adjusted": False}
    found = counts | {"results": rows, "status": "OK", "request_id": REQUEST_ID, "count": len(rows)}
    return dumps({name: value for name, value in {**found, **changed}.items() if value is not ...})


def parse(body: bytes) -> Parsed:
    return massive_grouped.parse_page(body, market())


def test_the_address_names_the_session_and_asks_for_raw_prices() -> None:
    url = urlsplit(massive_grouped.first_url("http://h:1", market()))

    assert url.path == "/v2/aggs/grouped/locale/us/market/stocks/2024-05-28"
    assert parse_qs(url.query) == {"adjusted": ["false"], "include_otc": ["false"]}


def test_rows_are_sorted_by_ticker_and_start_with_the_day() -> None:
    parsed = parse(answer([row("MSFT", 400.0, n=...), row("A", 150.0), row("BRK.B", 410.0, v=6.3896155e07)]))

    assert parsed.table.schema == BARS_WIRE
    assert parsed.table.column("ticker").to_pylist() == ["A", "BRK.B", "MSFT"]
    assert set(parsed.table.column("timestamp").to_pylist()) == {datetime(2024, 5, 28, 4, tzinfo=UTC)}
    assert set(parsed.table.column("date").to_pylist()) == {DAYS[0]}
    assert parsed.table.column("transactions").to_pylist() == [7, 7, None]
    assert parsed.set_aside == ()


@pytest.mark.parametrize(
    ("spoilt", "reason"),
    [
        (row("A", 150.0), "its ticker came before in the same answer, with the same values"),
        (row("A", 151.0), "its ticker came before in the same answer, with other values"),
        (row("../A"), "its ticker can be none"),
        (row(7), "its ticker can be none"),
        (row("B", h=1.0, l=2.0), "its high is below its low"),
        (row("B", t=ms(DAYS[1], 16)), "its time is outside of the request, 2024-05-28 to 2024-05-28"),
        (row("B", c="12"), "its c is no number"),
    ],
    ids=["again", "again-other", "no-ticker", "number", "high-below-low", "other-day", "text"],
)
def test_a_bad_row_is_set_aside_and_the_rest_stays(spoilt: dict[str, object], reason: str) -> None:
    parsed = parse(answer([row("A", 150.0), spoilt, row("MSFT", 400.0)]))

    assert parsed.table.column("ticker").to_pylist() == ["A", "MSFT"]
    assert parsed.table.column("open").to_pylist() == [150.0, 400.0]
    assert len(parsed.set_aside) == 1
    assert parsed.set_aside[0].reason.startswith(reason)


def test_a_ticker_that_is_named_twice_in_one_row_is_read_carefully() -> None:
    body = answer([row("A"), row("MSFT")]).replace(b'"T":"MSFT"', b'"T":"MSFT","T":"GOOG"')

    with pytest.raises(MalformedPage):
        parse(body)


def test_a_session_without_rows_is_empty() -> None:
    assert parse(answer([], results=...)).table.num_rows == 0


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (answer([row("A")], adjusted=True), MalformedPage),
        (answer([row("A")], count=2, resultsCount=2, queryCount=2), MalformedPage),
        (answer([row("../A"), row("B", o=-1.0)]), MalformedPage),
        (answer([], status="NOT_AUTHORIZED", message="Your plan does not include this data."), NotEntitled),
    ],
    ids=["adjusted", "miscounted", "all-bad", "not-entitled"],
)
def test_what_cannot_be_trusted_is_refused(body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        parse(body)


def test_one_call_gives_the_rows_that_each_ticker_s_own_day_bars_have(make: Make, emulator: Emulator) -> None:
    downloader, tickers, day = make(emulator.rest), ("AAPL", "MSFT", "XOM"), date(2020, 6, 1)
    (page,) = downloader.pages(market(day), Watch())

    assert page.table.column("ticker").to_pylist() == sorted(page.table.column("ticker").to_pylist())
    found = {one["ticker"]: one for one in page.table.to_pylist() if one["ticker"] in tickers}
    for ticker in tickers:
        (own,) = downloader.pages(part(day, day, ticker=ticker), Watch())
        assert own.table.to_pylist() == [found[ticker]]


def test_splits_of_the_whole_market_are_those_of_its_tickers(make: Make, emulator: Emulator) -> None:
    downloader, year = make(emulator.rest), (date(2020, 1, 1), date(2020, 12, 31))
    (page,) = downloader.pages(Part("massive", Dataset.SPLITS, WHOLE_MARKET, *year), Watch())
    (own,) = downloader.pages(Part("massive", Dataset.SPLITS, "AAPL", *year), Watch())

    of_the_year = [one for one in own.table.to_pylist() if year[0] <= one["execution_date"] <= year[1]]
    assert of_the_year
    assert [one for one in page.table.to_pylist() if one["ticker"] == "AAPL"] == of_the_year
    assert all(year[0] <= one for one in page.table.column("execution_date").to_pylist())


def test_the_stocks_of_a_day_are_listed_once_each(make: Make, emulator: Emulator) -> None:
    found = make(emulator.rest).universe(US_STOCKS, date(2020, 6, 1), Watch())

    assert list(found) == sorted(set(found))
    assert {"AAPL", "MSFT"} <= set(found)
    with pytest.raises(Unsupported):
        make(emulator.rest).universe("us_bonds", date(2020, 6, 1), Watch())


def test_a_list_that_pages_in_a_circle_ends(make: Make, emulator: Emulator) -> None:
    emulator.faults([{"match": {"path": "/v3/reference/tickers"}, "do": {"loop": "self"}}])

    with pytest.raises(MalformedPage):
        make(emulator.rest).universe(US_STOCKS, date(2020, 6, 1), Watch())
