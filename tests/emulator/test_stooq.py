"""Stooq's side of the emulator: its CSV, its adjustments, and its ways to say no with status 200."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from redline.testing import Emulator

KEY = "a-key-of-stooq-0123456789"
RAW = "1111111"


@pytest.fixture(scope="module")
def stooq() -> Iterator[Emulator]:
    with Emulator(key=KEY, now="2020-09-10T15:00:00+00:00") as emulator:
        yield emulator


def asked(emulator: Emulator, symbol: str, start: str = "", end: str = "", key: str = KEY, **more: str) -> str:
    dates = {name: text for name, text in (("d1", start), ("d2", end)) if text}
    query = {"s": symbol, "i": "d", "apikey": key, **dates, **more}
    answer = requests.get(f"{emulator.stooq}/q/d/l/", params=query, timeout=20)
    assert answer.status_code == 200
    return answer.text


def rows(text: str) -> list[list[str]]:
    assert text.endswith("\r\n")
    return [line.split(",") for line in text.split("\r\n")[:-1]]


def test_rows_have_the_shape_of_the_sample(shared: Path) -> None:
    sample = (shared / "responses/stooq/ok_aapl.us_d.csv").read_text().splitlines()
    with Emulator(shared, now="2017-11-10T22:00:00+00:00") as emulator:
        ours = rows(asked(emulator, "aapl.us", "20171002", "20171110", o=RAW))

    assert ",".join(ours[0]) == sample[0]
    assert [row[0] for row in ours[1:]] == [line.split(",")[0] for line in sample[1:]]


def test_each_mark_leaves_out_one_adjustment(stooq: Emulator) -> None:
    """AAPL closed at 455.61 on 2020-08-06; 0.82 a share was paid on the 7th, 4:1 came on the 31st."""
    close = {
        marks: float(rows(asked(stooq, "aapl.us", "20200806", "20200806", o=marks))[1][4])
        for marks in (RAW, "0111111", "1011111", "0000000")
    }

    assert close[RAW] == pytest.approx(455.61, abs=1e-9)
    assert close["0111111"] == pytest.approx(close[RAW] / 4)
    assert 0 < 1 - close["1011111"] / close[RAW] < 0.02  # of all dividends since
    assert close["0000000"] == pytest.approx(close["1011111"] / 4, abs=1e-4)


def test_weeks_bear_their_last_session_and_months_their_last_day(stooq: Emulator) -> None:
    weeks = rows(asked(stooq, "aapl.us", "20200801", "20200831", i="w", o=RAW))
    months = rows(asked(stooq, "aapl.us", "20200601", "20200831", i="m", o=RAW))

    assert [row[0] for row in weeks[1:]] == ["2020-08-07", "2020-08-14", "2020-08-21", "2020-08-28"]
    assert [row[0] for row in months[1:]] == ["2020-06-30", "2020-07-31", "2020-08-31"]


def test_the_session_under_way_is_not_there_yet(stooq: Emulator) -> None:
    assert [row[0] for row in rows(asked(stooq, "aapl.us", "20200908", "20200910"))[1:]] == ["2020-09-08", "2020-09-09"]


@pytest.mark.parametrize(("symbol", "start"), [("nosuch.us", ""), ("aapl.us", "20300101"), ("aapl.uk", ""), ("^x", "")])
def test_what_it_has_not_is_no_data(stooq: Emulator, symbol: str, start: str) -> None:
    assert asked(stooq, symbol, start) == "No data"


@pytest.mark.parametrize("key", ["", "another-key"])
def test_without_the_key_it_says_how_to_get_one(stooq: Emulator, key: str) -> None:
    stooq.reset()

    assert asked(stooq, "aapl.us", key=key).startswith("Get your apikey:")
    assert "another-key" not in str(stooq.ledger())


@pytest.mark.parametrize(
    ("says", "text"),
    [("browser_check", "verify your browser"), ("hits_limit", "Exceeded the daily hits limit"), ("no_data", "No data")],
)
def test_what_it_says_in_place_of_rows_is_a_fault(stooq: Emulator, says: str, text: str) -> None:
    stooq.reset()
    stooq.faults([{"match": {"path": "/q/d/l", "times": 1}, "do": {"says": says}}])

    assert text in asked(stooq, "aapl.us")
    assert asked(stooq, "aapl.us").startswith("Date,Open")
    with pytest.raises(ValueError, match="says was none of"):
        stooq.faults([{"do": {"says": "hello"}}])


def test_other_paths_are_not_there(stooq: Emulator) -> None:
    assert requests.get(f"{stooq.stooq}/q/l/?s=aapl.us", timeout=20).status_code == 404
