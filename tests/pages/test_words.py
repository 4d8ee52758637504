"""How numbers, times and prices are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.web.contexts import words


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (499.23, "499.23"),
        (500.0, "500.00"),
        (0.0001, "0.0001"),
        (1234.5, "1,234.50"),
        (131.3001, "131.3001"),
        (None, ""),
    ],
)
def test_a_price_has_two_digits_and_more_only_where_it_needs_them(value: float | None, said: str) -> None:
    assert words.price(value) == said


@given(st.floats(0.01, 1e6))
def test_a_price_never_loses_more_than_a_millionth(value: float) -> None:
    assert abs(float(words.price(value).replace(",", "")) - value) <= 1e-6


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "now"), (24, "24 s"), (59.6, "1 m 0 s"), (280, "4 m 40 s"), (7500, "2 h 5 m")],
)
def test_a_duration_is_read_at_a_glance(seconds: float, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(("size", "said"), [(0, "0 B"), (812, "0.8 kB"), (40_000, "40.0 kB"), (1.8e9, "1.8 GB")])
def test_a_size_has_one_digit(size: float, said: str) -> None:
    assert words.size(size) == said


def test_a_fractional_volume_keeps_its_fraction() -> None:
    assert words.count(1_000.5) == "1,000.5"
    assert words.count(190_573_476.0) == "190,573,476"


def test_an_instant_is_written_in_utc_whatever_its_zone() -> None:
    new_york = datetime(2024, 6, 3, 11, 0, tzinfo=timezone(timedelta(hours=-4)))

    assert words.moment(new_york) == "2024-06-03 15:00:00 UTC"
    assert words.moment("2024-06-03T15:00:00Z") == "2024-06-03 15:00:00 UTC"
    assert words.moment(None) == ""
    assert words.cell(datetime(2024, 6, 3, 15, 0, tzinfo=UTC)) == "2024-06-03 15:00"


def test_two_dates_that_are_one_are_written_once() -> None:
    assert words.span("2024-06-03", "2024-06-03") == "2024-06-03"
    assert words.span("2024-06-03", "2024-06-04") == "2024-06-03 to 2024-06-04"


def test_one_thing_is_no_plural() -> None:
    assert (words.counted(1, "call"), words.counted(2, "call")) == ("1 call", "2 calls")
