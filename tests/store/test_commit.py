from __future__ import annotations

import json
import stat
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from redline.market.bar import BarSpec, Timespan
from redline.market.part import Delivery, Page, Part, SetAside
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE
from redline.store import Committed, Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, MINUTE, NOW, WEEK, bars, minutes, page, part, splits, splits_part

D1, D2, D3, D4 = date(2023, 12, 28), date(2023, 12, 29), date(2024, 1, 2), date(2024, 1, 3)
HOUR = timedelta(hours=1)


def closes(store: Store, ticker: str = "A", **how: object) -> dict[date, float]:
    rows = store.bars_table((ticker,), **how)  # type: ignore[arg-type]
    return dict(zip(rows["date"].to_pylist(), rows["close"].to_pylist(), strict=True))


def test_rows_come_back_as_they_went_in_across_a_year(store: Store) -> None:
    given = bars("A", {D1: 1.0, D2: 2.0, D3: 3.0, D4: 4.0})

    done = store.commit(part("A", D1, D4), page(given, D1, D4), "b1", NOW)

    assert done == Committed(4, 0, 0, 0)
    rows = store.bars_table(("A",))
    assert rows.select(BARS_WIRE.names).equals(given)
    assert set(rows["batch"].to_pylist()) == {"b1"}
    assert set(rows["known_from"].to_pylist()) == {NOW}


def test_same_page_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    given = bars("A", {date(2023, 12, 13): 5.0, D1: 1.0, D3: 3.0})  # the 13th has no VWAP: a missing value is equal
    store.commit(part("A", D1, D4), page(given, date(2023, 12, 13), D4), "b1", NOW)
    files = sorted(tmp_path.rglob("*.parquet"))

    done = store.commit(part("A", D1, D4), page(given, date(2023, 12, 13), D4), "b2", NOW + HOUR)

    assert done == Committed(0, 0, 3, 0)
    assert sorted(tmp_path.rglob("*.parquet")) == files
    assert set(store.bars_table(("A",))["batch"].to_pylist()) == {"b1"}


def test_restated_row_is_superseded_and_as_of_reads_the_old_one(store: Store) -> None:
    store.commit(part("A", D1, D4), page(bars("A", {D1: 1.0, D2: 2.0, D3: 3.0}), D1, D4), "b1", NOW)

    done = store.commit(part("A", D2, D3), page(bars("A", {D2: 2.5}), D2, D3), "b2", NOW + HOUR)

    assert done == Committed(0, 1, 0, 0)
    assert closes(store) == {D1: 1.0, D2: 2.5}
    assert closes(store, as_of=NOW + HOUR) == {D1: 1.0, D2: 2.5}
    assert closes(store, as_of=NOW) == {D1: 1.0, D2: 2.0, D3: 3.0}
    assert closes(store, as_of=NOW - HOUR) == {}


def test_clock_set_back_never_ends_a_row_before_it_begins(store: Store) -> None:
    store.commit(part("A", D1, D1), page(bars("A", {D1: 1.0}), D1, D1), "b1", NOW)
    store.commit(part("A", D1, D1), page(bars("A", {D1: 2.0}), D1, D1), "b2", NOW - HOUR)

    assert closes(store) == {D1: 2.0}
    assert closes(store, as_of=NOW) == {D1: 1.0}
    assert closes(store, as_of=NOW + HOUR) == {D1: 2.0}


def test_tickers_do_not_touch_each_other(store: Store) -> None:
    for ticker in ("BApA", "BAPA", "NA", "TRUE", "A"):
        store.commit(part(ticker, D1, D2), page(bars(ticker, {D1: len(ticker)}), D1, D2), "b", NOW)

    store.commit(part("BAPA", D1, D2), page(bars("BAPA", {}), D1, D2), "b", NOW + HOUR)

    assert closes(store, "BAPA") == {}
    assert [closes(store, one) for one in ("BApA", "NA", "TRUE", "A")] == [{D1: 4.0}, {D1: 2.0}, {D1: 4.0}, {D1: 1.0}]


def test_minutes_go_to_months_and_grow_together(store: Store, tmp_path: Path) -> None:
    days = CALENDAR.sessions(date(2024, 1, 30), date(2024, 2, 2))
    store.commit(part("A", days[0], days[2], MINUTE), page(minutes("A", days[:3]), days[0], days[2]), "b1", NOW)

    store.commit(part("A", days[3], days[3], MINUTE), page(minutes("A", days[3:]), days[3], days[3]), "b2", NOW)

    assert store.bars_table(("A",), MINUTE).num_rows == 12
    live = store._tables[Dataset.BARS].snapshot().all_files()
    assert [(one.partition.period, one.rows) for one in live] == [("2024-01", 6), ("2024-02", 6)]
    assert store.bars_table(("A",), MINUTE, days[1], days[1]).num_rows == 3


def test_two_sources_are_held_beside_each_other(store: Store) -> None:
    store.commit(part("A", D1, D1), page(bars("A", {D1: 1.0}), D1, D1), "b", NOW)
    store.commit(part("A", D1, D1, source="yahoo"), page(bars("A", {D1: 9.0}, "yahoo"), D1, D1), "b", NOW)

    assert store.bars_table(("A",))["close"].to_pylist() == [1.0, 9.0]
    assert store.bars_table(("A",), source="yahoo")["close"].to_pylist() == [9.0]


@pytest.mark.parametrize(
    "wrong",
    [
        bars("B", {D1: 1.0}),
        bars("A", {D1: 1.0}, "yahoo"),
        bars("A", {date(2023, 12, 1): 1.0}),
        pa.concat_tables([bars("A", {D1: 1.0}), bars("A", {D1: 1.0})]),
        bars("A", {D1: 1.0}).drop_columns(["vwap"]),
    ],
    ids=["ticker", "source", "date", "twice", "columns"],
)
def test_page_that_is_not_its_slice_is_refused_whole(store: Store, wrong: pa.Table) -> None:
    with pytest.raises(ValueError, match=r"page of"):
        store.commit(part("A", D1, D4), page(wrong, D1, D4), "b", NOW)

    assert store.bars_table(None).num_rows == 0
    assert store.generation() == 0


def test_bad_rows_are_kept_with_their_reason_and_counted_once(store: Store) -> None:
    bad = (SetAside("high < low", '{"h": 1, "l": 2}'), SetAside("NaN", '{"h": NaN}'))
    given = Page(bars("A", {D1: 1.0}), D1, D1, bad)

    done = [store.commit(part("A", D1, D1), given, "b1", NOW) for _ in range(2)]

    assert [one.set_aside for one in done] == [2, 2]
    assert store.set_aside("massive", "A") == list(bad)


def test_list_of_splits_is_replaced_whole(store: Store) -> None:
    first = splits("A", (date(2020, 8, 31), 1, 4), (date(2014, 6, 9), 1, 7))
    second = splits("A", (date(2020, 8, 31), 1, 4))
    store.commit(splits_part("A"), first, "b1", NOW)
    store.commit(splits_part("B"), splits("B", (date(2020, 1, 2), 2, 1)), "b1", NOW)

    again = store.commit(splits_part("A"), first, "b2", NOW + HOUR)
    fewer = store.commit(splits_part("A"), second, "b3", NOW + 2 * HOUR)

    assert again == Committed(0, 0, 2, 0)
    assert fewer == Committed(0, 1, 0, 0)  # the vendor gave the event of that day another id
    assert store.splits_table(("A",))["execution_date"].to_pylist() == [date(2020, 8, 31)]
    assert store.splits_table(("A",), NOW + HOUR).num_rows == 2
    assert store.splits_table(None).num_rows == 2
    assert store.actions_asked("massive", Dataset.SPLITS, "A") == NOW + 2 * HOUR
    assert store.actions_asked("massive", Dataset.DIVIDENDS, "A") is None


def test_no_splits_is_an_answer(store: Store) -> None:
    store.commit(splits_part("A"), splits("A"), "b1", NOW)

    assert store.actions_asked("massive", Dataset.SPLITS, "A") == NOW


def test_weekly_page_replaces_the_whole_week_it_touches(store: Store) -> None:
    sunday = date(2024, 1, 7)
    given = bars("A", {sunday: 3.0})

    store.commit(
        part("A", date(2024, 1, 10), date(2024, 1, 11), WEEK),
        page(given, date(2024, 1, 10), date(2024, 1, 11)),
        "b",
        NOW,
    )

    assert closes(store, spec=WEEK) == {sunday: 3.0}


def test_series_of_other_widths_are_apart(store: Store) -> None:
    five = BarSpec(Timespan.DAY, 5)
    store.commit(part("A", D1, D1), page(bars("A", {D1: 1.0}), D1, D1), "b", NOW)
    store.commit(part("A", D1, D1, five), page(bars("A", {D1: 5.0}), D1, D1), "b", NOW)

    assert closes(store) == {D1: 1.0}
    assert closes(store, spec=five) == {D1: 5.0}
    assert [one.spec for one in store.held()] == [BarSpec(), five]


def test_held_sums_up_each_series(store: Store) -> None:
    store.commit(part("A", D1, D4), page(bars("A", {D1: 1.0, D2: 2.0, D4: 4.0}), D1, D4), "b", NOW)
    store.commit(part("A", D2, D2), page(bars("A", {}), D2, D2), "b", NOW)

    [one] = store.held()

    assert (one.source, one.dataset, one.ticker, one.first, one.last) == ("massive", Dataset.BARS, "A", D1, D4)
    assert (one.sessions, one.rows) == (2, 2)


def test_generation_grows_with_each_commit(store: Store) -> None:
    seen = [store.generation()]
    for close in (1.0, 2.0):
        store.commit(part("A", D1, D1), page(bars("A", {D1: close}), D1, D1), "b", NOW)
        seen.append(store.generation())

    assert seen == sorted(set(seen))


def test_files_and_folders_are_private(store: Store, tmp_path: Path) -> None:
    store.commit(part("A", D1, D1), page(bars("A", {D1: 1.0}), D1, D1), "b", NOW)

    folders = [path for path in (tmp_path / "store").rglob("*") if path.is_dir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in [*folders, tmp_path / "store"]} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*.parquet")} == {0o440}
    assert stat.S_IMODE((tmp_path / "store" / "ledger.db").stat().st_mode) == 0o600


def test_second_store_over_the_same_folder_sees_each_commit(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    other = Store(tmp_path, clock, CALENDAR)
    store.commit(part("A", D1, D1), page(bars("A", {D1: 1.0}), D1, D1), "b", NOW)
    assert closes(other) == {D1: 1.0}

    other.commit(part("A", D1, D2), page(bars("A", {D1: 1.0, D2: 2.0}), D1, D2), "b", NOW)
    assert closes(store) == {D1: 1.0, D2: 2.0}
    other.close()


def test_reader_of_a_swept_snapshot_looks_again(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    store.commit(part("A", D1, D1), page(bars("A", {D1: 1.0}), D1, D1), "b", NOW)
    stale = store._tables[Dataset.BARS].snapshot()
    store.commit(part("A", D1, D1), page(bars("A", {D1: 2.0}), D1, D1), "b", NOW + HOUR)
    Store(tmp_path, clock, CALENDAR).close()  # sweeps the file of the first version

    assert not (tmp_path / "store" / "bars" / stale.all_files()[0].path).exists()
    assert closes(store) == {D1: 2.0}


def test_part_of_dividends_keeps_its_columns(store: Store) -> None:
    from redline.market.schema import DIVIDENDS_WIRE

    rows = [{"id": "D1", "ticker": "A", "ex_dividend_date": D1, "cash_amount": 0.25, "source": "massive"}]
    given = pa.Table.from_pylist(rows, schema=DIVIDENDS_WIRE)
    store.commit(Part("massive", Dataset.DIVIDENDS, "A", D1, D1), Page(given, D1, D1), "b", NOW)

    assert store.dividends_table(("A",)).select(DIVIDENDS_WIRE.names).equals(given)


def test_file_that_comes_out_as_it_was_is_not_removed(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    """A day that the market's answer put into a file of its own and a page takes back leaves the first file as it is:
    an entry that removes and adds one and the same file is read as one that removes it.
    """
    whole = Delivery(part("*", D1, D1), page(bars("A", {D1: 1.0}), D1, D1), "b2", NOW + HOUR, ("A",))
    store.commit(part("A", D2, D2), page(bars("A", {D2: 2.0}), D2, D2), "b1", NOW)
    store.commit_many([whole])
    store.commit(part("A", D1, D1), page(bars("A", {}), D1, D1), "b3", NOW + 2 * HOUR)

    for path in (tmp_path / "store" / "bars" / "_delta_log").glob("*.json"):
        actions = [json.loads(line) for line in path.read_text().splitlines()]
        added = {one["add"]["path"] for one in actions if "add" in one}
        assert not added & {one["remove"]["path"] for one in actions if "remove" in one}
    again = Store(tmp_path, clock, CALENDAR)
    assert closes(again) == closes(store) == {D2: 2.0}
    again.close()
