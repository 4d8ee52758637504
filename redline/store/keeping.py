"""Keeping tables and ledger in step: after crashes, after other programs, and after damage to files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from redline.errors import CorruptPartition, StoreBusy
from redline.market.calendar import TradingCalendar
from redline.market.request import Dataset
from redline.store.asked import Asked, asked_in, record_of
from redline.store.foreign import ACCEPTED, accept
from redline.store.layout import BARS, DataFile
from redline.store.ledger import Ledger
from redline.store.log import LogEntry, entry_path
from redline.store.mending import Shortage, lists_lost, lost, miscounted, of_others, told, told_by
from redline.store.table import ForeignWriter, Table
from redline.store.upkeep import damage

COMMITS_TRIED = 5
_DAMAGED = "a file was damaged or missing, and was taken out"
_MISCOUNTED = "the files hold another number than the ledger counts"


class Keeper:
    """Looks after the tables and the ledger of one store."""

    def __init__(self, tables: Mapping[Dataset, Table], ledger: Ledger, calendar: TradingCalendar) -> None:
        self._tables, self._ledger, self._calendar = tables, ledger, calendar

    def catch_up(self, dataset: Dataset) -> int:
        """Mark commits that a dead process did not get to mark, and take over what another program left sound; return
        the version that the ledger knows then. Costs one look at a folder when there are none.

        Raises:
            StoreBusy: another process kept the table, or other programs keep changing it.
        """
        table = self._tables[dataset]
        applied = self._ledger.applied(dataset)
        if not entry_path(table.root, applied + 1).exists():
            return applied
        with table.lock.held():
            for _ in range(COMMITS_TRIED):
                strangers = self._marked(table)
                with suppress(ForeignWriter):
                    if strangers:
                        accept(table, self._ledger, strangers, self._calendar)
                    return self._ledger.applied(dataset)
        raise StoreBusy("Other programs keep changing the store's tables.", "Ask again when they have finished.")

    def _marked(self, table: Table) -> list[LogEntry]:
        """Mark our own versions that are not marked yet, and return those of others that nobody looked at."""
        strangers: list[LogEntry] = []
        dataset = table.kind.dataset
        for entry in table.entries(self._ledger.applied(dataset)):
            if entry.foreign:
                strangers.append(entry)
                continue
            accepted = entry.record.get(ACCEPTED, -1)
            strangers = [one for one in strangers if one.version > accepted]
            if not strangers or entry.record:
                self._ledger.mark(asked_in(entry.record), dataset, entry.version)
        return strangers

    def verify(self) -> list[CorruptPartition]:
        """Read every file and count its rows; return what is not as it was written or as the ledger counts it."""
        return [one for table in self._tables.values() for one in self._wrong(table)]

    def _wrong(self, table: Table) -> Iterator[CorruptPartition]:
        self.catch_up(table.kind.dataset)
        bad = list(damage(table))
        yield from (one.error for one in bad)
        yield from of_others(self._ledger.changed(table.kind.dataset))
        files = [one.file for one in bad if one.file is not None]
        _, others = told_by(self._miscounted(table, files), files)
        yield from told(others)

    def _miscounted(self, table: Table, away: Sequence[DataFile]) -> list[Shortage]:
        """Return where the ledger and the files, without some, differ."""
        if table.kind is not BARS:
            return []  # Lists of one ticker and of the market overlap: there is nothing to count them against.
        with suppress(FileNotFoundError):
            if not (found := miscounted(table, self._ledger, away)):
                return found
        # A commit between the look at the files and the look at the ledger may be all there is to it.
        with table.lock.held():
            self.catch_up(table.kind.dataset)
            return miscounted(table, self._ledger, away)

    def repair(self) -> list[CorruptPartition]:
        """Take damaged and missing files out of the tables, so that exactly the sessions whose rows are lost are asked
        for again. Returns what ``verify`` found; files that are not ours are left where they are.
        """
        return [one for table in self._tables.values() for one in self._mended(table)]

    def _mended(self, table: Table) -> list[CorruptPartition]:
        dataset = table.kind.dataset
        with table.lock.held():
            version = self.catch_up(dataset)
            bad = list(damage(table))
            changed = list(of_others(self._ledger.changed(dataset)))
            files = [one.file for one in bad if one.file is not None]
            theirs, others = told_by(self._miscounted(table, files), files)
            marks = lost(theirs, _DAMAGED, self._calendar) + lost(others, _MISCOUNTED, self._calendar)
            if table.kind is not BARS:
                marks = self._lists(dataset, [one for one in files if not one.partition.superseded])
            if files or marks:
                self._ledger.mark(marks, dataset, table.commit(version, [], files, record_of(marks)))
        return [*(one.error for one in bad), *changed, *told(others)]

    def _lists(self, dataset: Dataset, files: Sequence[DataFile]) -> list[Asked]:
        if not files:
            return []
        tickers = {ticker for _, ticker in self._ledger.lists(dataset)}
        about = frozenset(one for one in tickers if any(file.may_hold(one) for file in files))
        return lists_lost(self._ledger, dataset, about, f"Lost: {_DAMAGED}.")
