"""What jobs need of the store; the store's own class fits it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol

from redline.market.bar import BarSpec
from redline.market.part import Delivery, Page, Part
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus


class Committed(Protocol):
    """What a commit says; the store's own value."""

    @property
    def rows_new(self) -> int: ...
    @property
    def rows_changed(self) -> int: ...
    @property
    def rows_same(self) -> int: ...
    @property
    def set_aside(self) -> int: ...


class Holding(Protocol):
    """A series of which rows are held."""

    @property
    def dataset(self) -> Dataset: ...
    @property
    def ticker(self) -> str: ...


class Rows(Protocol):
    """Writing pages and notes, knowing what was asked, and counting what is held."""

    def commit(self, part: Part, page: Page, batch: str, asked_at: datetime) -> Committed: ...
    def commit_many(self, deliveries: Sequence[Delivery]) -> Sequence[Committed]: ...
    def note(
        self,
        part: Part,
        first: date,
        last: date,
        state: SessionState,
        answer: str,
        asked_at: datetime,
        tickers: tuple[str, ...] = ...,
    ) -> None: ...
    def statuses(
        self, source: str, spec: BarSpec, ticker: str, start: date, end: date, now: datetime
    ) -> list[SessionStatus]: ...
    def statuses_many(
        self, source: str, spec: BarSpec, tickers: Sequence[str], start: date, end: date, now: datetime
    ) -> dict[str, list[SessionStatus]]: ...
    def actions_asked(
        self, source: str, dataset: Dataset, ticker: str, since: date | None = ...
    ) -> datetime | None: ...
    def actions_asked_many(
        self, source: str, dataset: Dataset, tickers: Sequence[str], since: date | None = ...
    ) -> dict[str, datetime | None]: ...
    def universe(self, source: str, name: str, as_of: date) -> tuple[datetime, tuple[str, ...]] | None: ...
    def keep_universe(
        self, source: str, name: str, as_of: date, tickers: Sequence[str], asked_at: datetime
    ) -> None: ...
    def bars_table(
        self,
        tickers: tuple[str, ...] | None,
        spec: BarSpec = ...,
        start: date | None = ...,
        end: date | None = ...,
        as_of: datetime | None = ...,
        source: str | None = ...,
    ) -> Any: ...
    def splits_table(self, tickers: tuple[str, ...] | None, as_of: datetime | None = ...) -> Any: ...
    def dividends_table(self, tickers: tuple[str, ...] | None, as_of: datetime | None = ...) -> Any: ...
    def held(self) -> Sequence[Holding]: ...
    def compact(self, at_most: int | None = ...) -> int: ...
