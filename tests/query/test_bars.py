from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from redline.errors import NoData
from redline.market.bar import DAILY, BarSpec
from redline.market.part import Page
from redline.market.request import Adjust, BarsQuery, Dataset
from redline.market.schema import BAR_COLUMNS, BARS_WIRE, DIVIDENDS_WIRE
from redline.query import read_bars
from redline.store import Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, MINUTE, NOW, WEEK, bars, minutes, page, part, splits, splits_part

D1, D2, D3 = date(2020, 8, 27), date(2020, 8, 28), date(2020, 8, 31)
HOUR = timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, FakeClock(), CALENDAR)
    opened.commit(part("A", D1, D3), page(bars("A", {D1: 400.0, D2: 408.0, D3: 102.0}), D1, D3), "b", NOW)
    opened.commit(splits_part("A"), splits("A", (D3, 1, 4)), "b", NOW)
    yield opened
    opened.close()


def closes(store: Store, **how: object) -> list[float]:
    found: list[float] = read_bars(store, BarsQuery(("A",), **how))["close"].to_pylist()  # type: ignore[arg-type]
    return found


def dividend(factor: float | None) -> Page:
    row = {"ticker": "A", "ex_dividend_date": D2, "cash_amount": 1.0, "historical_adjustment_factor": factor}
    table = pa.Table.from_pylist([{**row, "source": "massive"}], schema=DIVIDENDS_WIRE)
    return Page(table, date(1970, 1, 1), D3)


def test_columns_are_those_of_the_contract_in_its_order(store: Store) -> None:
    found = read_bars(store, BarsQuery(("A",)))

    assert found.schema.equals(BARS_WIRE)
    assert tuple(found.schema.names) == BAR_COLUMNS


def test_raw_and_split_adjusted(store: Store) -> None:
    assert closes(store, adjust=Adjust.NONE) == [400.0, 408.0, 102.0]
    assert closes(store) == [100.0, 102.0, 102.0]
    assert closes(store, start=D2, end=D2) == [102.0]


def test_nothing_held_is_an_empty_table_of_the_same_columns(store: Store) -> None:
    found = read_bars(store, BarsQuery(("NONE",)))

    assert found.num_rows == 0
    assert found.schema.equals(BARS_WIRE)


def test_raw_prices_are_never_passed_off_as_adjusted(store: Store) -> None:
    store.commit(part("B", D1, D1), page(bars("B", {D1: 1.0}), D1, D1), "b", NOW)

    with pytest.raises(NoData, match="splits of B"):
        read_bars(store, BarsQuery(("A", "B")))
    store.commit(splits_part("B"), splits("B"), "b", NOW)
    assert read_bars(store, BarsQuery(("B", "A")))["ticker"].to_pylist() == ["A", "A", "A", "B"]


def test_adjusting_for_all_says_when_the_dividends_are_not_held(store: Store) -> None:
    with pytest.raises(NoData, match="dividends of A"):
        closes(store, adjust=Adjust.ALL)

    store.commit(splits_part("A", Dataset.DIVIDENDS), dividend(None), "b", NOW)
    with pytest.raises(NoData, match="without adjustment factors"):
        closes(store, adjust=Adjust.ALL)

    store.commit(splits_part("A", Dataset.DIVIDENDS), dividend(0.5), "b", NOW + HOUR)
    assert closes(store, adjust=Adjust.ALL) == [50.0, 102.0, 102.0]


def test_as_of_uses_the_bars_and_the_splits_known_then(store: Store) -> None:
    store.commit(part("A", D1, D1), page(bars("A", {D1: 800.0}), D1, D1), "b2", NOW + HOUR)
    store.commit(splits_part("A"), splits("A", (D3, 1, 8)), "b2", NOW + HOUR)

    assert closes(store) == [100.0, 51.0, 102.0]
    assert closes(store, as_of=NOW) == [100.0, 102.0, 102.0]
    assert closes(store, as_of=NOW - HOUR) == []


def test_as_of_before_the_splits_were_asked_for_says_so(store: Store) -> None:
    store.commit(part("B", D1, D1), page(bars("B", {D1: 1.0}), D1, D1), "b", NOW)
    store.commit(splits_part("B"), splits("B"), "b", NOW + HOUR)

    with pytest.raises(NoData, match="as of"):
        read_bars(store, BarsQuery(("B",), as_of=NOW))


def test_minutes_of_the_day_before_a_split_are_adjusted(store: Store) -> None:
    store.commit(part("A", D2, D3, MINUTE), page(minutes("A", [D2, D3], 2), D2, D3), "b", NOW)

    assert closes(store, spec=MINUTE) == [2.5, 2.75, 10.0, 11.0]


def test_weeks_are_found_by_any_of_their_days(store: Store) -> None:
    sunday = date(2020, 8, 30)
    store.commit(part("A", sunday, D3, WEEK), page(bars("A", {sunday: 100.0}), sunday, D3), "b", NOW)

    assert closes(store, spec=WEEK, start=D3, end=D3, adjust=Adjust.NONE) == [100.0]


def test_index_needs_no_splits(store: Store) -> None:
    store.commit(part("I:SPX", D1, D1), page(bars("I:SPX", {D1: 1.0}), D1, D1), "b", NOW)

    assert read_bars(store, BarsQuery(("I:SPX",)))["close"].to_pylist() == [1.0]


def test_of_two_sources_one_answers_each_session(store: Store) -> None:
    earlier = date(2020, 8, 26)
    table = bars("A", {earlier: 7.0, D1: 8.0, D2: 9.0}, "stooq")
    store.commit(part("A", earlier, D2, source="stooq"), page(table, earlier, D2), "b", NOW)

    found = read_bars(store, BarsQuery(("A",), adjust=Adjust.NONE))

    assert found["source"].to_pylist() == ["stooq", "massive", "massive", "massive"]
    assert found["close"].to_pylist() == [7.0, 400.0, 408.0, 102.0]


def test_other_width_is_another_series(store: Store) -> None:
    assert closes(store, spec=BarSpec(DAILY.timespan, 2)) == []
