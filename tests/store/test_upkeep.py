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
from redline.store.asked import packed
from redline.store.table import ForeignWriter
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


def test_repair_of_a_file_of_many_tickers_brings_back_no_session_of_others(store: Store, tmp_path: Path) -> None:
    """Between the file's first and last ticker lie others, and days that the vendor has not, whose rows are safe."""
    tickers = [f"T{at:02d}" for at in range(20)]
    traded = {day: 7.0 for day in DAYS if day != DAYS[3]}
    for ticker in tickers:
        store.commit(part(ticker, D1, D2), page(bars(ticker, traded), D1, D2), "b", NOW)
    store.compact()
    store.commit(part("T05", D1, D2), page(bars("T05", {DAYS[1]: 9.0}), D1, D2), "b2", NOW + timedelta(hours=1))
    store.commit(part("T07x", D1, D2), page(bars("T07x", traded), D1, D2), "b", NOW)
    [large] = [one for one in store._tables[Dataset.BARS].snapshot().all_files() if one.rows > len(DAYS)]
    assert large.may_hold("T07x")
    (tmp_path / "store" / "bars" / large.path).unlink()

    [found] = store.verify()

    assert "is missing" in found.sentence
    assert [one.sentence for one in store.repair()] == [found.sentence]
    assert store.verify() == []
    held = store.bars_table(None)
    there = set(zip(held["ticker"].to_pylist(), held["date"].to_pylist(), strict=True))
    everyone = store.statuses_many("massive", DAILY, [*tickers, "T07x"], D1, D2, NOW)
    asked = {(ticker, day) for ticker in [*tickers, "T07x"] for day in traded} - {
        ("T05", day) for day in DAYS if day != DAYS[1]
    }
    lost = {
        (ticker, one.session) for ticker in everyone for one in everyone[ticker] if one.state is SessionState.FAILED
    }
    assert lost == asked - there
    assert {one.state for one in everyone["T07x"]} == {SessionState.STORED, SessionState.VENDOR_HAS_NONE}
    assert {one.answer for one in everyone["T00"] if one.state is SessionState.FAILED} == {
        "The bar is gone: a file was damaged or missing, and was taken out."
    }

    for ticker in tickers:
        closes = {DAYS[1]: 9.0} if ticker == "T05" else traded
        store.commit(part(ticker, D1, D2), page(bars(ticker, closes), D1, D2), "b3", NOW + timedelta(hours=2))
    assert store.verify() == []
    assert {one.ticker: one.rows for one in store.held()} == {
        **dict.fromkeys([*tickers, "T07x"], len(traded)),
        "T05": 1,
    }


def test_file_of_history_that_is_gone_costs_no_session(store: Store, tmp_path: Path) -> None:
    fill(store, "A")
    store.commit(part("A", D1, D1), page(bars("A", {D1: 8.0}), D1, D1), "b2", NOW + timedelta(hours=1))
    [old] = (tmp_path / "store" / "bars").rglob("superseded=true/*.parquet")
    old.unlink()

    [found] = store.repair()

    assert "superseded=true" in str(found.fields["file"])
    assert {one.state for one in store.statuses("massive", DAILY, "A", D1, D2, NOW)} == {SessionState.STORED}
    assert store.verify() == []


def recounted(store: Store, day: int, rows: int) -> None:
    """Let the ledger count other bars of A than the files hold."""
    counts = {one.toordinal(): 1 for one in DAYS}
    store._ledger._db.execute("UPDATE asked SET counts = ? WHERE ticker = 'A'", (packed(counts | {day: rows}),))


@pytest.mark.parametrize("rows", [5, 0], ids=["too few in the files", "too many in the files"])
def test_files_that_hold_another_number_of_bars_than_the_ledger_counts_are_found(store: Store, rows: int) -> None:
    fill(store, "A", "B")
    recounted(store, DAYS[2].toordinal(), rows)

    [found] = store.verify()

    assert found.fields == {"ticker": "A", "start": DAYS[2].isoformat(), "end": DAYS[2].isoformat()}
    assert f"the files hold 1 bars and the ledger counts {rows} on 1 dates" in found.sentence
    assert [one.sentence for one in store.repair()] == [found.sentence]
    states = {one.session: one.state for one in store.statuses("massive", DAILY, "A", D1, D2, NOW)}
    assert {day for day, state in states.items() if state is SessionState.FAILED} == {DAYS[2]}
    assert store.verify() == []


def test_period_without_any_file_is_missed(store: Store) -> None:
    fill(store, "A", "B")
    table = store._tables[Dataset.BARS]
    with table.lock.held():
        snapshot = table.snapshot()
        version = table.commit(snapshot.version, [], snapshot.all_files(), {"test": True})
        store._ledger.mark([], Dataset.BARS, version)

    found = store.verify()

    assert [one.fields["ticker"] for one in found] == ["A", "B"]
    store.repair()
    assert store.held() == []
    assert store.verify() == []


def test_commit_on_top_of_a_version_that_is_not_the_newest_is_refused(store: Store) -> None:
    fill(store, "A")
    table = store._tables[Dataset.BARS]

    with table.lock.held(), pytest.raises(ForeignWriter):
        table.commit(table.snapshot().version - 1, [], [], {"test": True})
