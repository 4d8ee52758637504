"""What a request may say, and which words each wrong one is answered with."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.errors import BadField, BadName, BadRange, RequestError
from redline.market.bar import BarSpec, Timespan
from redline.market.request import Adjust, BarsQuery, Dataset, DownloadRequest, parse_as_of, year_before
from redline.market.ticker import parse_ticker

TODAY, LAST = date(2024, 6, 3), date(2024, 5, 31)


def parse(**body: object) -> DownloadRequest:
    return DownloadRequest.parse({"ticker": "AAPL", **body}, today=TODAY, last_session=LAST)


def test_dates_left_out_are_one_year_up_to_the_last_finished_session() -> None:
    wanted = parse()

    assert (wanted.start, wanted.end) == (date(2023, 5, 31), LAST)
    assert wanted == DownloadRequest(("AAPL",), date(2023, 5, 31), LAST)


def test_every_field_arrives() -> None:
    wanted = parse(
        source="massive",
        dataset="splits",
        start_date="2014-05-01",
        end_date="2014-07-01",
        timespan="minute",
        multiplier=5,
        adjusted=False,
    )

    assert wanted == DownloadRequest(
        ("AAPL",),
        date(2014, 5, 1),
        date(2014, 7, 1),
        "massive",
        Dataset.SPLITS,
        BarSpec(Timespan.MINUTE, 5),
        adjusted=False,
    )


@pytest.mark.parametrize(
    ("body", "field", "error"),
    [
        ({"start_date": "2024-05-02", "end_date": "2024-05-01"}, "end_date", BadRange),
        ({"end_date": "2024-06-04"}, "end_date", BadRange),
        ({"start_date": "2030-01-01", "end_date": "2030-02-01"}, "start_date", BadRange),
        ({"start_date": "2024-05"}, "start_date", BadField),
        ({"start_date": "2024-5-1"}, "start_date", BadField),
        ({"start_date": "2024-02-30"}, "start_date", BadField),
        ({"start_date": "0001-01-01"}, "start_date", BadField),
        ({"start_date": 20240501}, "start_date", BadField),
        ({"end_date": ["2024-05-01"]}, "end_date", BadField),
        ({"start_date": "２０２４-05-01"}, "start_date", BadField),
        ({"timespan": "fortnight"}, "timespan", BadField),
        ({"timespan": None}, "timespan", BadField),
        ({"timespan": ["day"]}, "timespan", BadField),
        ({"multiplier": 0}, "multiplier", BadField),
        ({"multiplier": -1}, "multiplier", BadField),
        ({"multiplier": 1.5}, "multiplier", BadField),
        ({"multiplier": True}, "multiplier", BadField),
        ({"multiplier": "ten"}, "multiplier", BadField),
        ({"multiplier": 10**30}, "multiplier", BadField),
        ({"adjusted": "yes"}, "adjusted", BadField),
        ({"adjusted": 1}, "adjusted", BadField),
        ({"dataset": "candles"}, "dataset", BadField),
        ({"source": "Massive.com"}, "source", BadField),
        ({"source": 7}, "source", BadField),
        ({"ticker": ["AAPL"]}, "ticker", BadField),
        ({"ticker": ""}, "ticker", BadField),
        ({"ticker": None}, "ticker", BadField),
        ({"colour": "red"}, "colour", BadField),
    ],
)
def test_a_wrong_field_is_named(body: dict[str, object], field: str, error: type[RequestError]) -> None:
    with pytest.raises(error) as caught:
        parse(**body)

    assert caught.value.fields["field"] == field
    assert field in caught.value.sentence


@pytest.mark.parametrize(
    "ticker", ["AAPL", "BApA", "NA", "TRUE", "BRK.B", "C:EURUSD", "^GSPC", "O:TSLA240621C00200000"]
)
def test_a_ticker_is_kept_to_the_letter(ticker: str) -> None:
    assert parse(ticker=ticker).tickers == (ticker,)


@pytest.mark.parametrize(
    "ticker", ["BRK/B", "..", "../x", "a..b", "AA PL", " AAPL", "A" * 65, "A\x00", "AAPL\n", "a\\b", "%2e", "<b>", "é"]
)
def test_a_ticker_that_no_exchange_has_is_refused(ticker: str) -> None:
    with pytest.raises(BadName) as caught:
        parse(ticker=ticker)

    assert caught.value.code == "bad_name"


@given(st.text(max_size=80))
def test_no_text_breaks_the_ticker_parser(text: str) -> None:
    try:
        assert parse_ticker(text) == text
    except RequestError as error:
        assert error.status == 400


@given(st.dates(date(1971, 1, 1), date(2100, 1, 1)))
def test_a_year_before_is_a_day_of_the_year_before(day: date) -> None:
    assert year_before(day).year == day.year - 1
    assert 365 <= (day - year_before(day)).days <= 366


def test_a_query_reads_its_arguments() -> None:
    wanted = BarsQuery.parse(
        {"ticker": "AAPL", "start": "2024-01-02", "adjust": "none", "as_of": "2024-03-01T12:00:00Z"}
    )

    assert wanted.start == date(2024, 1, 2)
    assert wanted.adjust is Adjust.NONE
    assert wanted.as_of == datetime(2024, 3, 1, 12, tzinfo=UTC)


def test_as_of_a_date_is_the_end_of_that_day() -> None:
    assert parse_as_of("2024-03-01") == datetime(2024, 3, 1, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize("was", ["yesterday", "2024-13-01", "", 7, None])
def test_an_as_of_that_is_no_instant_is_refused(was: object) -> None:
    with pytest.raises(BadField):
        parse_as_of(was)


@pytest.mark.parametrize(("timespan", "multiplier"), [("hour", 7), ("hour", 48), ("minute", 1000), ("minute", 300)])
def test_bars_that_hold_trades_of_two_sessions_are_refused(timespan: str, multiplier: int) -> None:
    with pytest.raises(BadField, match="run over midnight"):
        parse(timespan=timespan, multiplier=multiplier)


@pytest.mark.parametrize(("timespan", "multiplier"), [("hour", 4), ("hour", 12), ("minute", 7), ("minute", 720)])
def test_bars_within_a_session_may_have_any_length(timespan: str, multiplier: int) -> None:
    assert parse(timespan=timespan, multiplier=multiplier).spec.multiplier == multiplier
