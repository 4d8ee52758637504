"""Bars, column by column: dates in the exchange's zone, bad rows aside, nothing lost on the way."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.market.bar import BarSpec, Timespan
from redline.market.normalize import BAR_RECORD, bars, dates
from redline.market.part import Part
from redline.market.request import Dataset

NEW_YORK = ZoneInfo("America/New_York")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LAST_MS = (datetime(2090, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


def asked(spec: BarSpec, start: date = date(2024, 5, 28), end: date = date(2024, 5, 30)) -> Part:
    return Part("massive", Dataset.BARS, "ACME", start, end, spec)


@given(st.lists(st.integers(-1_000_000_000_000, LAST_MS), min_size=1, max_size=50))
def test_dates_are_those_of_the_zone_rules(milliseconds: list[int]) -> None:
    expected = [(EPOCH + timedelta(milliseconds=at)).astimezone(NEW_YORK).date() for at in milliseconds]

    found = dates(np.array(milliseconds, "i8"), "ACME")

    assert [date(1970, 1, 1) + timedelta(days=int(day)) for day in found] == expected


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (datetime(2024, 3, 10, 4, 59, tzinfo=UTC), date(2024, 3, 9)),  # Clocks go forward that night.
        (datetime(2024, 3, 10, 5, 0, tzinfo=UTC), date(2024, 3, 10)),
        (datetime(2024, 3, 11, 3, 59, tzinfo=UTC), date(2024, 3, 10)),
        (datetime(2024, 3, 11, 4, 0, tzinfo=UTC), date(2024, 3, 11)),
        (datetime(2024, 11, 3, 4, 0, tzinfo=UTC), date(2024, 11, 3)),  # And back.
        (datetime(2024, 11, 4, 4, 59, tzinfo=UTC), date(2024, 11, 3)),
        (datetime(2024, 11, 4, 5, 0, tzinfo=UTC), date(2024, 11, 4)),
    ],
)
def test_days_begin_at_midnight_in_new_york_when_clocks_change(instant: datetime, expected: date) -> None:
    at = np.array([(instant - EPOCH) // timedelta(milliseconds=1)], "i8")

    assert date(1970, 1, 1) + timedelta(days=int(dates(at, "ACME")[0])) == expected


@given(
    st.lists(
        st.tuples(
            st.integers(-3, 9),  # hours around the days asked for, in steps of ten
            st.sampled_from([10.0, 0.0, -1.0, float("nan"), float("inf")]),
            st.sampled_from([9.0, 11.0, float("nan")]),
            st.sampled_from([100.0, -1.0, float("nan"), float("inf")]),
        ),
        max_size=30,
    )
)
def test_every_row_is_kept_or_set_aside(made: list[tuple[int, float, float, float]]) -> None:
    start = (datetime(2024, 5, 28, 4, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
    records = np.array(
        [(start + hour * 36_000_000, price, high, 9.0, 9.0, volume, 9.0, 1) for hour, price, high, volume in made],
        BAR_RECORD,
    )

    table, aside = bars(records, asked(BarSpec(Timespan.MINUTE)), lambda at: f"row {at}")

    assert table.num_rows + len(aside) == len(made)
    times = table.column("timestamp").to_pylist()
    assert times == sorted(set(times))
    assert all(price > 0 for price in table.column("open").to_pylist())
    assert len({one.row for one in aside}) == len(aside)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (BarSpec(), (date(2024, 5, 28), date(2024, 5, 30))),
        (BarSpec(Timespan.MINUTE, 7), (date(2024, 5, 28), date(2024, 5, 30))),
        (BarSpec(Timespan.WEEK), (date(2024, 5, 26), date(2024, 6, 1))),
        (BarSpec(Timespan.MONTH), (date(2024, 5, 1), date(2024, 5, 31))),
        (BarSpec(Timespan.DAY, 3), (date(2024, 5, 26), date(2024, 5, 30))),
        (BarSpec(Timespan.WEEK, 2), (date(2024, 5, 19), date(2024, 6, 1))),
    ],
)
def test_a_bar_may_begin_where_its_unit_does(spec: BarSpec, expected: tuple[date, date]) -> None:
    assert spec.dated(asked(spec).start, asked(spec).end) == expected
