from __future__ import annotations

from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.gather import gathered, is_made_of

MONDAY, SUNDAY = date(2020, 8, 31), date(2020, 8, 30)
LONG = st.builds(BarSpec, st.sampled_from([Timespan.WEEK, Timespan.MONTH, Timespan.QUARTER]), st.integers(1, 4))
DAYS = st.dates(date(2015, 1, 1), date(2022, 1, 1))


def day(close: float, volume: float | None = 10.0, vwap: float | None = 2.0) -> dict[str, object]:
    return {
        "date": MONDAY,
        "open": close - 1,
        "high": close + 2,
        "low": close - 2,
        "close": close,
        "volume": volume,
        "vwap": vwap,
        "transactions": 5,
    }


@pytest.mark.parametrize(
    ("spec", "split", "expected"),
    [
        (BarSpec(Timespan.WEEK), MONDAY, [(SUNDAY, date(2020, 9, 5))]),
        (BarSpec(Timespan.WEEK), SUNDAY, []),
        (BarSpec(Timespan.MONTH), date(2020, 9, 1), []),
        (BarSpec(Timespan.MONTH), date(2021, 9, 2), []),
        (BarSpec(Timespan.DAY, 3), MONDAY, [(date(2020, 8, 29), date(2020, 9, 2))]),
        (DAILY, MONDAY, []),
        (BarSpec(Timespan.MINUTE, 30), MONDAY, []),
    ],
)
def test_a_seam_is_a_bar_that_a_split_cuts_in_two(
    spec: BarSpec, split: date, expected: list[tuple[date, date]]
) -> None:
    assert spec.seams([split], date(2020, 8, 1), date(2020, 9, 15)) == expected


@given(LONG, st.lists(DAYS, max_size=5), DAYS, DAYS)
def test_seams_are_apart_and_each_holds_every_bar_that_its_split_can_cut(
    spec: BarSpec, splits: list[date], one: date, other: date
) -> None:
    start, end = sorted((one, other))

    spans = spec.seams(splits, start, end)

    assert all(before[1] < after[0] for before, after in pairwise(spans))
    for split in splits:
        bar = spec.window(split) if spec.multiplier == 1 else (split, split)
        if start <= split <= end and bar[0] != split:
            assert any(first <= bar[0] and bar[1] <= last for first, last in spans)


@pytest.mark.parametrize(("multiplier", "first"), [(7, date(2020, 8, 30)), (48, date(2020, 8, 29)), (4, MONDAY)])
def test_a_bar_over_midnight_may_begin_before_the_first_date_asked_for(multiplier: int, first: date) -> None:
    assert BarSpec(Timespan.HOUR, multiplier).dated(MONDAY, MONDAY) == (first, MONDAY)


def test_days_make_a_bar_with_first_open_last_close_and_the_volume_weighted_price() -> None:
    days = [day(10.0, 30.0, 1.0), day(20.0, 10.0, 5.0)]

    bar = gathered({"ticker": "A", "date": SUNDAY}, days)

    assert bar == {
        "ticker": "A",
        "date": SUNDAY,
        "open": 9.0,
        "high": 22.0,
        "low": 8.0,
        "close": 20.0,
        "volume": 40.0,
        "vwap": 2.0,
        "transactions": 10,
    }
    assert is_made_of(bar, days)


def test_what_is_unknown_of_a_day_is_unknown_of_its_bar() -> None:
    bar = gathered({}, [day(10.0), day(20.0, None, None)])

    assert (bar["volume"], bar["vwap"]) == (None, None)


def test_days_that_are_not_all_there_do_not_make_the_bar() -> None:
    days = [day(20.0), day(19.0), day(20.0)]
    bar = gathered({}, days)

    assert not is_made_of(bar, [])
    assert not is_made_of(bar, [days[0], days[2]])
    assert not is_made_of(bar, [days[0], day(21.0), days[2]])
