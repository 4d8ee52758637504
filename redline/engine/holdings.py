"""What is held: reading it, exporting it, and what is known about each session."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from redline.clock import Clock
from redline.downloaders import SOURCE_NAMES, source_class
from redline.engine.result import ExportFile
from redline.engine.story import Story, tell
from redline.engine.workspace import Workspace
from redline.errors import BadField, NoData
from redline.market.bar import BarSpec
from redline.market.request import BarsQuery, Format
from redline.market.session import Gap, SessionState, SessionStatus, gaps
from redline.query.bars import SOURCE_ORDER, read_bars
from redline.query.export import export, file_name, media_type
from redline.store import Held, history


class Holdings(ABC):
    """The part of the engine that looks at the store and asks nobody."""

    clock: Clock

    @property
    @abstractmethod
    def _now_in(self) -> Workspace:
        """The workspace that answers now: the real one, or the demo's."""

    @property
    @abstractmethod
    def demo(self) -> bool:
        """Whether these are the holdings of the demo."""

    def bars(self, query: BarsQuery) -> Any:
        """Return the bars that are held as a pyarrow table, adjusted as asked.

        Raises:
            NoData: nothing is held there, or not the corporate actions that the adjustment needs.
        """
        found = self.held_bars(query)
        if not found.num_rows:
            span = f" from {query.start or 'the first day'} to {query.end or 'today'}"
            raise NoData(
                f"No {query.spec} bars of {', '.join(query.tickers)} are held{span}.",
                "Download them first: POST /download, or the Download page.",
                ticker=query.tickers[0],
            )
        return found

    def held_bars(self, query: BarsQuery) -> Any:
        """Return the bars that are held, maybe none."""
        return read_bars(self._now_in.store, query)

    def export(self, query: BarsQuery, fmt: Format) -> ExportFile:
        """Write the bars of a query to a file of its own; whoever sends it deletes it."""
        table = self.bars(query)
        folder = self._now_in.home / "exports"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{secrets.token_hex(8)}.{fmt.value}"
        export(table, fmt, path)
        return ExportFile(path, file_name(query, fmt), media_type(fmt))

    def write(self, table: Any, fmt: Format, destination: Path) -> Path:
        """Write rows to a file of the user's; it is whole or as it was before.

        Raises:
            BadField: the file cannot be written, or the format cannot hold so many rows.
        """
        try:
            export(table, fmt, destination)
        except ValueError as error:
            raise BadField("format", fmt.value, str(error)) from error
        except OSError as error:
            raise BadField("out", destination.name, f"it cannot be written: {error.strerror}") from error
        return destination

    def coverage(
        self, ticker: str, spec: BarSpec, start: date, end: date, source: str = "massive"
    ) -> list[SessionStatus]:
        """Return what is known about each session, ``start`` to ``end`` inclusive."""
        return self._now_in.store.statuses(source, spec, ticker, start, end, self.clock.now())

    def coverage_read(self, ticker: str, spec: BarSpec, start: date, end: date) -> list[SessionStatus]:
        """Return ``coverage`` as who reads bars meets it: of each session what the source knows whose rows are read;
        where no source has rows, what the first one that was asked knows.
        """
        of_all = [self.coverage(ticker, spec, start, end, source) for source in SOURCE_ORDER if source in SOURCE_NAMES]
        return [min(known, key=_telling) for known in zip(*of_all, strict=True)]

    def coverage_many(
        self, tickers: Sequence[str], spec: BarSpec, start: date, end: date, source: str = "massive"
    ) -> dict[str, list[SessionStatus]]:
        """Return ``coverage`` of many tickers, in their order; lists may be shared, so do not change them."""
        found = self._now_in.store.statuses_many(source, spec, tickers, start, end, self.clock.now())
        return {ticker: found[ticker] for ticker in tickers}

    def explain(self, ticker: str, session: date, spec: BarSpec, source: str = "massive") -> Story:
        """Return the story of one session of bars: asked when, of whom, answered what, what to do.

        Raises:
            BadField: there is no such source.
        """
        store = self._now_in.store
        known = self.coverage(ticker, spec, session, session, source)
        status = known[0] if known else SessionStatus(session, SessionState.MARKET_CLOSED)
        return tell(
            status, ticker, spec, source_class(source).label, source, history(store, source, spec, ticker, session)
        )

    def gaps(self, ticker: str, spec: BarSpec, start: date, end: date, source: str = "massive") -> list[Gap]:
        """Return the gaps from ``start`` to ``end``, both inclusive."""
        return gaps(ticker, self.coverage(ticker, spec, start, end, source))

    def splits(self, ticker: str) -> Any:
        """Return the splits that are held of a ticker as a pyarrow table (``SPLITS_WIRE`` and more), by date."""
        return self._now_in.store.splits_table((ticker,))

    def dividends(self, ticker: str) -> Any:
        """Return the dividends that are held of a ticker as a pyarrow table (``DIVIDENDS_WIRE`` and more), by date."""
        return self._now_in.store.dividends_table((ticker,))

    def held(self) -> Sequence[Held]:
        """Return what is held, series by series."""
        return self._now_in.store.held()


class Shelf(Holdings):
    """The holdings of one workspace, whichever the engine shows now: a demo job's, after a key was saved."""

    def __init__(self, space: Workspace, clock: Clock, *, demo: bool) -> None:
        self.clock, self._space, self._demo = clock, space, demo

    @property
    def _now_in(self) -> Workspace:
        return self._space

    @property
    def demo(self) -> bool:
        return self._demo


def _telling(status: SessionStatus) -> int:
    return {SessionState.STORED: 0, SessionState.NEVER_ASKED: 2}.get(status.state, 1)
