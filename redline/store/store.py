"""The store: raw rows in open files, and a ledger of what is known about each session."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from redline.clock import Clock
from redline.errors import CorruptPartition, StoreBusy, StoreError, StoreGone
from redline.market.bar import DAILY, BarSpec
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Delivery, Page, Part, SetAside
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus
from redline.store import universes
from redline.store.alike import Alike
from redline.store.asked import Asked, Series, Settling, fold, record_of
from redline.store.delivering import answer_of, marks_of, rounds
from redline.store.files import Files, explained, make_folders, make_private
from redline.store.history import Known
from redline.store.keeping import COMMITS_TRIED, Keeper
from redline.store.layout import BARS, KINDS, Layout, Partition
from redline.store.ledger import Held, Ledger
from redline.store.lock import WriterLock
from redline.store.marks import Window, asked_of
from redline.store.memory import frugal
from redline.store.reading import Wanted, in_order, known_at, read_rows
from redline.store.table import CHECKPOINT_EVERY, ForeignWriter, Table
from redline.store.upkeep import merge, mergeable
from redline.store.writing import Answer, Round, Swap

FEW_TICKERS = 20  # So many are looked up one by one.
ACTIONS_DAYS = 7  # A list of splits that ends so long before it was asked for is not the newest one.


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
        frugal()
        self.layout = Layout(home)
        self._settling = Settling(calendar)
        self._clock = clock
        self._calendar = calendar
        self._files = files = files or Files()
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
        self._keeper = Keeper(self._tables, self._ledger, calendar)
        self._catch_up()  # Before the sweep: what other programs put in place of old files is held against those.
        for table in self._tables.values():
            table.sweep()

    def close(self) -> None:
        """Close the ledger's file."""
        self._ledger.close()

    # -- writing ------------------------------------------------------------------------------------------------------

    def commit(self, part: Part, page: Page, batch: str, asked_at: datetime) -> Committed:
        """Put a page in the place of all that is held of its slice; ``commit_many`` of one."""
        return self.commit_many([Delivery(part, page, batch, asked_at)])[0]

    def commit_many(self, deliveries: Sequence[Delivery]) -> list[Committed]:
        """Put pages in the place of all that is held of their slices, in as few steps as there are tables and bar
        widths, and mark their sessions; return what became of each, in order. Each step is whole or has not happened.

        A slice is the part's series from ``page.first`` to ``page.last``, widened to whole bars; of splits and
        dividends it is the ticker's whole list, or the market's of a window of dates. Rows that are held and unchanged
        keep their batch and ``known_from``; those that changed or are gone move to the superseded ones. Committing a
        page again changes nothing. Of a page of the whole market only the rows of ``tickers`` are taken.

        Raises:
            ValueError: a page holds other rows than its slice, or a key twice; nothing is held of any.
            DiskFull, StoreUnwritable, StoreBusy, StoreGone, StoreError: the steps before this one are held.
        """
        self._check_there()
        answers = [answer_of(one) for one in deliveries]
        done: dict[int, Committed] = {}
        for places in rounds(answers):
            done |= zip(places, self._commit_round([answers[at] for at in places], [deliveries[at] for at in places]),
                        strict=True)  # fmt: skip
        return [done[at] for at in range(len(deliveries))]

    def _commit_round(self, answers: list[Answer], deliveries: list[Delivery]) -> list[Committed]:
        dataset = answers[0].series.dataset
        table = self._tables[dataset]
        with table.lock.held():
            for one in deliveries:
                if one.page.set_aside:
                    series = Series(one.part.source, dataset, one.part.ticker, one.part.spec)
                    self._ledger.keep_set_aside(series, (one.page.first, one.page.last), one.batch, one.page.set_aside)
            for _ in range(COMMITS_TRIED):
                version = self._keeper.catch_up(dataset)
                swap = Round(table, answers).swap()
                set_aside = [len(one.page.set_aside) for one in deliveries]
                asked = marks_of(answers, swap, set_aside, table.kind, self._calendar)
                with suppress(ForeignWriter):
                    self._finish(table, version, swap, asked)
                    return [
                        Committed(new, changed, same, aside)
                        for (new, changed, same), aside in zip(swap.fates, set_aside, strict=True)
                    ]
        raise StoreBusy("Other programs keep changing the store's tables.", "Ask again when they have finished.")

    def _finish(self, table: Table, base: int, swap: Swap, asked: list[Asked]) -> None:
        record = record_of(asked)
        version = None if swap.empty else table.commit(base, swap.added, swap.removed, record)
        self._ledger.mark(asked, table.kind.dataset, version)
        if version is not None and version % CHECKPOINT_EVERY == 0:
            with suppress(StoreError):  # The commit stands; the next checkpoint catches up.
                table.checkpoint()

    def note(
        self,
        part: Part,
        first: date,
        last: date,
        state: SessionState,
        answer: str,
        asked_at: datetime,
        tickers: tuple[str, ...] = (),
    ) -> None:
        """Write down why nothing came for ``first`` to ``last``, both inclusive: a state that is no answer with rows.

        Rows that are held stay held, and stay ``stored``. A part of the whole market names its ``tickers``.
        """
        if state in (SessionState.STORED, SessionState.NEVER_ASKED):
            raise ValueError(f"{state.value} cannot be noted")
        self._check_there()
        series = [Series(part.source, part.dataset, one, part.spec) for one in tickers or (part.ticker,)]
        self._ledger.mark([Asked(one, first, last, asked_at, answer, state=state) for one in series], part.dataset)

    def _check_there(self) -> None:
        """Refuse to go on where the folder was taken away: a new one would hold nothing, and look like all there is."""
        if not self.layout.ledger.exists():
            raise StoreGone(
                "The store's folder is gone.", "Put it back where REDLINE_HOME says, or start REDLINE again."
            )

    def _catch_up(self, *datasets: Dataset) -> None:
        """Bring the ledger up to the tables. Costs two looks at a folder when there is nothing to do."""
        self._check_there()
        for dataset in datasets or tuple(self._tables):
            self._keeper.catch_up(dataset)

    # -- what is known ------------------------------------------------------------------------------------------------

    def statuses(
        self, source: str, spec: BarSpec, ticker: str, start: date, end: date, now: datetime
    ) -> list[SessionStatus]:
        """Return one status for each session from ``start`` to ``end``, both inclusive, none later than ``now``."""
        self._catch_up(Dataset.BARS)
        sessions = self._calendar.sessions(start, min(end, day_of(now)))
        spans = self._ledger.spans(Series(source, Dataset.BARS, ticker, spec), *spec.snap(start, end))
        return fold(spans, sessions, spec, self._settling.through)

    def spans(self, series: Series, start: date, end: date) -> list[Asked]:
        """Return what was asked of a series that touches ``start`` to ``end``, in the order of the commits."""
        self._catch_up(series.dataset)
        return self._ledger.spans(series, start, end)

    def statuses_many(
        self, source: str, spec: BarSpec, tickers: Sequence[str], start: date, end: date, now: datetime
    ) -> dict[str, list[SessionStatus]]:
        """Return what ``statuses`` returns for each ticker, but for the instants of what is stored and final: those may
        be another ticker's. Equal lists may be one and the same: do not change them.
        """
        if len(tickers) <= FEW_TICKERS:
            return {one: self.statuses(source, spec, one, start, end, now) for one in tickers}
        self._catch_up(Dataset.BARS)
        sessions = self._calendar.sessions(start, min(end, day_of(now)))
        series = Series(source, Dataset.BARS, "", spec)
        wanted = dict.fromkeys(tickers, fold((), sessions, spec, self._settling.through))
        folded: dict[tuple[object, ...], list[SessionStatus]] = {}
        alike = Alike(sessions, spec, self._calendar)
        for ticker, marks in self._ledger.marks(series, wanted, *spec.snap(start, end)):
            if (key := alike.key(marks)) not in folded:
                spans = [asked_of(series, one) for one in marks]
                folded[key] = fold(spans, sessions, spec, self._settling.through)
            wanted[ticker] = folded[key]
        return wanted

    def actions_asked(self, source: str, dataset: Dataset, ticker: str, since: date | None = None) -> datetime | None:
        """Return when the ticker's splits or dividends were last fetched; ``None``: never.

        Its own list counts, and with ``since`` the market's, when all windows from that date on are known.
        """
        self._catch_up(dataset)
        found = self._ledger.first_and_last_asked(Series(source, dataset, ticker))
        listed = [one.last_asked for one in self._windows(source, dataset, since)]
        return max([*([found[1]] if found else []), *([min(listed)] if listed else [])], default=None)

    def actions_first_asked(
        self, source: str, dataset: Dataset, ticker: str, since: date | None = None
    ) -> datetime | None:
        """Return since when the ticker's splits or dividends (from ``since`` on) are known; ``None``: they are not."""
        self._catch_up(dataset)
        found = self._ledger.first_and_last_asked(Series(source, dataset, ticker))
        listed = [one.first_asked for one in self._windows(source, dataset, since)]
        return min([*([found[0]] if found else []), *([max(listed)] if listed else [])], default=None)

    def actions_asked_many(
        self, source: str, dataset: Dataset, tickers: Sequence[str], since: date | None = None
    ) -> dict[str, datetime | None]:
        """Return what ``actions_asked`` returns for each ticker."""
        self._catch_up(dataset)
        listed = [one.last_asked for one in self._windows(source, dataset, since)]
        market = min(listed, default=None)
        own = self._ledger.lists_asked(source, dataset)
        return {one: max((at for at in (own.get(one), market) if at is not None), default=None) for one in tickers}

    def _windows(self, source: str, dataset: Dataset, since: date | None) -> list[Window]:
        """Return the windows that together cover all from ``since`` to the day they were asked for, or none."""
        if since is None:
            return []
        needed = [one for one in self._ledger.windows(source, dataset) if one.last >= since]
        reach = since
        for one in needed:
            if one.first > reach:
                return []
            reach = max(reach, one.last + timedelta(days=1))
        whole = needed and reach > max(day_of(one.last_asked) for one in needed) - timedelta(days=ACTIONS_DAYS)
        return needed if whole else []

    # -- universes ----------------------------------------------------------------------------------------------------

    def universe(self, source: str, name: str, as_of: date) -> tuple[datetime, tuple[str, ...]] | None:
        """Return when a list of tickers was asked for, and the tickers; ``None``: it is not held."""
        return universes.read(self.layout.universes, source, name, as_of)

    def keep_universe(self, source: str, name: str, as_of: date, tickers: Sequence[str], asked_at: datetime) -> None:
        """Keep a list of tickers in the place of an earlier one of that source, name and date."""
        self._check_there()
        with explained(self.layout.store):
            universes.write(self._files, self.layout.universes, source, name, as_of, tickers, asked_at)

    def known(self) -> list[Known]:
        """Return every series of one ticker that was ever asked for, sorted by dataset, ticker, width and source."""
        self._catch_up()
        return [
            Known(one.source, one.dataset, one.ticker, one.spec, first, last)
            for one, first, last in self._ledger.known()
        ]

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
        """Read every file and return what is not as it was written (which file, with which tickers and days), what
        another program changed, and where the rows are not as many as the ledger counts.
        """
        self._check_there()
        return self._keeper.verify()

    def repair(self) -> list[CorruptPartition]:
        """Take damaged and missing files out of the tables, so that exactly the sessions whose rows are lost are asked
        for again. Returns what ``verify`` found; files that are not ours are left where they are.
        """
        self._check_there()
        return self._keeper.repair()

    def compact(self, at_most: int | None = None) -> int:
        """Merge small files of periods that are over, one partition at a time; return how many files went away.

        ``at_most``: of so many partitions, then stop; the next call goes on.
        """
        self._check_there()
        merged = done = 0
        for table in self._tables.values():
            for partition in mergeable(table, day_of(self._clock.now())):
                if at_most is not None and done >= at_most:
                    return merged
                self._keeper.catch_up(table.kind.dataset)
                merged += merge(table, partition)
                done += 1
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
        self._catch_up(Dataset.BARS)
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
        self._catch_up(dataset)
        table = self._tables[dataset]
        rows = read_rows(
            table.root,
            table.kind,
            Wanted(tickers),
            table.snapshot,
            lambda one: as_of is not None or not one.superseded,
        )
        return in_order((known_at(one, as_of) for one in rows), table.kind)
