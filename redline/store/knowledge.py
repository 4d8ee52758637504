"""What is known: an open store's tables and ledger, and the questions that the ledger answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from redline.clock import Clock
from redline.errors import StoreGone
from redline.market.bar import BarSpec
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import SetAside
from redline.market.request import Dataset
from redline.market.session import SessionStatus
from redline.store.alike import Alike
from redline.store.asked import Asked, Series, Settling, fold
from redline.store.files import Files, explained, make_folders, make_private
from redline.store.history import Known
from redline.store.keeping import Keeper
from redline.store.layout import KINDS, Layout
from redline.store.ledger import Held, Ledger
from redline.store.lock import WriterLock
from redline.store.marks import Window, asked_of
from redline.store.memory import frugal
from redline.store.table import Table

FEW_TICKERS = 20  # So many are looked up one by one.
ACTIONS_DAYS = 7  # A list of splits that ends so long before it was asked for is not the newest one.


class Knowledge:
    """The tables and the ledger below ``home``, in step, and every question about what was asked and what came."""

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
