"""Stooq's CSV and its symbols: what counts as rows, what is set aside, and what is not believed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from redline.downloaders import stooq_csv
from redline.downloaders.stooq_symbols import from_stooq, to_stooq
from redline.errors import MalformedPage, Unsupported
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import Dataset

HEADER = "Date,Open,High,Low,Close,Volume"
GOOD = "2020-09-08,113.95,118.99,112.68,112.82,231366560"
SHARED = Path(__file__).parents[3] / "shared" / "market-data" / "responses" / "stooq"


def part(ticker: str = "AAPL", spec: BarSpec = BarSpec()) -> Part:  # noqa: B008
    return Part("stooq", Dataset.BARS, ticker, date(2020, 9, 1), date(2020, 9, 30), spec)


def parsed(*lines: str, ticker: str = "AAPL", spec: BarSpec = BarSpec()) -> stooq_csv.Parsed:  # noqa: B008
    return stooq_csv.parse("\r\n".join(lines).encode(), part(ticker, spec), date(2020, 9, 30))


@pytest.mark.parametrize("end", ["", "\r\n", "\n"])
def test_a_row_is_read_whatever_ends_it(end: str) -> None:
    row = stooq_csv.parse(f"\ufeff{HEADER}\r\n{GOOD}{end}".encode(), part(), date(2020, 9, 30)).table.to_pylist()[0]

    assert (row["open"], row["high"], row["low"], row["close"]) == (113.95, 118.99, 112.68, 112.82)
    assert (row["volume"], row["vwap"], row["transactions"]) == (231_366_560, None, None)


@pytest.mark.parametrize("name", ["ok_aapl.us_d.csv", "ok_spy.us_d.csv"])
def test_the_samples_are_read_whole(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip("the folder shared is not beside the checkout")
    body = (SHARED / name).read_bytes()
    asked = Part("stooq", Dataset.BARS, name[3:-9].removesuffix(".us").upper(), date(2017, 10, 1), date(2017, 11, 10))

    found = stooq_csv.parse(body, asked, date(2017, 11, 10))

    assert found.table.num_rows == len(body.splitlines()) - 1 == 30
    assert found.set_aside == ()


def test_a_pair_has_no_volume() -> None:
    row = parsed("Date,Open,High,Low,Close", "2020-09-08,1.18,1.19,1.17,1.18", ticker="C:EURUSD").table.to_pylist()[0]

    assert row["volume"] is None
    assert row["timestamp"].hour == 0


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("2020-09-09,1,2,1,N/A,5", "no date and numbers"),
        ("2020-09-09,1,2,1,inf,5", "no date and numbers"),
        ("2020-09-31,1,2,1,2,5", "no date and numbers"),
        ("2020-09-09,1,2,1,2", "no date and numbers"),
        ("2020-09-09,0,2,1,2,5", "a price is not above 0"),
        ("2020-09-09,2,1,2,2,5", "high is below its low"),
        ("2020-09-09,1,2,1,2,-5", "volume is no number from 0"),
        ("2020-08-31,1,2,1,2,5", "outside of the request"),
        ("2020-09-08,1,2,1,2,5", "came before in the same answer"),
    ],
)
def test_a_row_that_can_be_none_is_set_aside_with_its_reason(bad: str, reason: str) -> None:
    found = parsed(HEADER, GOOD, bad, "2020-09-30,1,2,1,2,5")

    assert found.table["date"].to_pylist() == [date(2020, 9, 8), date(2020, 9, 30)]
    assert [(reason in one.reason, one.row) for one in found.set_aside] == [(True, bad)]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([HEADER], "a header and no row"),
        ([HEADER, GOOD, "2020-09-09,1,2"], "in the middle of a row"),
        ([HEADER, "2020-09-09,0,2,1,2,5"], "not one of 1 rows"),
        (["Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie", "2020-09-09,1,2,1,2"], "no CSV of its kind"),
        ([HEADER.replace(",", ";"), GOOD], "no CSV of its kind"),
        (["<!DOCTYPE html>"], "is an HTML page"),
        (['<?xml version="1.0"?><rows/>'], "is an HTML page"),
        ([""], "is empty"),
    ],
)
def test_what_is_not_believed_is_no_data_for_nobody(lines: list[str], why: str) -> None:
    with pytest.raises(MalformedPage, match=why):
        parsed(*lines)


def test_no_text_at_all_is_not_believed() -> None:
    with pytest.raises(MalformedPage, match="no CSV of its kind"):
        stooq_csv.parse(b"\xff\xfe\x00", part(), date(2020, 9, 30))


@pytest.mark.parametrize("said", [b"No data", b"No data\r\n", b"Brak danych"])
def test_no_data_is_an_answer(said: bytes) -> None:
    found = stooq_csv.parse(said, part(), date(2020, 9, 30))

    assert (found.table.num_rows, found.said) == (0, "No data")


def test_a_week_that_bears_a_sunday_is_set_aside() -> None:
    found = parsed(HEADER, "2020-09-11,1,2,1,2,5", "2020-09-20,1,2,1,2,5", spec=BarSpec(Timespan.WEEK))

    assert found.table["date"].to_pylist() == [date(2020, 9, 6)]
    assert [one.reason for one in found.set_aside] == ["its week cannot be told: it bears a Sunday"]


@pytest.mark.parametrize(
    ("ticker", "symbol"),
    [
        ("AAPL", "aapl.us"),
        ("BRK.B", "brk-b.us"),
        ("AAC.WS", "aac-ws.us"),
        ("ABRpD", "abr_d.us"),
        ("I:SPX", "^spx"),
        ("I:COMP", "^ndq"),
        ("C:EURUSD", "eurusd"),
        ("X:BTCUSD", "btcusd"),
    ],
)
def test_symbols_go_both_ways(ticker: str, symbol: str) -> None:
    assert to_stooq(ticker) == symbol
    assert from_stooq(symbol, crypto=ticker.startswith("X:")) == ticker


@pytest.mark.parametrize("ticker", ["O:AAPL201016C00120000", "SHELw", "^GSPC", "EURUSD=X", "X:ABCDEFGHIJK"])
def test_what_it_has_no_word_for_is_unsupported(ticker: str) -> None:
    with pytest.raises(Unsupported, match="stooq has no"):
        to_stooq(ticker)


@pytest.mark.parametrize(
    ("symbol", "ticker"), [("btc.v", "X:BTCUSD"), ("cdr", None), ("10usy.b", None), ("vod.uk", None)]
)
def test_a_symbol_without_a_word_of_ours_is_none(symbol: str, ticker: str | None) -> None:
    assert from_stooq(symbol, crypto=True) == ticker
