from __future__ import annotations

import random
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest

from redline.errors import CorruptPartition
from redline.market.bar import DAILY
from redline.market.request import Dataset
from redline.market.session import SessionState
from redline.store import Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, NOW, bars, page, part, splits, splits_part

DAYS = CALENDAR.sessions(date(2023, 12, 20), date(2023, 12, 29))
D1, D2 = DAYS[0], DAYS[-1]


def fill(store: Store, *tickers: str) -> None:
    for ticker in tickers:
        table = bars(ticker, dict.fromkeys(DAYS, 7.0))
        store.commit(part(ticker, D1, D2), page(table, D1, D2), "b", NOW)


def file_of(store: Store, home: Path, ticker: str) -> Path:
    [one] = [one for one in store._tables[Dataset.BARS].snapshot().all_files() if one.may_hold(ticker)]
    return home / "store" / "bars" / one.path


def test_sound_store_has_no_damage_even_with_files_of_older_versions(store: Store) -> None:
    fill(store, "A", "B")
    store.commit(part("A", D1, D2), page(bars("A", {D1: 8.0}), D1, D2), "b2", NOW + timedelta(hours=1))
    store.commit(splits_part("A"), splits("A", (D1, 1, 2)), "b", NOW)

    assert store.verify() == []


def test_every_flipped_bit_is_found_and_named(store: Store, tmp_path: Path) -> None:
    fill(store, "A", "B")
    path = file_of(store, tmp_path, "A")
    sound, chance = path.read_bytes(), random.Random(7)
    path.chmod(0o600)

    for _ in range(200):
        at, bit = chance.randrange(len(sound)), chance.randrange(8)
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 1 << bit]) + sound[at + 1 :])

        [found] = store.verify()

        assert found.fields == {
            "file": path.relative_to(tmp_path / "store" / "bars").as_posix(),
            "ticker": "A",
            "start": D1.isoformat(),
            "end": D2.isoformat(),
        }


def test_missing_swapped_and_foreign_files_are_found(store: Store, tmp_path: Path) -> None:
    fill(store, "A", "B", "C")
    a, b, c = (file_of(store, tmp_path, ticker) for ticker in "ABC")
    aside = tmp_path / "aside"
    shutil.move(a, aside)
    shutil.move(b, a)
    shutil.move(aside, b)
    c.unlink()
    (a.parent / "foreign.parquet").write_bytes(b"PAR1")

    found = store.verify()

    assert sorted(str(one.fields.get("ticker")) for one in found) == ["A", "B", "C", "None"]


def test_reading_damage_is_an_error_and_never_other_rows(store: Store, tmp_path: Path) -> None:
    fill(store, "A", "B")
    path = file_of(store, tmp_path, "A")
    path.chmod(0o600)
    sound = path.read_bytes()
    path.write_bytes(sound[:200] + bytes(40) + sound[240:])

    with pytest.raises(CorruptPartition):
        store.bars_table(("A",))
    assert store.bars_table(("B",)).num_rows == len(DAYS)
    path.unlink()
    with pytest.raises(CorruptPartition, match="missing"):
        store.bars_table(("A",))


def test_repair_takes_damage_out_and_its_sessions_are_asked_for_again(store: Store, tmp_path: Path) -> None:
    fill(store, "A", "B")
    path = file_of(store, tmp_path, "A")
    path.chmod(0o600)
    path.write_bytes(b"nothing")

    [found] = store.repair()

    assert found.fields["ticker"] == "A"
    assert store.verify() == []
    assert store.bars_table(("A",)).num_rows == 0
    statuses = store.statuses("massive", DAILY, "A", D1, D2, NOW)
    assert {(one.state, one.settled) for one in statuses} == {(SessionState.FAILED, False)}
    assert {one.state for one in store.statuses("massive", DAILY, "B", D1, D2, NOW)} == {SessionState.STORED}
    assert [one.ticker for one in store.held()] == ["B"]
    fill(store, "A")
    assert store.bars_table(("A",)).num_rows == len(DAYS)


def test_repair_of_splits_forgets_that_they_were_ever_asked_for(store: Store, tmp_path: Path) -> None:
    store.commit(splits_part("A"), splits("A", (D1, 1, 2)), "b", NOW)
    [path] = (tmp_path / "store" / "splits").rglob("*.parquet")
    path.unlink()

    store.repair()

    assert store.actions_asked("massive", Dataset.SPLITS, "A") is None
    assert store.actions_first_asked("massive", Dataset.SPLITS, "A") is None
    store.commit(splits_part("A"), splits("A", (D1, 1, 2)), "b", NOW)
    assert store.actions_asked("massive", Dataset.SPLITS, "A") == NOW


def test_compaction_merges_small_files_of_years_that_are_over(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    tickers = [f"T{at:02d}" for at in range(20)]
    fill(store, *tickers)
    table = store._tables[Dataset.BARS]
    before = store.bars_table(None)

    assert store.compact() == 19

    assert len(table.snapshot().all_files()) == 1
    assert store.bars_table(None).equals(before)
    assert store.compact() == 0
    store.commit(part("T05", D1, D2), page(bars("T05", {D1: 8.0}), D1, D2), "b2", NOW + timedelta(hours=1))
    assert store.bars_table(("T05",))["close"].to_pylist() == [8.0]
    assert store.bars_table(None).num_rows == before.num_rows - len(DAYS) + 1
    then = store.bars_table(None, as_of=NOW)
    assert then.drop_columns("known_until").equals(before.drop_columns("known_until"))
    again = Store(tmp_path, clock, CALENDAR)
    assert again.bars_table(None).equals(store.bars_table(None))
    assert again.held() == store.held()
    again.close()


def test_running_period_is_not_compacted(store: Store) -> None:
    for at in range(20):
        day = date(2024, 5, 31)
        store.commit(part(f"T{at}", day, day), page(bars(f"T{at}", {day: 1.0}), day, day), "b", NOW)

    assert store.compact() == 0
