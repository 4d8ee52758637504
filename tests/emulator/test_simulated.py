"""The demo's made-up minutes: the real day's open, high, low, close and volume, and a believable way between them."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.emulator.models.bars import Bars
from redline.emulator.models.simulated import simulated_day

LONG_DAY, SHORT_DAY = datetime(2020, 8, 28, 4, tzinfo=UTC), datetime(2020, 11, 27, 5, tzinfo=UTC)


def day_bar(prices: tuple[float, float, float, float], volume: float = 40_000_000.0, day: datetime = LONG_DAY) -> Bars:
    first, high, low, last = (np.array([one]) for one in prices)
    at = np.array([int(day.timestamp() * 1000)], dtype=np.int64)
    return Bars(t=at, o=first, h=high, l=low, c=last, v=np.array([volume]), raw=np.ones(1, dtype=np.bool_))


def longest_rest(prices: np.ndarray) -> int:
    """Return for how many minutes at most the price does not move."""
    longest = now = 0
    for still in np.diff(prices) == 0:
        now = now + 1 if still else 0
        longest = max(longest, now)
    return longest


cents = st.integers(100, 500_000)


@given(st.lists(cents, min_size=4, max_size=4), st.integers(0, 10**9), st.text("ABCDEFGHIJ.", min_size=1, max_size=5))
def test_minutes_add_up_to_their_day(four: list[int], volume: int, ticker: str) -> None:
    low, first, last, high = (
        one / 100 for one in (min(four), *sorted(four)[1:3][:: 1 if volume % 2 else -1], max(four))
    )
    made = simulated_day(ticker, day_bar((first, high, low, last), float(volume)))

    assert (made.o[0], made.h.max(), made.l.min(), made.c[-1]) == (first, high, low, last)
    assert made.v.sum() == volume
    assert np.all(made.l <= np.minimum(made.o, made.c))
    assert np.all(made.h >= np.maximum(made.o, made.c))
    assert np.all(made.o[1:] == made.c[:-1])


@pytest.mark.parametrize("ticker", ["AAPL", "MSFT", "XOM", "KO"])
@pytest.mark.parametrize("day", [LONG_DAY, SHORT_DAY])
def test_the_price_does_not_lie_at_the_edge_of_the_day(ticker: str, day: datetime) -> None:
    made = simulated_day(ticker, day_bar((504.05, 505.77, 498.31, 499.23), day=day))

    assert len(made) == (390 if day is LONG_DAY else 210)
    assert longest_rest(made.c) < 10
    at_an_edge = (made.c == 505.77) | (made.c == 498.31)
    assert at_an_edge.sum() < 8


def test_the_open_and_the_close_are_the_busy_hours() -> None:
    made = simulated_day("AAPL", day_bar((504.05, 505.77, 498.31, 499.23)))

    first, noon, last = made.v[:60].sum(), made.v[165:225].sum(), made.v[-60:].sum()
    assert first > 1.5 * noon
    assert last > 1.5 * noon


def test_a_day_is_the_same_each_time_and_another_for_another_ticker() -> None:
    bar = day_bar((504.05, 505.77, 498.31, 499.23))

    assert np.array_equal(simulated_day("AAPL", bar).c, simulated_day("AAPL", bar).c)
    assert not np.array_equal(simulated_day("AAPL", bar).c, simulated_day("MSFT", bar).c)


def test_a_day_of_one_price_is_flat() -> None:
    made = simulated_day("AAPL", day_bar((12.5, 12.5, 12.5, 12.5)))

    assert set(made.h) == set(made.l) == {12.5}
