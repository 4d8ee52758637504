"""Other programs change the tables: what is gone is known to be, what was changed is never taken for the source's."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from redline.market.bar import DAILY, BarSpec
from redline.market.part import WHOLE_MARKET, Part
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus, gaps
from redline.store import Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, MINUTE, NOW, WEEK, bars, minutes, page, part, splits, splits_part

DAYS = CALENDAR.sessions(date(2023, 11, 20), date(2024, 1, 12))  # two years, and Thanksgiving in it
D1, D2 = DAYS[0], DAYS[-1]
TICKERS = ("A", "B", "C")
ON = "superseded = false"


@pytest.fixture
def filled(store: Store) -> Store:
    for ticker in TICKERS:
        fill(store, ticker)
    return store


def fill(store: Store, ticker: str, days: list[date] = DAYS) -> None:
    table = bars(ticker, {day: float(day.day) for day in days})
    store.commit(part(ticker, days[0], days[-1]), page(table, days[0], days[-1]), "b", NOW)


def delta(home: Path, dataset: str = "bars") -> DeltaTable:
    return DeltaTable(home / "store" / dataset)


def on(ticker: str, day: date) -> str:
    return f"ticker = '{ticker}' AND date = DATE '{day}' AND {ON}"


def statuses(store: Store, ticker: str, spec: BarSpec = DAILY) -> list[SessionStatus]:
    return store.statuses("massive", spec, ticker, D1, D2, NOW)


def lacking(store: Store, spec: BarSpec = DAILY) -> set[tuple[str, date]]:
    found = store.statuses_many("massive", spec, TICKERS, D1, D2, NOW)
    return {(ticker, one.session) for ticker in TICKERS for one in found[ticker] if one.state is SessionState.FAILED}


def closes(store: Store, ticker: str) -> dict[date, float]:
    rows = store.bars_table((ticker,))
    return dict(zip(rows["date"].to_pylist(), rows["close"].to_pylist(), strict=True))


def test_deleted_sessions_are_gaps_and_no_others(filled: Store, tmp_path: Path) -> None:
    chance = random.Random(20)
    gone = set(chance.sample([(ticker, day) for ticker in TICKERS for day in DAYS], 20))
    for ticker, day in sorted(gone):
        delta(tmp_path).delete(on(ticker, day))

    assert lacking(filled) == gone
    for ticker in TICKERS:
        listed = {
            day for gap in gaps(ticker, statuses(filled, ticker)) for day in CALENDAR.sessions(gap.start, gap.end)
        }
        assert listed == {day for name, day in gone if name == ticker}
    assert {one.answer for one in statuses(filled, "A") if one.state is SessionState.FAILED} == {
        "The bar is gone: another program's change to the table took them out."
    }
    assert filled.verify() == []
    assert {one.ticker: one.rows for one in filled.held()} == {
        ticker: len(DAYS) - sum(name == ticker for name, _ in gone) for ticker in TICKERS
    }

    for ticker, day in sorted(gone):
        fill(filled, ticker, [day])

    assert lacking(filled) == set()
    assert all(closes(filled, one) == {day: float(day.day) for day in DAYS} for one in TICKERS)
    assert filled.verify() == []


def test_minutes_deleted_inside_a_session_are_counted(store: Store, tmp_path: Path) -> None:
    days = DAYS[:3]
    store.commit(part("A", days[0], days[2], MINUTE), page(minutes("A", days, 390), days[0], days[2]), "b", NOW)
    at = minutes("A", [days[1]], 3)["timestamp"].to_pylist()
    delta(tmp_path).delete(
        f"ticker = 'A' AND timestamp >= '{at[0].isoformat()}' AND timestamp <= '{at[2].isoformat()}'"
    )

    found = store.statuses("massive", MINUTE, "A", days[0], days[2], NOW)

    assert [(one.state, one.rows) for one in found] == [
        (SessionState.STORED, 390),
        (SessionState.FAILED, 387),
        (SessionState.STORED, 390),
    ]
    assert found[1].answer == "3 of 390 bars are gone: another program's change to the table took them out."
    assert store.verify() == []
    assert store.bars_table(("A",), MINUTE).num_rows == 3 * 390 - 3


def test_next_start_looks_at_what_others_did(filled: Store, tmp_path: Path, clock: FakeClock) -> None:
    filled.close()
    delta(tmp_path).delete(on("B", DAYS[4]))

    again = Store(tmp_path, clock, CALENDAR)

    assert lacking(again) == {("B", DAYS[4])}
    assert again.verify() == []
    files = [path.name for path in (tmp_path / "store" / "bars").rglob("*.parquet")]
    assert not [name for name in files if name.startswith("part-")], "what others wrote is taken over, then swept"
    again.close()


def test_ledger_made_again_from_the_log_knows_what_was_lost(filled: Store, tmp_path: Path, clock: FakeClock) -> None:
    delta(tmp_path).delete(on("B", DAYS[4]))
    before = {one: statuses(filled, one) for one in TICKERS}
    filled.close()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (tmp_path / "store" / name).unlink(missing_ok=True)

    again = Store(tmp_path, clock, CALENDAR)

    assert {one: statuses(again, one) for one in TICKERS} == before
    assert lacking(again) == {("B", DAYS[4])}
    assert again.verify() == []
    again.close()


@pytest.mark.parametrize("vacuumed", [False, True], ids=["old files there", "old files gone"])
def test_compaction_by_another_program_changes_nothing(
    filled: Store, tmp_path: Path, clock: FakeClock, vacuumed: bool
) -> None:
    filled.commit(part("A", D1, D1), page(bars("A", {D1: 8.5}), D1, D1), "b2", NOW + timedelta(hours=1))
    now, then = filled.bars_table(None), filled.bars_table(None, as_of=NOW)
    delta(tmp_path).optimize.compact()
    if vacuumed:
        delta(tmp_path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)

    assert filled.verify() == []
    assert lacking(filled) == set()
    assert filled.bars_table(None).equals(now)
    assert filled.bars_table(None, as_of=NOW).equals(then)
    filled.close()
    again = Store(tmp_path, clock, CALENDAR)
    assert again.bars_table(None, as_of=NOW).equals(then)
    assert again.verify() == []
    again.close()


def test_vacuum_takes_nothing_that_is_held(filled: Store, tmp_path: Path) -> None:
    fill(filled, "A")
    delta(tmp_path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)

    assert filled.verify() == []
    assert lacking(filled) == set()
    fill(filled, "A", DAYS[:2])


def test_deleted_and_cleaned_up_loses_no_more_than_the_files_that_were_touched(filled: Store, tmp_path: Path) -> None:
    delta(tmp_path).delete(on("B", DAYS[4]))
    delta(tmp_path).vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)

    # Nothing is left to hold the rewritten file of that ticker and year against, so that none of it is believed.
    assert lacking(filled) == {("B", day) for day in DAYS if day.year == 2023}
    assert filled.verify() == []
    assert closes(filled, "B") == {day: float(day.day) for day in DAYS if day.year == 2024}


def update(home: Path, day: date) -> None:
    delta(home).update(predicate=on("B", day), updates={"close": "99.0"})


def overwrite(home: Path, day: date) -> None:
    rows = delta(home).to_pyarrow_table(filters=[("superseded", "=", False), ("ticker", "=", "B"), ("date", "=", day)])
    at = rows.schema.get_field_index("close")
    rows = rows.set_column(at, "close", pa.array([99.0] * rows.num_rows))
    write_deltalake(delta(home), rows, mode="overwrite", predicate=on("B", day))


@pytest.mark.parametrize("change", [update, overwrite])
def test_changed_price_is_never_taken_for_the_sources(
    filled: Store, tmp_path: Path, change: Callable[[Path, date], None]
) -> None:
    change(tmp_path, DAYS[4])

    assert 99.0 not in filled.bars_table(None)["close"].to_pylist()
    assert lacking(filled) == {("B", DAYS[4])}
    [found] = filled.verify()
    assert found.code == "corrupt_partition"
    assert {name: found.fields[name] for name in ("ticker", "start", "end")} == {
        "ticker": "B",
        "start": DAYS[4].isoformat(),
        "end": DAYS[4].isoformat(),
    }
    assert "no source sent" in found.sentence
    assert [one.sentence for one in filled.repair()] == [found.sentence]
    fill(filled, "B", [DAYS[4]])
    assert filled.verify() == []
    assert lacking(filled) == set()


def test_rows_that_were_put_in_are_taken_out(filled: Store, tmp_path: Path) -> None:
    more = filled.bars_table(("B",), start=D1, end=D1)
    for name, value in (("ticker", "B"), ("ticker", "ZZZ")):
        rows = more.set_column(more.schema.get_field_index(name), name, pa.array([value]))
        rows = rows.set_column(rows.schema.get_field_index("open"), "open", pa.array([1.0]))
        for column, its in {"timespan": "day", "period": "2023"}.items():
            rows = rows.append_column(column, pa.array([its]))
        rows = rows.append_column("multiplier", pa.array([1], pa.int32())).append_column(
            "superseded", pa.array([False])
        )
        write_deltalake(delta(tmp_path), rows, mode="append")

    assert set(filled.bars_table(None)["ticker"].to_pylist()) == set(TICKERS)
    assert closes(filled, "B") == {day: float(day.day) for day in DAYS}
    assert lacking(filled) == {("B", D1)}  # It is fetched again, to be sure.
    assert {one.ticker for one in filled.known()} == set(TICKERS), "nobody asked for the other ticker"


def test_history_that_others_removed_is_put_back(filled: Store, tmp_path: Path) -> None:
    later = NOW + timedelta(hours=1)
    filled.commit(part("A", D1, D1), page(bars("A", {D1: 8.5}), D1, D1), "b2", later)
    then = filled.bars_table(None, as_of=NOW)
    delta(tmp_path).delete("ticker = 'A' AND superseded = true")

    assert filled.bars_table(None, as_of=NOW).equals(then)
    assert lacking(filled) == set()
    assert filled.verify() == []


def test_version_restored_by_another_program_is_no_answer_of_a_source(filled: Store, tmp_path: Path) -> None:
    version = delta(tmp_path).version()
    filled.commit(part("A", D1, D1), page(bars("A", {D1: 8.5}), D1, D1), "b2", NOW + timedelta(hours=1))
    delta(tmp_path).restore(version)

    assert ("A", D1) in lacking(filled)
    assert {one for one, _ in lacking(filled)} == {"A"}
    assert D1 not in closes(filled, "A")


def test_deletion_that_another_program_took_back_never_was(filled: Store, tmp_path: Path) -> None:
    version = delta(tmp_path).version()
    before = filled.bars_table(None)
    delta(tmp_path).delete(on("B", DAYS[4]))
    delta(tmp_path).restore(version)

    assert lacking(filled) == set()
    assert filled.bars_table(None).equals(before)
    assert filled.verify() == []


def test_file_that_cannot_be_read_is_taken_out(filled: Store, tmp_path: Path) -> None:
    delta(tmp_path).delete(on("B", DAYS[4]))
    [path] = (tmp_path / "store" / "bars").rglob("part-*.parquet")
    path.write_bytes(b"nothing")

    assert lacking(filled) == {("B", day) for day in DAYS if day.year == 2023}
    assert filled.verify() == []


def test_commit_goes_on_top_of_what_another_program_did(filled: Store, tmp_path: Path) -> None:
    delta(tmp_path).delete(on("B", DAYS[4]))

    fill(filled, "A", [DAYS[4]])

    assert lacking(filled) == {("B", DAYS[4])}
    assert filled.verify() == []


def test_weekly_bar_that_is_gone_takes_its_whole_week(store: Store, tmp_path: Path) -> None:
    sunday = date(2024, 1, 7)
    store.commit(part("A", date(2024, 1, 8), D2, WEEK), page(bars("A", {sunday: 1.0}), date(2024, 1, 8), D2), "b", NOW)
    delta(tmp_path).delete("ticker = 'A'")

    assert {day for _, day in lacking(store, WEEK)} == set(CALENDAR.sessions(sunday, D2))


def test_sessions_without_bars_stay_explained_beside_lost_ones(store: Store, tmp_path: Path) -> None:
    traded = {day: 1.0 for day in DAYS[:5] if day != DAYS[2]}
    store.commit(part("A", DAYS[0], DAYS[4]), page(bars("A", traded), DAYS[0], DAYS[4]), "b", NOW)
    delta(tmp_path).delete("ticker = 'A'")

    assert [one.state for one in statuses(store, "A")[:5]] == [
        SessionState.VENDOR_HAS_NONE if day == DAYS[2] else SessionState.FAILED for day in DAYS[:5]
    ]


def test_splits_that_others_removed_are_asked_for_again(store: Store, tmp_path: Path) -> None:
    for ticker in ("A", "B"):
        store.commit(splits_part(ticker), splits(ticker, (D1, 1, 2)), "b", NOW)
    delta(tmp_path, "splits").delete("ticker = 'A'")

    assert store.actions_asked("massive", Dataset.SPLITS, "A") is None
    assert store.actions_asked("massive", Dataset.SPLITS, "B") == NOW
    store.commit(splits_part("A"), splits("A", (D1, 1, 2)), "b", NOW)
    assert store.verify() == []


def test_windows_of_splits_are_asked_for_again_when_their_rows_were_changed(store: Store, tmp_path: Path) -> None:
    first, last = date(2024, 1, 1), date(2024, 6, 3)
    window = Part("massive", Dataset.SPLITS, WHOLE_MARKET, first, last)
    store.commit(window, page(splits("A", (date(2024, 2, 1), 1, 2)).table, first, last), "b", NOW)
    assert store.actions_asked("massive", Dataset.SPLITS, "A", first) == NOW
    delta(tmp_path, "splits").update(updates={"split_to": "9.0"})

    assert store.actions_asked("massive", Dataset.SPLITS, "A", first) is None
    assert store.splits_table(None).num_rows == 0
