"""The table's log: what each version added, removed and recorded, and the list of files that follows from it.

The format is Delta Lake's: a file of JSON lines for each version, numbered from 0. An entry's ``commitInfo`` carries
our record of what was asked, so that the ledger can be repaired from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from redline.errors import StoreError
from redline.store.layout import DataFile, Partition, TableKind

RECORD = "redline"
CONTENT = "redline.content"


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One version of a table: files added, paths removed, and our record (empty when others wrote it)."""

    version: int
    added: tuple[DataFile, ...]
    removed: tuple[str, ...]
    record: Mapping[str, Any]

    @property
    def foreign(self) -> bool:
        """Whether another program changed the files: our own entries always bear a record."""
        return not self.record and bool(self.added or self.removed)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The files of a table at one version, by partition."""

    version: int
    files: Mapping[Partition, tuple[DataFile, ...]]

    def chosen(self, choose: Callable[[Partition], bool]) -> list[DataFile]:
        """Return the files of the partitions that are chosen, sorted by path."""
        return sorted(
            (one for partition, files in self.files.items() if choose(partition) for one in files),
            key=lambda one: one.path,
        )

    def all_files(self) -> list[DataFile]:
        """Return every file, sorted by path."""
        return self.chosen(lambda _: True)

    def after(self, entry: LogEntry) -> Snapshot:
        """Return the snapshot that ``entry`` makes of this one."""
        removed = set(entry.removed)
        folders = {path.rpartition("/")[0] for path in removed}
        touched = {one.partition for one in entry.added} | {one for one in self.files if one.folder in folders}
        files = dict(self.files)
        for partition in touched:
            kept = [one for one in files.get(partition, ()) if one.path not in removed]
            there = {one.path for one in kept}
            kept += [one for one in entry.added if one.partition == partition and one.path not in there]
            files[partition] = tuple(kept)
        return Snapshot(entry.version, files)


def entry_path(table: Path, version: int) -> Path:
    """Return the path of a version's log entry."""
    return table / "_delta_log" / f"{version:020d}.json"


def read_entry(table: Path, version: int, kind: TableKind) -> LogEntry:
    """Return one version.

    Raises:
        FileNotFoundError: there is no such version (yet).
        StoreError: the entry is no log entry.
    """
    added: list[DataFile] = []
    removed: list[str] = []
    record: Mapping[str, Any] = {}
    try:
        for line in entry_path(table, version).read_text("utf-8").splitlines():
            action = json.loads(line)
            if "add" in action:
                added.append(_added(action["add"], kind))
            elif "remove" in action:
                removed.append(str(action["remove"]["path"]))
            elif RECORD in action.get("commitInfo", {}):
                record = json.loads(action["commitInfo"][RECORD])
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"Entry {version} of the log of {kind.dataset.value} is damaged.",
            "Restore the store's folder from a backup, or download again into a new data folder.",
            version=version,
        ) from error
    return LogEntry(version, tuple(added), tuple(removed), record)


def _added(add: Mapping[str, Any], kind: TableKind) -> DataFile:
    stats = json.loads(add.get("stats") or "{}")
    low, high = stats.get("minValues", {}), stats.get("maxValues", {})
    return DataFile(
        path=add["path"],
        partition=Partition.of(add["partitionValues"]),
        size_bytes=int(add["size"]),
        rows=int(stats.get("numRecords", 0)),
        tickers=(low.get("ticker", ""), high.get("ticker", chr(0x10FFFF))),
        days=(
            date.fromisoformat(low[kind.day]) if kind.day in low else date.min,
            date.fromisoformat(high[kind.day]) if kind.day in high else date.max,
        ),
        content=(add.get("tags") or {}).get(CONTENT, ""),
    )


def files_of(actions: Any, kind: TableKind) -> Iterable[DataFile]:
    """Return the files of the library's flattened list of add actions."""
    # Neither pa.table(...) nor stamps as Python objects: both import pandas, which takes longer than opening a store.
    named = pa.RecordBatchReader.from_stream(actions).read_all()
    stamps = [field.name for field in named.schema if pa.types.is_timestamp(field.type)]
    for one in named.drop_columns(stamps).to_pylist():
        yield DataFile(
            path=one["path"],
            partition=Partition.of({name: one[f"partition.{name}"] for name in kind.partitions}),
            size_bytes=one["size_bytes"],
            rows=one["num_records"] or 0,
            tickers=(one.get("min.ticker") or "", one.get("max.ticker") or chr(0x10FFFF)),
            days=(one.get(f"min.{kind.day}") or date.min, one.get(f"max.{kind.day}") or date.max),
        )


def encoded_entry(
    added: Sequence[tuple[DataFile, str]], removed: Sequence[DataFile], record: Mapping[str, Any], stamp_ms: int
) -> bytes:
    """Return a log entry that removes and adds files (each with its statistics) in one step."""
    info = {"timestamp": stamp_ms, "operation": "WRITE", "engineInfo": "redline", RECORD: json.dumps(dict(record))}
    lines: list[dict[str, object]] = [{"commitInfo": info}]
    lines += [
        {
            "remove": {
                "path": one.path,
                "deletionTimestamp": stamp_ms,
                "dataChange": True,
                "extendedFileMetadata": True,
                "partitionValues": one.partition.values,
                "size": one.size_bytes,
            }
        }
        for one in removed
    ]
    lines += [
        {
            "add": {
                "path": one.path,
                "partitionValues": one.partition.values,
                "size": one.size_bytes,
                "modificationTime": stamp_ms,
                "dataChange": True,
                "stats": stats,
                "tags": {CONTENT: one.content},
            }
        }
        for one, stats in added
    ]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


def statistics(table: pa.Table) -> str:
    """Return the log's statistics of a file: its rows, and the true bounds of each text, time and date column."""
    low: dict[str, object] = {}
    high: dict[str, object] = {}
    nulls: dict[str, int] = {}
    for field in table.schema:
        column = table.column(field.name)
        nulls[field.name] = column.null_count
        if field.name == "batch" or pa.types.is_floating(field.type) or column.null_count == len(column):
            continue
        bounds = pc.min_max(column).as_py()
        low[field.name], high[field.name] = _spelt(bounds["min"]), _spelt(bounds["max"])
    return json.dumps({"numRecords": table.num_rows, "minValues": low, "maxValues": high, "nullCount": nulls})


def _spelt(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return value.isoformat() if isinstance(value, date) else value
