"""Others read the store: the Delta library, DuckDB, and whoever opens a file."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from redline.market.bar import BarSpec, Timespan
from redline.market.request import Dataset
from redline.store import Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, MINUTE, NOW, bars, minutes, page, part

SECOND = BarSpec(Timespan.SECOND)
D1, D2 = date(2023, 12, 29), date(2024, 1, 2)


def fill(store: Store) -> None:
    for at, ticker in enumerate(("NA", "BApA", "A")):
        store.commit(part(ticker, D1, D2), page(bars(ticker, {D1: 1.0, D2: 2.0 + at}), D1, D2), "b1", NOW)
    later = NOW + timedelta(hours=1)
    store.commit(part("A", D2, D2), page(bars("A", {D2: 9.0}), D2, D2), "b2", later)
    store.commit(part("A", D1, D2, MINUTE), page(minutes("A", [D1, D2]), D1, D2), "b3", later)


def test_delta_library_reads_rows_partitions_and_true_statistics(store: Store, tmp_path: Path) -> None:
    from deltalake import DeltaTable

    fill(store)

    table = DeltaTable(tmp_path / "store" / "bars")
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    for one in actions:
        # Read as bytes: the folders' names must not become columns.
        rows = pq.read_table(pa.BufferReader((tmp_path / "store" / "bars" / one["path"]).read_bytes()))
        assert rows.num_rows == one["num_records"]
        for name in ("ticker", "timestamp", "date", "known_from"):
            values = rows[name].to_pylist()
            assert (min(values), max(values)) == (one[f"min.{name}"], one[f"max.{name}"])
    live = table.to_pyarrow_table(filters=[("superseded", "=", False), ("timespan", "=", "day")])
    assert sorted(zip(live["ticker"].to_pylist(), live["close"].to_pylist(), strict=True)) == [
        ("A", 1.0),
        ("A", 9.0),
        ("BApA", 1.0),
        ("BApA", 3.0),
        ("NA", 1.0),
        ("NA", 2.0),
    ]


def test_duckdb_reads_the_file_list_as_it_stands(store: Store, tmp_path: Path) -> None:
    import duckdb
    from deltalake import DeltaTable

    fill(store)
    files = DeltaTable(tmp_path / "store" / "bars").file_uris()

    with duckdb.connect() as database:
        found = database.execute(
            "SELECT ticker, close, timespan, period FROM read_parquet(?, hive_partitioning = true)"
            " WHERE NOT superseded::BOOLEAN AND timespan = 'day' AND ticker = 'A' ORDER BY date",
            [files],
        ).fetchall()

    assert found == [("A", 1.0, "day", "2023"), ("A", 9.0, "day", "2024")]


def test_start_from_a_checkpoint_reads_the_same_files(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    fill(store)
    table = store._tables[Dataset.BARS]
    with table.lock.held():
        table.checkpoint()
    store.commit(part("Z", D1, D2), page(bars("Z", {D1: 5.0}), D1, D2), "b4", NOW)

    again = Store(tmp_path, clock, CALENDAR)

    assert again._tables[Dataset.BARS].snapshot().all_files() == table.snapshot().all_files()
    assert again.bars_table(None).equals(store.bars_table(None))
    again.close()


def test_rows_are_sorted_in_small_row_groups_with_checksummed_pages(store: Store, tmp_path: Path) -> None:
    one, count = minutes("A", [D2], 1), 21_000
    first, kind = one["timestamp"][0].as_py(), one.schema.field("timestamp")
    times = pa.array([first + timedelta(seconds=at) for at in range(count)], kind.type)
    table = one.take(pa.array([0] * count)).set_column(1, kind, times)
    store.commit(part("A", D2, D2, SECOND), page(table, D2, D2), "b", NOW)

    [path] = (tmp_path / "store" / "bars").rglob("*.parquet")
    with pq.ParquetFile(path, page_checksum_verification=True) as opened:
        assert [opened.metadata.row_group(at).num_rows for at in range(opened.num_row_groups)] == [20_000, 1_000]
        assert opened.read(["timestamp"])["timestamp"].combine_chunks().equals(times)


def test_torn_newest_entry_of_a_power_failure_is_put_aside(store: Store, tmp_path: Path, clock: FakeClock) -> None:
    fill(store)
    log = tmp_path / "store" / "bars" / "_delta_log"
    newest = max(log.glob("*.json"))
    before = store.bars_table(None).num_rows
    (log / f"{int(newest.stem) + 1:020d}.json").write_bytes(b"")
    (log / f"{int(newest.stem) + 2:020d}.json#1").write_bytes(b"{")

    again = Store(tmp_path, clock, CALENDAR)

    assert again.bars_table(None).num_rows == before
    again.commit(part("Z", D1, D2), page(bars("Z", {D1: 5.0}), D1, D2), "b4", NOW)
    assert again.bars_table(("Z",)).num_rows == 1
    again.close()
