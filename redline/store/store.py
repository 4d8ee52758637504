"""The store: raw rows in open files, and a ledger of what is known about each session."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

import pyarrow as pa

from redline.errors import CorruptPartition, StoreBusy, StoreError
from redline.market.bar import DAILY, BarSpec
from redline.market.calendar import day_of
from redline.market.part import Delivery, Page, Part
from redline.market.request import Dataset
from redline.market.session import SessionState
from redline.store import universes
from redline.store.asked import Asked, Series, record_of
from redline.store.delivering import answer_of, marks_of, rounds
from redline.store.files import explained
from redline.store.keeping import COMMITS_TRIED
from redline.store.knowledge import Knowledge
from redline.store.layout import BARS, Partition
from redline.store.reading import Wanted, in_order, known_at, read_rows
from redline.store.table import CHECKPOINT_EVERY, ForeignWriter, Table
from redline.store.upkeep import merge, mergeable
from redline.store.writing import Answer, Round, Swap


@dataclass(frozen=True, slots=True)
class Committed:
    """What a commit did with the rows of a page; ``rows_changed`` replaced a row of the same key."""

    rows_new: int
    rows_changed: int
    rows_same: int
    set_aside: int


class Store(Knowledge):
    """The store below ``home``. Thread-safe; several processes may open the same one."""

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

    # -- universes ----------------------------------------------------------------------------------------------------

    def universe(self, source: str, name: str, as_of: date) -> tuple[datetime, tuple[str, ...]] | None:
        """Return when a list of tickers was asked for, and the tickers; ``None``: it is not held."""
        return universes.read(self.layout.universes, source, name, as_of)

    def keep_universe(self, source: str, name: str, as_of: date, tickers: Sequence[str], asked_at: datetime) -> None:
        """Keep a list of tickers in the place of an earlier one of that source, name and date."""
        self._check_there()
        with explained(self.layout.store):
            universes.write(self._files, self.layout.universes, source, name, as_of, tickers, asked_at)

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
