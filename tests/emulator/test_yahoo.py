"""Yahoo's side of the emulator: shaped as recorded, in shares of the day of the request, the live row last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests

from redline.testing import Emulator

IN_SESSION = "2020-09-10T15:00:00+00:00"  # a Thursday, 11:00 in New York


@pytest.fixture(scope="module")
def yahoo() -> Iterator[Emulator]:
    with Emulator(now=IN_SESSION) as emulator:
        yield emulator


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def asked(emulator: Emulator, symbol: str, start: str, end: str, status: int = 200, **more: str) -> dict[str, Any]:
    query = {"period1": str(second(start)), "period2": str(second(end)), "interval": "1d", **more}
    answer = requests.get(f"{emulator.yahoo}/v8/finance/chart/{symbol}", params=query, timeout=20)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()["chart"]
    return found


def result(*arguments: Any, **more: str) -> dict[str, Any]:
    found: dict[str, Any] = asked(*arguments, **more)["result"][0]
    return found


def test_it_answers_as_the_recorded_answer_did(shared: Path) -> None:
    """Recorded on 2025-02-20 before the open: AAPL of 2020-01-02, a fourth of the price of that day."""
    recorded = json.loads((shared / "responses/yahoo/chart-AAPL-2020-01-01-to-2020-01-03.json").read_text())
    theirs = recorded["chart"]["result"][0]
    with Emulator(shared, now="2025-02-20T11:47:41+00:00") as emulator:
        ours = result(emulator, "AAPL", "2020-01-01", "2020-01-03", events="div|split")

    assert ours["timestamp"] == theirs["timestamp"]
    assert ours["indicators"].keys() == theirs["indicators"].keys()
    for name in ("open", "high", "low", "close"):
        assert ours["indicators"]["quote"][0][name] == pytest.approx(theirs["indicators"]["quote"][0][name], rel=1e-4)
    meta, wanted = ours["meta"], theirs["meta"]
    for name in (
        "currency",
        "symbol",
        "instrumentType",
        "exchangeTimezoneName",
        "dataGranularity",
        "gmtoffset",
        "range",
    ):
        assert meta[name] == wanted[name], name
    assert meta["currentTradingPeriod"]["regular"] == wanted["currentTradingPeriod"]["regular"]
    assert meta["regularMarketTime"] == wanted["regularMarketTime"]
    assert meta["validRanges"] == wanted["validRanges"]
    assert meta.keys() <= wanted.keys()


def test_prices_are_in_the_shares_of_today_as_32_bit_numbers(yahoo: Emulator) -> None:
    found = result(yahoo, "AAPL", "2020-08-28", "2020-09-01", events="div|split")

    close = found["indicators"]["quote"][0]["close"]
    assert close[0] == pytest.approx(499.23 / 4, rel=1e-7)
    assert found["events"]["splits"] == {
        "1598880600": {"date": 1598880600, "numerator": 4.0, "denominator": 1.0, "splitRatio": "4:1"}
    }


def test_a_split_to_come_is_not_known_yet() -> None:
    with Emulator(now="2020-08-29T12:00:00+00:00") as emulator:
        found = result(emulator, "AAPL", "2020-08-28", "2020-09-01", events="div|split")

    assert found["indicators"]["quote"][0]["close"] == [pytest.approx(499.23, rel=1e-7)]
    assert "events" not in found


def test_dividends_are_in_the_shares_of_today_too(yahoo: Emulator) -> None:
    found = result(yahoo, "AAPL", "2020-08-01", "2020-08-20", events="div")

    assert [one["amount"] for one in found["events"]["dividends"].values()] == [0.205]  # 0.82 before 4:1


def test_the_session_under_way_is_a_row_stamped_now(yahoo: Emulator) -> None:
    found = result(yahoo, "AAPL", "2020-09-09", "2020-09-11")

    meta, stamps = found["meta"], found["timestamp"]
    assert stamps[0] == second("2020-09-09T13:30:00")
    assert stamps[1] == meta["regularMarketTime"] >= second("2020-09-10T15:00:00")
    assert stamps[1] < meta["currentTradingPeriod"]["regular"]["end"]


def test_minutes_are_those_of_regular_hours_and_hours_begin_with_the_session(yahoo: Emulator) -> None:
    minutes = result(yahoo, "AAPL", "2020-09-08", "2020-09-09", interval="1m")
    hours = result(yahoo, "AAPL", "2020-09-08", "2020-09-09", interval="60m")

    assert len(minutes["timestamp"]) == 390
    assert [stamp - second("2020-09-08T13:30:00") for stamp in hours["timestamp"]] == [3600 * at for at in range(7)]
    assert hours["meta"]["dataGranularity"] == "1h"
    assert sum(hours["indicators"]["quote"][0]["volume"]) == sum(minutes["indicators"]["quote"][0]["volume"])
    assert "adjclose" not in minutes["indicators"]


@pytest.mark.parametrize(
    ("interval", "start", "end", "why"),
    [
        ("1m", "2020-09-01", "2020-09-10", "Only 8 days worth"),
        ("1m", "2020-08-01", "2020-08-02", "within the last 30 days"),
        ("5m", "2020-06-01", "2020-09-10", "within the last 60 days"),
        ("60m", "2018-06-01", "2018-09-10", "within the last 730 days"),
    ],
)
def test_what_lies_too_far_back_is_a_422_with_a_reason(
    yahoo: Emulator, interval: str, start: str, end: str, why: str
) -> None:
    error = asked(yahoo, "AAPL", start, end, status=422, interval=interval)["error"]

    assert why in error["description"]


def test_an_unknown_symbol_is_404_and_days_without_rows_are_an_empty_answer(yahoo: Emulator) -> None:
    assert asked(yahoo, "NOSUCH", "2020-09-01", "2020-09-02", status=404)["error"]["code"] == "Not Found"

    found = result(yahoo, "AAPL", "2020-09-05", "2020-09-06")
    assert "timestamp" not in found
    assert found["indicators"] == {"quote": [{}], "adjclose": [{}]}
    before = asked(yahoo, "AAPL", "2001-01-05", "2001-01-06", status=400)["error"]
    assert "Data doesn't exist" in before["description"]


def test_the_range_max_comes_in_coarser_bars_without_a_word(yahoo: Emulator) -> None:
    query = {"range": "max", "interval": "1d"}
    answer = requests.get(f"{yahoo.yahoo}/v8/finance/chart/AAPL", params=query, timeout=20).json()

    found = answer["chart"]["result"][0]
    assert found["meta"]["dataGranularity"] == "1mo"
    assert len(found["timestamp"]) == 81  # January 2014 to September 2020


def test_symbols_are_yahoo_s(tmp_path: Path) -> None:
    names = ["BRK.B", "I:SPX", "X:BTCUSD", "C:EURUSD"]
    day = datetime(2020, 9, 8, tzinfo=UTC).date()
    prices = {name: [10.0] * len(names) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"ticker": names, "date": [day] * len(names), **prices}), tmp_path / "bars_day.parquet")
    with Emulator(tmp_path, now=IN_SESSION) as emulator:
        stamps = {
            symbol: result(emulator, symbol, "2020-09-07", "2020-09-10")["timestamp"]
            for symbol in ("BRK-B", "^GSPC", "BTC-USD", "EURUSD=X")
        }
        for symbol in names:
            asked(emulator, symbol, "2020-09-07", "2020-09-10", status=404)

    open_s, midnight = second("2020-09-08T13:30:00"), second("2020-09-08")
    assert stamps == {
        "BRK-B": [open_s],
        "^GSPC": [open_s],
        "BTC-USD": [midnight],
        "EURUSD=X": [midnight - 3600],  # midnight in London, in summer
    }


def test_faults_and_ledger_are_as_for_rest_but_faults_of_a_page(yahoo: Emulator) -> None:
    yahoo.reset()
    yahoo.faults([{"match": {"path": "/v8/finance", "nth": 1}, "do": {"status": 429}}])
    yahoo.faults([{"match": {"path": "/v8/finance", "nth": 2}, "do": {"page": "empty"}}])
    statuses = [
        requests.get(f"{yahoo.yahoo}/v8/finance/chart/AAPL?range=5d&interval=1d", timeout=20).status_code
        for _ in range(3)
    ]

    assert statuses == [429, 500, 200]
    assert [(one["status"], one["rows"] > 0) for one in yahoo.ledger()] == [(429, False), (500, False), (200, True)]
    assert requests.get(f"{yahoo.yahoo}/v1/marketstatus/now", timeout=20).status_code == 404
