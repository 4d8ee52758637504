"""What is lacking, what to ask the next source for, and where two sources differ."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.market.failover import differences, lacking, of_sessions, span_to_ask
from redline.market.schema import BARS_WIRE

DAYS = [date(2024, 1, 1) + timedelta(days=n) for n in range(30)]


def bars(source: str, closes: dict[date, float | None]) -> pa.Table:
    def row(day: date, close: float | None) -> dict[str, object]:
        at = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
        prices = dict.fromkeys(("open", "high", "low"), 10.0)
        return {"ticker": "A", "timestamp": at, "date": day, **prices, "close": close, "source": source}

    return pa.Table.from_pylist([row(day, close) for day, close in closes.items()], schema=BARS_WIRE)


@given(held=st.sets(st.sampled_from(DAYS)), wanted=st.sets(st.sampled_from(DAYS)))
def test_what_is_lacking_is_what_is_wanted_and_not_held(held: set[date], wanted: set[date]) -> None:
    table = bars("massive", dict.fromkeys(sorted(held), 10.0))

    assert lacking(sorted(wanted), table) == sorted(wanted - held)
    assert set(of_sessions(table, wanted)["date"].to_pylist()) == wanted & held


@given(lacks=st.sets(st.sampled_from(DAYS), min_size=1))
def test_the_span_covers_all_that_is_lacking_and_a_session_on_each_side(lacks: set[date]) -> None:
    first, last = span_to_ask(DAYS, sorted(lacks))

    assert first == max(DAYS[0], min(lacks) - timedelta(days=1))
    assert last == min(DAYS[-1], max(lacks) + timedelta(days=1))


@pytest.mark.parametrize(("close", "found"), [(10.0, 0), (10.09, 0), (11.2, 1), (9.0, 1), (-10.0, 1), (None, 0)])
def test_prices_over_the_threshold_are_listed(close: float | None, found: int) -> None:
    ours, theirs = bars("massive", {DAYS[0]: 10.0, DAYS[1]: 10.0}), bars("yahoo", {DAYS[1]: close, DAYS[2]: 99.0})

    listed = differences(ours, theirs, 0.01)

    assert len(listed) == found
    for one in listed:
        assert (one.ticker, one.start.date(), one.column) == ("A", DAYS[1], "close")
        assert (one.source, one.value, one.other_source, one.other_value) == ("massive", 10.0, "yahoo", close)
        assert one.relative > 0.01


def test_a_source_does_not_differ_from_itself() -> None:
    assert differences(bars("massive", {DAYS[0]: 10.0}), bars("massive", {DAYS[0]: 20.0}), 0.01) == []
