"""From a limit to slots."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.errors import BadField
from redline.net.pace import MOST_SLOTS, Pace, checked_limit, pace_for


@pytest.mark.parametrize(
    ("limit", "pace"),
    [
        (5, Pace(5, 60.0)),
        (10, Pace(10, 60.0)),
        (60, Pace(60, 60.0)),
        (7.9, Pace(7, 60.0)),
        (60 / 12.0, Pace(5, 60.0)),  # a delay of 12 s: the free plan
        (60 / 0.1, Pace(10, 1.0)),  # a delay of 0.1 s: 600 a minute, 10 in any second
        (61, Pace(1, 60 / 61)),
        (120, Pace(2, 1.0)),
        (0.5, Pace(1, 120.0)),
    ],
)
def test_a_limit_becomes_slots_in_a_window(limit: float, pace: Pace) -> None:
    assert pace_for(limit) == pace


def test_the_window_can_be_scaled_for_tests_and_benches() -> None:
    assert pace_for(20, 2.0) == Pace(20, 2.0)
    assert pace_for(600, 6.0) == Pace(10, 0.1)


@given(st.floats(0.01, 1e6))
def test_a_minute_never_holds_more_than_the_limit_and_no_second_more_than_its_share(limit: float) -> None:
    pace = pace_for(limit)

    assert pace.slots * 60.0 / pace.window_s <= limit * (1 + 1e-9)
    assert pace.slots <= MOST_SLOTS
    if limit > 60:
        assert pace.slots * math.ceil(1 / pace.window_s - 1e-9) <= max(2.0, 2 * limit / 60)
        assert pace.slots / pace.window_s >= 0.5 * math.floor(limit) / 60  # and most of it can be used


@pytest.mark.parametrize("limit", [0, -1, True, math.nan, math.inf, "10", None, 1e12])
def test_a_limit_that_is_no_number_above_zero_is_refused(limit: object) -> None:
    with pytest.raises(BadField):
        checked_limit(limit)
