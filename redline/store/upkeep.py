"""Looking after a table: finding damage, taking damaged files out, and merging small files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from redline.errors import CorruptPartition
from redline.store.layout import DATA_FILE, DataFile, Partition, by_month
from redline.store.reading import damaged, in_order, read_file
from redline.store.table import Table

FILES_BEFORE_MERGING = 16
ROWS_IN_A_FILE = 500_000


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that is not what was written, is missing, or is none of ours (``file`` is ``None`` then)."""

    error: CorruptPartition
    file: DataFile | None


def damage(table: Table) -> Iterator[Damage]:
    """Yield what is wrong with the files of a table, by reading every byte of them."""
    for file in table.snapshot().all_files():
        path = table.root / file.path
        if not path.exists():
            yield Damage(damaged(file, table.kind, "is missing"), file)
        elif not file.ours:
            yield Damage(damaged(file, table.kind, "was written by another program"), file)
        elif path.stat().st_size != file.size_bytes or _sha256(path.read_bytes()) != file.sha256:
            yield Damage(damaged(file, table.kind), file)
    for path in sorted(table.root.rglob("*.parquet")):
        # Files of earlier versions are ours too; the next start sweeps them.
        if "_delta_log" not in path.parts and not DATA_FILE.fullmatch(path.name) and not table.once_named(path):
            shown = path.relative_to(table.root).as_posix()
            sentence = f"A file among those of {table.kind.dataset.value} is not ours: {shown}."
            yield Damage(CorruptPartition(sentence, "It is not read; remove it.", file=shown), None)


def intact(table: Table, file: DataFile) -> bool:
    """Whether a file of ours is there, with the bytes that its name promises."""
    path = table.root / file.path
    return path.exists() and _sha256(path.read_bytes()) == file.sha256


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def mergeable(table: Table, today: date) -> list[Partition]:
    """Return the partitions of live rows with many small files whose period is over, sorted.

    A period still running is left alone: its last sessions are asked for again, and a small file is cheap to swap.
    """
    found = []
    for partition, files in table.snapshot().files.items():
        running = not partition.period or partition.period >= _period(partition, today)
        small = [one for one in files if one.rows < ROWS_IN_A_FILE]
        if not partition.superseded and not running and len(small) > FILES_BEFORE_MERGING:
            found.append(partition)
    return sorted(found)


def _period(partition: Partition, today: date) -> str:
    return f"{today.year:04d}-{today.month:02d}" if by_month(partition.timespan) else f"{today.year:04d}"


def merge(table: Table, partition: Partition) -> int:
    """Merge the small files of a partition into files of about ``ROWS_IN_A_FILE`` rows, in one commit.

    Returns how many files were merged. Killed half-way it has changed nothing, and starts again.
    """
    with table.lock.held():
        snapshot = table.snapshot()
        if not all(one.ours for one in snapshot.files.get(partition, ())):
            return 0  # Of another program, and not looked at yet.
        small = [one for one in snapshot.files.get(partition, ()) if one.rows < ROWS_IN_A_FILE]
        small.sort(key=lambda one: (one.tickers, one.days))
        added, group, rows = [], [], 0
        for at, file in enumerate(small):
            group.append(file)
            rows += file.rows
            if rows >= ROWS_IN_A_FILE or at == len(small) - 1:
                merged = in_order((read_file(table.root, one, table.kind) for one in group), table.kind)
                added.append(table.write(merged, partition))
                group, rows = [], 0
        if len(added) < len(small):
            table.commit(snapshot.version, added, small, {"merged": len(small)})
    return len(small) - len(added)
