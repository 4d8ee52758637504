"""A Delta table: one list of files, changed in one step.

Order of writing: data files (temporary name, fsync, rename, fsync of the folder), then one entry of the log (fsynced,
then linked to its number, which nobody may have), which is the only commit point. A crash before it leaves the table as
it was, and files that nobody names; the next start sweeps them.

Entries are written here and not by the Delta library: that reads the whole table for each commit (60 ms at 200 files
against 1 ms, and it grows with them) and does not fsync. Tables, checkpoints and everybody's reading are the library's.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from redline.clock import Clock
from redline.errors import StoreError
from redline.store.contents import content
from redline.store.files import Files, explained, make_folders, put
from redline.store.layout import DATA_FILE, ROW_GROUP, DataFile, Partition, TableKind
from redline.store.lock import WriterLock
from redline.store.log import LogEntry, Snapshot, encoded_entry, entry_path, files_of, read_entry, statistics

CHECKPOINT_EVERY = 100
KEEP_REMOVED_S = 600.0  # A reader of an older snapshot may still be at work in a removed file.


class ForeignWriter(StoreError):
    """Another program changed the table between our look and our commit; look again."""

    retryable = True


class Table:
    """One table of the store. Thread-safe; writers hold ``lock``, readers take a ``snapshot`` and need none."""

    def __init__(self, root: Path, kind: TableKind, lock: WriterLock, files: Files, clock: Clock) -> None:
        self.root, self.kind, self.lock = root, kind, lock
        self._files, self._clock = files, clock
        self._snapshot: Snapshot | None = None
        self._garbage: deque[tuple[float, Path]] = deque()
        self._named: set[str] = set()
        self._read_to = -1

    def open(self) -> None:
        """Make the table, or repair what a crash left of its log.

        Raises:
            StoreUnwritable: the folder cannot be written.
        """
        log = self.root / "_delta_log"
        with self.lock.held(), explained(self.root):
            make_folders(self._files, log, self.root.parent)
            if any(log.glob("*.json")) or (log / "_last_checkpoint").exists():
                self._repair(log)
            else:
                self._create(log)

    def _create(self, log: Path) -> None:
        from deltalake import DeltaTable

        with _delta():
            DeltaTable.create(
                self.root,
                schema=self.kind.table_schema,
                partition_by=list(self.kind.partitions),
                name=self.kind.dataset.value,
                configuration={  # The log is the record that the ledger is repaired from: it is never thinned out.
                    "delta.logRetentionDuration": "interval 36500 days",
                    "delta.enableExpiredLogCleanup": "false",
                },
            )
        self._settle(entry_path(self.root, 0))
        self._files.fsync(log)
        self._files.fsync(self.root)

    def _repair(self, log: Path) -> None:
        """Remove staged entries of dead writers, and a newest entry that lost its bytes in a power failure."""
        for staged in [*log.glob("*#*"), *log.glob(".*.tmp")]:
            self._files.unlink(staged)
        newest = max(log.glob("*.json"), default=None)
        if newest is not None and not newest.read_bytes().endswith((b"}", b"}\n")):
            self._files.rename(newest, newest.with_suffix(".torn"))  # It was never acknowledged: fsync comes first.
            self._files.fsync(log)

    def snapshot(self) -> Snapshot:
        """Return the newest list of files. Costs one look at the folder while nothing has changed."""
        current = self._snapshot
        if current is None:
            with explained(self.root), _delta():
                table = self._delta_table()
                files: dict[Partition, list[DataFile]] = {}
                for one in files_of(table.get_add_actions(flatten=True), self.kind):
                    files.setdefault(one.partition, []).append(one)
                current = Snapshot(table.version(), {key: tuple(value) for key, value in files.items()})
        for entry in self.entries(current.version):
            current = current.after(entry)
        self._snapshot = current
        return current

    def entries(self, after: int) -> Iterator[LogEntry]:
        """Yield the versions after ``after``, in order."""
        version = after + 1
        while entry_path(self.root, version).exists():
            yield read_entry(self.root, version, self.kind)
            version += 1

    def write(self, rows: pa.Table, partition: Partition) -> tuple[DataFile, str]:
        """Write rows (sorted, with the columns of ``kind.rows``) to a file that no version names yet.

        Returns the file and its statistics; the folder is made to last by ``commit``.
        """
        data = encoded(rows)
        path = f"{partition.folder}/{hashlib.sha256(data).hexdigest()}.parquet"
        target = self.root / path
        with explained(self.root, len(data)):
            make_folders(self._files, target.parent, self.root)
            put(self._files, target, data)
        stats = statistics(rows)
        tickers, days = pc.min_max(rows.column("ticker")).as_py(), pc.min_max(rows.column(self.kind.day)).as_py()
        bounds = (tickers["min"], tickers["max"]), (days["min"], days["max"])
        return DataFile(path, partition, len(data), rows.num_rows, *bounds, content(rows)), stats

    def commit(
        self, base: int, added: Sequence[tuple[DataFile, str]], removed: Sequence[DataFile], record: Mapping[str, Any]
    ) -> int:
        """Swap files of version ``base`` in one step and return the new version. The caller holds ``lock``.

        Raises:
            ForeignWriter: somebody who does not know our lock changed the table meanwhile.
        """
        version = base + 1
        added, removed = _apart(added, removed)
        entry = encoded_entry(added, removed, record, round(self._clock.now().timestamp() * 1000))
        target = entry_path(self.root, version)
        with explained(self.root, len(entry)):
            for folder in sorted({(self.root / one.path).parent for one, _ in added}):
                self._files.fsync(folder)
            try:
                put(self._files, target, entry, exclusive=True)
            except FileExistsError as error:
                raise ForeignWriter("Another program changed the table meanwhile.", "Ask again.") from error
            self._files.fsync(target.parent)
        self._tidy(removed)
        return version

    def _tidy(self, removed: Sequence[DataFile]) -> None:
        """Checkpoint now and then, and delete files that were removed long enough ago."""
        now = self._clock.since_boot()
        self._garbage.extend((now, self.root / one.path) for one in removed)
        named = None
        with contextlib.suppress(OSError):  # Both are housekeeping: the commit stands, the next start sweeps.
            while self._garbage and self._garbage[0][0] + KEEP_REMOVED_S < now:
                named = named or {self.root / one.path for one in self.snapshot().all_files()}
                _, path = self._garbage.popleft()
                if path not in named:
                    self._files.unlink(path)

    def checkpoint(self) -> None:
        """Sum up the log so far, so that the next start reads one file. The caller holds ``lock``."""
        log = self.root / "_delta_log"
        with explained(self.root), _delta():
            table = self._delta_table()
            table.create_checkpoint()
            for path in [*log.glob(f"{table.version():020d}.checkpoint*"), log / "_last_checkpoint"]:
                self._settle(path)
            self._files.fsync(log)

    def _settle(self, path: Path) -> None:
        """Make a file that the library wrote last, and private: it is written with whatever rights the umask leaves."""
        self._files.chmod(path, 0o440)
        self._files.fsync(path)

    def sweep(self) -> int:
        """Delete files of ours that no version names and return how many. No writer is at work: this takes ``lock``."""
        swept = 0
        with self.lock.held(), explained(self.root):
            named = {self.root / one.path for one in self.snapshot().all_files()}
            for path in [*self.root.rglob("*.parquet"), *self.root.rglob(".*.tmp")]:
                if "_delta_log" in path.parts or path in named:
                    continue
                ours = path.suffix == ".tmp" or DATA_FILE.fullmatch(path.name)
                if ours or self.once_named(path):  # What others wrote goes too, once the table has let go of it.
                    self._files.unlink(path)
                    swept += 1
        return swept

    def once_named(self, path: Path) -> bool:
        """Whether some version of the table named this file. Reads the whole log when there is something new in it."""
        for entry in self.entries(self._read_to):
            self._named.update(one.path for one in entry.added)
            self._read_to = entry.version
        return path.relative_to(self.root).as_posix() in self._named

    def content_once(self, path: str) -> str:
        """Return the content that the log tells of a file that may be gone; empty: it tells none."""
        told = (one.content for entry in self.entries(-1) for one in entry.added if one.path == path)
        return next(told, "")

    def _delta_table(self) -> Any:
        from deltalake import DeltaTable

        return DeltaTable(self.root)


def _apart(
    added: Sequence[tuple[DataFile, str]], removed: Sequence[DataFile]
) -> tuple[list[tuple[DataFile, str]], list[DataFile]]:
    """Return files to add and to remove, each once and none in both: a file whose rows come out as they were has the
    name that it had, and an entry that removed and added it would be read as one that removed it.
    """
    new = {one.path: (one, stats) for one, stats in added}
    old = {one.path: one for one in removed}
    return [new[path] for path in new if path not in old], [old[path] for path in old if path not in new]


@contextlib.contextmanager
def _delta() -> Iterator[None]:
    """Turn the Delta library's complaints into ``OSError``, which ``explained`` reads."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except DeltaError as error:
        raise OSError(str(error)) from error


def encoded(rows: pa.Table) -> bytes:
    """Return rows as Parquet: zstd, row groups of 20,000, checksummed pages; prices by dictionary, times by delta."""
    sink = pa.BufferOutputStream()
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        row_group_size=ROW_GROUP,
        use_dictionary=[name for name in rows.schema.names if name != "timestamp"],
        column_encoding={"timestamp": "DELTA_BINARY_PACKED"} if "timestamp" in rows.schema.names else None,
        write_page_checksum=True,
    )
    return bytes(sink.getvalue())
