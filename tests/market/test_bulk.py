"""What a bulk download may say: nothing wrong in a list of tickers spoils the rest of it."""

from __future__ import annotations

from datetime import date

import pytest

from redline.errors import BadField, BadRange
from redline.market.bar import BarSpec, Timespan
from redline.market.bulk import parse_bulk, parse_ticker_file
from redline.market.request import Dataset, DownloadRequest

TODAY, LAST = date(2024, 6, 3), date(2024, 5, 31)


def parse(**body: object) -> DownloadRequest:
    return parse_bulk(body, today=TODAY, last_session=LAST)


def test_every_field_arrives() -> None:
    wanted = parse(
        tickers=["MSFT", "AAPL"],
        source="massive",
        dataset="bars",
        start_date="2024-01-02",
        end_date="2024-02-01",
        timespan="minute",
        multiplier="5",
        adjusted=False,
    )

    assert wanted == DownloadRequest(
        ("MSFT", "AAPL"),
        date(2024, 1, 2),
        date(2024, 2, 1),
        "massive",
        Dataset.BARS,
        BarSpec(Timespan.MINUTE, 5),
        adjusted=False,
    )


@pytest.mark.parametrize(
    "text", ["AAPL,MSFT,BRK.B", "AAPL MSFT  BRK.B\n", "AAPL;\r\nMSFT;\tBRK.B,", '"AAPL", "MSFT", "BRK.B"']
)
def test_pasted_text_is_a_list(text: str) -> None:
    assert parse(tickers=text).tickers == ("AAPL", "MSFT", "BRK.B")


def test_doubles_collapse_and_the_order_stays() -> None:
    assert parse(tickers=["MSFT", "AAPL", "MSFT", "aapl", "AAPL"]).tickers == ("MSFT", "AAPL", "aapl")


def test_what_can_be_no_ticker_is_refused_by_name_and_the_rest_goes_on() -> None:
    wanted = parse(tickers=["AAPL", "BRK/B", "../etc", 7, "", "MSFT", "BRK/B", "x\ny"])

    assert wanted.tickers == ("AAPL", "MSFT")
    assert [one for one, _ in wanted.refused] == ["BRK/B", "../etc", "7", "(empty)", "x?y"]
    assert all(reason.startswith("ticker was") for _, reason in wanted.refused)


def test_twenty_thousand_tickers_are_taken_and_one_more_is_not() -> None:
    many = [f"T{n}" for n in range(20_000)]

    assert len(parse(tickers=many + many).tickers) == 20_000
    with pytest.raises(BadField, match="at most 20,000"):
        parse(tickers=[*many, "ONE.MORE"])


@pytest.mark.parametrize(
    ("body", "field", "error"),
    [
        ({}, "tickers", BadField),
        ({"tickers": []}, "tickers", BadField),
        ({"tickers": " ,; \n"}, "tickers", BadField),
        ({"tickers": ["a/b", "c/d"]}, "tickers", BadField),
        ({"tickers": {"AAPL": 1}}, "tickers", BadField),
        ({"tickers": 5}, "tickers", BadField),
        ({"ticker": "AAPL"}, "ticker", BadField),
        ({"universe": "everything"}, "universe", BadField),
        ({"universe": "collection:"}, "universe", BadField),
        ({"universe": ["us_stocks"]}, "universe", BadField),
        ({"universe": "held", "tickers": ["AAPL"]}, "universe", BadField),
        ({"universe": "held", "as_of": "2024-01-02"}, "as_of", BadField),
        ({"universe": "us_stocks", "as_of": "2024-06-04"}, "as_of", BadField),
        ({"universe": "us_stocks", "as_of": "yesterday"}, "as_of", BadField),
        ({"tickers": "AAPL", "dataset": "tickers"}, "dataset", BadField),
        ({"tickers": "AAPL", "repair": True}, "repair", BadField),
        ({"tickers": "AAPL", "start_date": "2024-02-01", "end_date": "2024-01-01"}, "end_date", BadRange),
        ({"tickers": "AAPL", "timespan": "minute", "multiplier": 999}, "multiplier", BadField),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, object], field: str, error: type[BadField]) -> None:
    with pytest.raises(error) as caught:
        parse(**body)

    assert type(caught.value) is error
    assert caught.value.fields["field"] == field


@pytest.mark.parametrize("universe", ["held", "collection:tech"])
def test_a_universe_has_no_tickers_yet(universe: str) -> None:
    wanted = parse(universe=universe)

    assert (wanted.tickers, wanted.universe, wanted.as_of) == ((), universe, None)


def test_all_stocks_are_those_of_a_date_and_of_today_when_none_is_named() -> None:
    assert parse(universe="us_stocks", as_of="2023-01-03").as_of == date(2023, 1, 3)
    assert parse(universe="us_stocks").as_of == TODAY


def test_a_list_of_tickers_is_no_dataset_to_download() -> None:
    assert Dataset.TICKERS not in Dataset.downloads()
    with pytest.raises(BadField, match=r"bars, splits, dividends\."):
        Dataset.parse("tickers")


@pytest.mark.parametrize(
    ("data", "tickers"),
    [
        pytest.param(b"AAPL\nMSFT\r\n\nBRK.B", ["AAPL", "MSFT", "BRK.B"], id="a-ticker-a-line"),
        pytest.param(b"name,Ticker,x\nApple,AAPL,1\nMicrosoft,MSFT,2\n", ["AAPL", "MSFT"], id="column-ticker"),
        pytest.param(b'name;SYMBOL\n"Apple; Inc";AAPL\nshort\n', ["AAPL"], id="semicolons-quotes-short-row"),
        pytest.param(b"AAPL,Apple\nMSFT,Microsoft\n", ["AAPL", "MSFT"], id="first-column"),
        pytest.param(b"AAPL, MSFT", ["AAPL", "MSFT"], id="one-line"),
        pytest.param(b"AAPL MSFT\nTSLA", ["AAPL", "MSFT", "TSLA"], id="words"),
        pytest.param("﻿ticker\nNA\nTRUE\n".encode(), ["NA", "TRUE"], id="byte-order-mark"),
        pytest.param(b"ticker\tname\nAAPL\tApple\n", ["AAPL"], id="tabs"),
    ],
)
def test_a_file_is_read_by_its_column_or_its_first(data: bytes, tickers: list[str]) -> None:
    assert parse_ticker_file(data) == tickers


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\n \n", id="blanks"),
        pytest.param(b"ticker\n", id="only-a-header"),
        pytest.param(b"PAR1\x00\x15\x04", id="parquet"),
        pytest.param(b"AAPL\n\xff\xfe\n", id="not-utf-8"),
        pytest.param(b"A" * 200_000, id="no-lines"),
    ],
)
def test_a_file_without_tickers_is_refused(data: bytes) -> None:
    with pytest.raises(BadField) as caught:
        parse_ticker_file(data)

    assert caught.value.fields["field"] == "file"
