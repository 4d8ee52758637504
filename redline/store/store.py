"""The store: raw rows in open files, and a ledger of what is known about each session."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from redline.clock import Clock
from redline.errors import CorruptPartition, StoreBusy, StoreError
from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Page, Part, SetAside
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus
from redline.store.asked import LOST, Asked, Series, Settling, asked_in, fold, record_of
from redline.store.files import Files, explained, make_folders, make_private
from redline.store.layout import BARS, KINDS, DataFile, Layout, Partition
from redline.store.ledger import Held, Ledger
from redline.store.lock import WriterLock
from redline.store.log import entry_path
from redline.store.reading import Wanted, in_order, known_at, read_rows
from redline.store.table import CHECKPOINT_EVERY, ForeignWriter, Table
from redline.store.upkeep import damage, merge, mergeable
from redline.store.writing import Slice, Swap

COMMITS_TRIED = 5
_EPOCH = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did with the rows of a page; ``rows_changed`` replaced a row of the same key."""

    rows_new: int
    rows_changed: int
    rows_same: int
    set_aside: int


class Store:
    """The store below ``home``. Thread-safe; several processes may open the same one."""

    def __init__(self, home: Path, clock: Clock, calendar: TradingCalendar, files: Files | None = None) -> None:
        """Open the store, make it when there is none, and repair what a crash left behind.

        Raises:
            StoreUnwritable: the folder cannot be written.
            StoreBusy: another process kept a table for half a minute.
        """
        self.layout = Layout(home)
        self._settling = Settling(calendar)
        self._clock = clock
        self._calendar = calendar
        files = files or Files()
        with explained(home):
            make_folders(files, self.layout.store, Path(home.anchor))
            for folder in (home, self.layout.store):
                make_private(files, folder)
        self._ledger = Ledger(self.layout.ledger)
        self._tables = {
            dataset: Table(self.layout.table(dataset), kind, WriterLock(self.layout.lock(dataset), clock), files, clock)
            for dataset, kind in KINDS.items()
        }
        for table in self._tables.values():
            table.open()
            table.sweep()
        self._catch_up()

    def close(self) -> None:
        """Close the ledger's file."""
        self._ledger.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def commit(self, part: Part, page: Page, batch: str, asked_at: datetime) -> Committed:
        """Put a page in the place of all that is held of its slice, in one step, and mark its sessions.

        The slice is the part's series from ``page.first`` to ``page.last``, widened to whole bars; of splits and
        dividends it is the ticker's whole list. Rows that are held and unchanged keep their batch and ``known_from``;
        those that changed or are gone move to the superseded ones. Committing a page again changes nothing.

        Raises:
            ValueError: the page holds other rows than its slice, or a key twice.
            DiskFull, StoreUnwritable, StoreBusy, StoreError: nothing of the page is held.
        """
        series = Series(part.source, part.dataset, part.ticker, part.spec)
        first, last = _span(part, page)
        _check(part, page, first, last)
        table = self._tables[part.dataset]
        with table.lock.held():
            self._catch_up(part.dataset)
            self._ledger.keep_set_aside(series, (page.first, page.last), batch, page.set_aside)
            for _ in range(COMMITS_TRIED):
                wide = (first, last) if part.dataset is Dataset.BARS else (date.min, date.max)
                swap = Slice(table, series, *wide).swap(page.table, batch, asked_at)
                asked = Asked(
                    series, first, last, asked_at, page.answer, batch, None, _counts(page.table, table.kind.day),
                    swap.new, swap.changed, swap.same, len(page.set_aside),
                )  # fmt: skip
                with suppress(ForeignWriter):
                    return self._finish(table, swap, asked)
        raise StoreBusy("Other programs keep changing the store's tables.", "Ask again when they have finished.")

    def _finish(self, table: Table, swap: Swap, asked: Asked) -> Committed:
        version = None if swap.empty else table.commit(swap.added, swap.removed, record_of([asked]))
        self._ledger.mark([asked], asked.series.dataset, version)
        if version is not None and version % CHECKPOINT_EVERY == 0:
            with suppress(StoreError):  # The commit stands; the next checkpoint catches up.
                table.checkpoint()
        return Committed(swap.new, swap.changed, swap.same, asked.set_aside)

    def note(self, part: Part, first: date, last: date, state: SessionState, answer: str, asked_at: datetime) -> None:
        """Write down why nothing came for ``first`` to ``last``, both inclusive: a state that is no answer with rows.

        Rows that are held stay held, and stay ``stored``.
        """
        if state in (SessionState.STORED, SessionState.NEVER_ASKED):
            raise ValueError(f"{state.value} cannot be noted")
        series = Series(part.source, part.dataset, part.ticker, part.spec)
        self._ledger.mark([Asked(series, first, last, asked_at, answer, state=state)], part.dataset)

    def _catch_up(self, *datasets: Dataset) -> None:
        """Mark commits that a dead process did not get to mark. Costs one look at a folder when there are none."""
        for dataset in datasets or tuple(self._tables):
            table = self._tables[dataset]
            if not entry_path(table.root, self._ledger.applied(dataset) + 1).exists():
                continue
            with table.lock.held():
                for entry in table.entries(self._ledger.applied(dataset)):
                    self._ledger.mark(asked_in(entry.record), dataset, entry.version)

    # -- what is known ------------------------------------------------------------------------------------------------

    def statuses(
        self, source: str, spec: BarSpec, ticker: str, start: date, end: date, now: datetime
    ) -> list[SessionStatus]:
        """Return one status for each session from ``start`` to ``end``, both inclusive, none later than ``now``."""
        self._catch_up(Dataset.BARS)
        sessions = self._calendar.sessions(start, min(end, day_of(now)))
        spans = self._ledger.spans(Series(source, Dataset.BARS, ticker, spec), *spec.snap(start, end))
        return fold(spans, sessions, spec, self._settling.through)

    def actions_asked(self, source: str, dataset: Dataset, ticker: str) -> datetime | None:
        """Return when the ticker's splits or dividends were last fetched; ``None``: never."""
        self._catch_up(dataset)
        found = self._ledger.first_and_last_asked(Series(source, dataset, ticker))
        return found[1] if found else None

    def actions_first_asked(self, source: str, dataset: Dataset, ticker: str) -> datetime | None:
        """Return since when the ticker's splits or dividends are known; ``None``: they are not."""
        self._catch_up(dataset)
        found = self._ledger.first_and_last_asked(Series(source, dataset, ticker))
        return found[0] if found else None

    def held(self) -> list[Held]:
        """Return what is held, series by series."""
        self._catch_up()
        return self._ledger.held()

    def set_aside(self, source: str, ticker: str, dataset: Dataset = Dataset.BARS) -> list[SetAside]:
        """Return the rows of the ticker's answers that could not be used, oldest first."""
        return self._ledger.set_aside(source, ticker, dataset)

    def generation(self) -> int:
        """Return a number that grows with each commit and note, for caches of what was read."""
        self._catch_up()
        return self._ledger.generation()

    # -- upkeep -------------------------------------------------------------------------------------------------------

    def verify(self) -> list[CorruptPartition]:
        """Read every file and return what is not as it was written: which file, with which tickers and days."""
        return [one.error for table in self._tables.values() for one in damage(table)]

    def repair(self) -> list[CorruptPartition]:
        """Take damaged and missing files out of the tables, so that their sessions are asked for again.

        Returns what ``verify`` found; files that are not ours are left where they are.
        """
        found: list[CorruptPartition] = []
        for table in self._tables.values():
            with table.lock.held():
                self._catch_up(table.kind.dataset)
                bad = list(damage(table))
                files = [one.file for one in bad if one.file is not None]
                if files:
                    lost = [one for file in files for one in self._lost(table.kind.dataset, file)]
                    self._ledger.mark(lost, table.kind.dataset, table.commit([], files, record_of(lost)))
                found += [one.error for one in bad]
        return found

    def _lost(self, dataset: Dataset, file: DataFile) -> list[Asked]:
        """Return answers with nothing, asked for never, in the place of all that ``file`` can have held."""
        wide = dataset is Dataset.BARS
        spec = BarSpec(Timespan(file.partition.timespan), file.partition.multiplier) if wide else DAILY
        days = file.days if wide else (date.min, date.max)
        return [
            Asked(Series(one.source, dataset, one.ticker, spec), *days, LOST, "A damaged file was taken out.")
            for one in self._ledger.held()
            if one.dataset is dataset and file.may_hold(one.ticker) and one.spec == spec
        ]

    def compact(self) -> int:
        """Merge small files of periods that are over, one partition at a time; return how many files went away."""
        merged = 0
        for table in self._tables.values():
            for partition in mergeable(table, day_of(self._clock.now())):
                merged += merge(table, partition)
        return merged

    # -- reading ------------------------------------------------------------------------------------------------------

    def bars_table(
        self,
        tickers: tuple[str, ...] | None,
        spec: BarSpec = DAILY,
        start: date | None = None,
        end: date | None = None,
        as_of: datetime | None = None,
        source: str | None = None,
    ) -> pa.Table:
        """Return raw bars, sorted by ticker, source and time: the wire's columns, batch, known_from, known_until.

        ``start`` and ``end`` are inclusive dates, ``None`` = as far as is held; ``tickers=None`` = all; ``as_of``
        (aware) reads what was known then.
        """
        wanted = Wanted(tickers, start or date.min, end or date.max, source)
        series = (spec.timespan.value, spec.multiplier)

        def choose(one: Partition) -> bool:
            return (one.timespan, one.multiplier) == series and (as_of is not None or not one.superseded)

        table = self._tables[Dataset.BARS]
        rows = read_rows(table.root, BARS, wanted, table.snapshot, choose)
        return in_order((known_at(one, as_of) for one in rows), BARS)

    def splits_table(self, tickers: tuple[str, ...] | None, as_of: datetime | None = None) -> pa.Table:
        """Return the splits held, sorted by ticker, source and date, with batch, known_from and known_until."""
        return self._actions(Dataset.SPLITS, tickers, as_of)

    def dividends_table(self, tickers: tuple[str, ...] | None, as_of: datetime | None = None) -> pa.Table:
        """Return the dividends held, sorted by ticker, source and date, with batch, known_from and known_until."""
        return self._actions(Dataset.DIVIDENDS, tickers, as_of)

    def _actions(self, dataset: Dataset, tickers: tuple[str, ...] | None, as_of: datetime | None) -> pa.Table:
        table = self._tables[dataset]
        rows = read_rows(
            table.root,
            table.kind,
            Wanted(tickers),
            table.snapshot,
            lambda one: as_of is not None or not one.superseded,
        )
        return in_order((known_at(one, as_of) for one in rows), table.kind)


def _span(part: Part, page: Page) -> tuple[date, date]:
    """Return the first and last date that the page speaks about: bars come whole, so they widen it."""
    if part.dataset is not Dataset.BARS or not part.spec.spreads:
        return page.first, page.last
    return part.spec.snap(page.first, page.last)


def _check(part: Part, page: Page, first: date, last: date) -> None:
    """Refuse a page that would break the store: other rows than its slice, a key twice, a time out of order."""
    kind, rows = KINDS[part.dataset], page.table
    if not rows.schema.equals(kind.wire):
        raise ValueError(f"a page of {part.dataset.value} must have the columns of its wire schema")
    if not rows.num_rows:
        return
    for name, wanted in (("ticker", part.ticker), ("source", part.source)):
        if not pc.all(pc.equal(rows[name], wanted)).as_py():
            raise ValueError(f"a page of {part.what} holds rows of another {name}")
    if part.dataset is Dataset.BARS:
        times = rows["timestamp"].to_numpy()
        if len(times) > 1 and not bool((times[1:] > times[:-1]).all()):
            raise ValueError(f"a page of {part.what} is out of order or holds a bar twice")
        days = pc.min_max(rows[kind.day]).as_py()
        if days["min"] < first or days["max"] > last:
            raise ValueError(f"a page of {part.what} holds bars from {days['min']} to {days['max']}")


def _counts(rows: pa.Table, day: str) -> dict[int, int]:
    """Return how many rows each date has, by its ordinal."""
    days, counts = np.unique(rows[day].to_numpy().astype("datetime64[D]").astype(np.int64), return_counts=True)
    return dict(zip((days + _EPOCH).tolist(), counts.tolist(), strict=True))
