from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from redline.market.adjust import Factors, Step, adjusted, dividend_steps, split_steps, splits_matter
from redline.market.calendar import midnight
from redline.market.schema import BARS_WIRE

MARKET_DATA = Path(__file__).parents[2] / ".." / "shared" / "market-data"
SPLIT_2014, SPLIT_2020 = date(2014, 6, 9), date(2020, 8, 31)


def split(day: date, before: float, after: float, **more: Any) -> dict[str, Any]:
    return {"execution_date": day, "split_from": before, "split_to": after, **more}


def one_bar(day: date, price: float, volume: float = 100.0, vwap: float | None = None) -> pa.Table:
    row = dict.fromkeys(("open", "high", "low", "close"), price)
    bar = {**row, "ticker": "A", "timestamp": midnight(day), "date": day, "volume": volume, "vwap": vwap, "source": "s"}
    return pa.Table.from_pylist([bar], schema=BARS_WIRE)


def test_split_counts_for_sessions_strictly_before_its_day() -> None:
    factors = Factors(split_steps([split(SPLIT_2020, 1, 4)]))

    before = adjusted(one_bar(date(2020, 8, 28), 400.0, 25.0, 404.0), factors).to_pylist()[0]
    on_the_day = adjusted(one_bar(SPLIT_2020, 100.0, 25.0), factors).to_pylist()[0]

    assert (before["close"], before["vwap"], before["volume"]) == (100.0, 101.0, 100.0)
    assert (on_the_day["close"], on_the_day["vwap"], on_the_day["volume"]) == (100.0, None, 25.0)


def test_factors_are_products_of_exact_ratios() -> None:
    steps = split_steps([split(SPLIT_2020, 1, 4), split(SPLIT_2014, 1, 7), split(date(2005, 2, 28), 1, 2)])

    # The vendor's own factor for the oldest is 0.017857, rounded; 1/56 is what the prices were divided by.
    assert steps == (Step(date(2005, 2, 28), 1 / 56), Step(SPLIT_2014, 1 / 28), Step(SPLIT_2020, 1 / 4))


@pytest.mark.parametrize(
    ("before", "after", "factor"), [(10_000, 1, 10_000.0), (2e6, 1, 2e6), (1, 2.5, 0.4), (0.95968, 1, 0.95968)]
)
def test_reverse_and_fractional_splits(before: float, after: float, factor: float) -> None:
    assert split_steps([split(SPLIT_2014, before, after)]) == (Step(SPLIT_2014, factor),)


def test_split_listed_twice_counts_once_and_two_of_one_day_count_both() -> None:
    twice = [split(SPLIT_2014, 1, 7, id="E1"), split(SPLIT_2014, 1.0, 7.0, id="E2")]

    assert split_steps(twice) == (Step(SPLIT_2014, 1 / 7),)
    assert split_steps([*twice, split(SPLIT_2014, 1, 2)]) == (Step(SPLIT_2014, 1 / 14),)


def test_same_ratio_in_other_words_counts_once() -> None:
    # Seen with the vendor: one 5:2 event given as 2 -> 5 and as 1 -> 2.5.
    assert split_steps([split(SPLIT_2014, 2, 5), split(SPLIT_2014, 1, 2.5)]) == (Step(SPLIT_2014, 0.4),)


@pytest.mark.parametrize(("before", "after"), [(0, 1), (1, 0), (-1, 2), (float("nan"), 1), (1, float("inf"))])
def test_ratio_that_is_none_is_refused(before: float, after: float) -> None:
    with pytest.raises(ValueError, match="ratio"):
        split_steps([split(SPLIT_2014, before, after)])


def test_dividends_use_the_vendors_cumulative_factor() -> None:
    rows: list[dict[str, Any]] = [
        {"ex_dividend_date": date(2020, 2, 7), "historical_adjustment_factor": 0.9},
        {"ex_dividend_date": date(2020, 8, 7), "historical_adjustment_factor": 0.95},
        {"ex_dividend_date": date(2020, 2, 7), "historical_adjustment_factor": 0.89},
    ]
    factors = Factors(split_steps([split(SPLIT_2020, 1, 4)]), dividend_steps(rows))

    found = [
        adjusted(one_bar(day, 400.0), factors).to_pylist()[0]
        for day in (date(2020, 2, 6), date(2020, 2, 7), date(2020, 8, 7), SPLIT_2020)
    ]

    assert [row["close"] for row in found] == pytest.approx([400 / 4 * 0.89, 400 / 4 * 0.95, 100.0, 400.0])
    assert [row["volume"] for row in found] == [400.0, 400.0, 400.0, 100.0]  # dividends leave the volume alone


def test_dividend_without_a_factor_is_refused() -> None:
    with pytest.raises(ValueError, match="2020-02-07"):
        dividend_steps([{"ex_dividend_date": date(2020, 2, 7), "historical_adjustment_factor": None}])


def test_no_split_changes_nothing() -> None:
    bars = one_bar(SPLIT_2014, 3.3)

    assert adjusted(bars, Factors()) is bars


@pytest.mark.parametrize("ticker", ["O:SPY251219C00650000", "I:SPX", "C:EURUSD", "X:BTCUSD"])
def test_options_indices_and_pairs_do_not_split(ticker: str) -> None:
    assert not splits_matter(ticker)
    assert splits_matter("AAPL")


@pytest.mark.skipif(not MARKET_DATA.exists(), reason="the shared market data lies beside the checkout, or not at all")
@pytest.mark.parametrize(
    ("last_before", "first_after", "jump"),
    [(date(2014, 6, 6), SPLIT_2014, 7), (date(2020, 8, 28), SPLIT_2020, 4)],
)
def test_real_split_of_aapl_leaves_no_jump(last_before: date, first_after: date, jump: int) -> None:
    import pyarrow.parquet as pq

    held = pq.read_table(MARKET_DATA / "bars_day.parquet", filters=[("ticker", "=", "AAPL")])
    raw = {row["date"]: row for row in held.to_pylist()}
    listed = json.loads((MARKET_DATA / "splits.json").read_text())
    rows = listed["results"] if isinstance(listed, dict) else listed
    events = [
        {**row, "execution_date": date.fromisoformat(row["execution_date"])} for row in rows if row["ticker"] == "AAPL"
    ]
    factors = Factors(split_steps(events))

    close = raw[last_before]["close"]
    one = adjusted(one_bar(last_before, close), factors).to_pylist()[0]["close"]
    two = adjusted(one_bar(first_after, raw[first_after]["open"]), factors).to_pylist()[0]["close"]

    later = 4 if first_after == SPLIT_2014 else 1  # 2014 prices were split once more, in 2020
    assert round(one, 2) == round(close / (jump * later), 2)
    assert abs(two / one - 1) < 0.03
