"""What every source has in common: what it declares, and the calls that people and jobs make.

A source says what it can do (``capabilities``, ``options``) and brings two pure functions, ``first_url`` and
``parse_page``. Paging, whole sessions, frames and failures are here, once.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any, ClassVar

from redline.clock import Clock, Watch
from redline.downloaders.pager import Parsed, bar_pages, list_page, market_page
from redline.errors import (
    BadField,
    Cancelled,
    InvalidKey,
    MalformedPage,
    NextUrlRefused,
    NotEntitled,
    RedlineError,
    UnknownTicker,
    Unsupported,
)
from redline.market.bar import BarSpec, Timespan
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Listing, Page, Part, SetAside
from redline.market.request import Dataset, parse_date, parse_flag, parse_multiplier, parse_range
from redline.market.schema import BARS_WIRE, frame
from redline.market.ticker import parse_ticker
from redline.net.budget import KeyBudget
from redline.net.redact import masked_errors, redact

_log = logging.getLogger(__name__)


class KeyUse(Enum):
    """Whether a source wants a key."""

    NEEDED = "needed"
    OPTIONAL = "optional"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a source can do: planner, forms and docs read it. ``page_rows``: most base rows in one answer.

    ``market_bars``: one call answers for all tickers: for the day bars of a session, or for the splits of a year.
    """

    datasets: frozenset[Dataset]
    timespans: frozenset[Timespan]
    page_rows: int
    market_bars: bool = False


@dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be set when a downloader is made: it feeds forms, help and docs."""

    name: str
    kind: type
    default: object
    help: str
    secret: bool = False


class BaseDownloader(ABC):
    """One source of market data.

    ``failures`` holds what ``download_multiple_tickers`` could not get: ticker to error, in the order asked.
    ``only_tickers`` names all tickers there are when a demo stands in for the source, else it is empty. ``address``:
    the setting that says where the source is. One that takes a key is made with it as the first argument.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    address: ClassVar[str]
    key_use: ClassVar[KeyUse] = KeyUse.NEEDED
    capabilities: ClassVar[Capabilities]
    options: ClassVar[tuple[Option, ...]]
    only_tickers: tuple[str, ...] = ()

    def __init__(self, *, output_dir: str | Path, clock: Clock, budget: KeyBudget) -> None:
        self.output_dir = Path(output_dir)
        self.failures: dict[str, RedlineError] = {}
        self._clock, self._budget = clock, budget

    # -- what a source brings -----------------------------------------------------------------------------------------

    @abstractmethod
    def first_url(self, part: Part, *, adjusted: bool) -> str:
        """Return the address of the first answer of a part, without the key. Pure."""

    @abstractmethod
    def parse_page(self, body: bytes, part: Part, *, adjusted: bool) -> Parsed:
        """Return the rows of one answer and where it goes on. Pure.

        Raises:
            MalformedPage: the answer cannot be trusted.
        """

    @abstractmethod
    def fetch(self, url: str, part: Part, watch: Watch) -> bytes:
        """Return the whole body of one answer, paced and counted."""

    @abstractmethod
    def listing(self, ticker: str, watch: Watch) -> Listing:
        """Return what the source's reference data says about a ticker."""

    @abstractmethod
    def test_key(self, watch: Watch) -> dict[str, object]:
        """Return what the key may do: ``plan``, ``entitlements``, ``rate_limit_per_minute``, ``calls``, ``said``."""

    @abstractmethod
    def narrower(self, part: Part, error: NotEntitled, today: date) -> tuple[Part, ...]:
        """Return what to try, in this order, after a time-frame 403: smaller parts that the plan may cover."""

    @abstractmethod
    def calls_for(self, part: Part, sessions: int) -> int:
        """Return the most calls that a part of so many sessions can take."""

    def universe(self, name: str, as_of: date, watch: Watch) -> tuple[str, ...]:
        """Return the tickers of a universe as of a date, sorted; raises ``Unsupported`` where there is none."""
        raise Unsupported(f"{self.name} has no universe {name}.", "Name the tickers instead.")

    # -- what all have ------------------------------------------------------------------------------------------------

    @property
    def rate_limit_delay(self) -> float:
        """Seconds between requests: ``60 / rate_limit_per_minute``. Setting it sets the key's limit for everybody."""
        return self._budget.delay_s

    @rate_limit_delay.setter
    def rate_limit_delay(self, seconds: float) -> None:
        self._budget.delay_s = seconds

    @property
    def paused_s(self) -> float:
        """Seconds for which the source wants no request, after a 429; 0: none."""
        return self._budget.paused_s()

    def pages(self, part: Part, watch: Watch) -> Iterator[Page]:
        """Yield the raw rows of a part, page by page, whole sessions each; together they cover all of its dates.

        At least one page comes, maybe without rows: then the source said that it has none.

        Raises:
            Unsupported: the source has no such dataset or timespan; nothing was sent.
            NotEntitled, InvalidKey, RateLimited, ProviderUnavailable, MalformedPage: pages before stay good.
            Cancelled: ``watch`` asked to stop.
        """
        self.check_offered(part)
        return self._walk(part, watch, adjusted=False)

    def download_single_ticker(
        self,
        ticker: str,
        start_date: str | date | None = None,
        end_date: str | date | None = None,
        *,
        timespan: str = "day",
        multiplier: int = 1,
        adjusted: bool = True,
    ) -> Any:
        """Return the bars of one ticker as a DataFrame (columns: ``market.schema.BAR_COLUMNS``), sorted by time.

        Both dates count; without them: from one year before the last finished session up to it. ``adjusted``: for
        splits, by the source. An empty frame means that the source knows the ticker and has no bars there.

        Raises:
            BadField, BadRange, BadName: an argument is wrong; nothing was sent.
            UnknownTicker: there are no bars, and the source does not know the ticker.
            ProviderError: all that ``pages`` raises.
        """
        part = self._part(ticker, start_date, end_date, timespan, multiplier)
        self.check_offered(part)
        bars = self.bars_table(part, adjusted=parse_flag(adjusted, "adjusted"))
        if not bars.num_rows and not self.listing(part.ticker, Watch()).known:
            raise UnknownTicker(self.name, part.ticker, self.only_tickers)
        return frame(bars)

    def bars_table(self, part: Part, *, adjusted: bool) -> Any:
        """Return the bars of a part that is offered as an Arrow table of ``BARS_WIRE``; raises what ``pages`` does.

        ``adjusted``: for splits up to today, by the source.
        """
        import pyarrow as pa

        tables = [page.table for page in self._walk(part, Watch(), adjusted=adjusted)]
        return pa.concat_tables(tables) if tables else BARS_WIRE.empty_table()

    def download_multiple_tickers(
        self, tickers: Iterable[str], start_date: str | date | None = None, end_date: str | date | None = None
    ) -> dict[str, Any]:
        """Return ticker to DataFrame of daily bars, in the order asked; what failed is in ``failures`` instead.

        Raises:
            BadField: ``tickers`` is one text, not a list.
            InvalidKey: the first request was rejected. Later on, all that is left fails without another request.
            Cancelled: somebody asked to stop.
        """
        if isinstance(tickers, str):
            raise BadField("tickers", tickers, 'it must be a list, such as ["AAPL", "MSFT"]')
        self.failures = {}
        frames: dict[str, Any] = {}
        rejected: InvalidKey | None = None
        for ticker in dict.fromkeys(tickers):
            if rejected is not None:
                self.failures[ticker] = rejected
                continue
            try:
                frames[ticker] = self.download_single_ticker(ticker, start_date, end_date)
            except Cancelled:
                raise
            except InvalidKey as error:
                if not frames:
                    raise
                rejected = self.failures[ticker] = error
            except RedlineError as error:
                self.failures[ticker] = error
        return frames

    def check_offered(self, part: Part) -> None:
        """Raise ``Unsupported`` when the source has no such rows; nothing is sent."""
        if part.dataset not in self.capabilities.datasets:
            offered = ", ".join(sorted(one.value for one in self.capabilities.datasets))
            raise Unsupported(f"{self.name} has no {part.dataset.value}.", f"It has {offered}.")
        if part.dataset is Dataset.BARS and part.spec.timespan not in self.capabilities.timespans:
            offered = ", ".join(one.value for one in Timespan if one in self.capabilities.timespans)
            raise Unsupported(f"{self.name} has no {part.spec.timespan.value} bars.", f"It has {offered}.")
        if part.whole_market and not self.capabilities.market_bars:
            raise Unsupported(f"{self.name} has no answers for the whole market.", "Ask ticker by ticker.")

    # -- inside -------------------------------------------------------------------------------------------------------

    def _walk(self, part: Part, watch: Watch, *, adjusted: bool) -> Iterator[Page]:
        def ask(url: str) -> Parsed:
            watch.check()
            with masked_errors():
                return self.parse_page(self.fetch(url, part, watch), part, adjusted=adjusted)

        def read(url: str) -> Parsed:
            try:
                return ask(url)
            except NextUrlRefused:
                raise
            except MalformedPage as error:  # a proxy's page, a cut answer: once more, and then it is an error
                _log.warning("%s Asking once more.", error.sentence)
            return ask(url)

        url = self.first_url(part, adjusted=adjusted)
        if part.dataset is not Dataset.BARS:
            pages = iter((list_page(part, url, read),))
        else:
            pages = iter((market_page(part, url, read),)) if part.whole_market else bar_pages(part, url, read)
        yield from (_without_keys(page) for page in pages)

    def _part(self, ticker: str, start: object, end: object, timespan: str, multiplier: int) -> Part:
        spec = BarSpec(Timespan.parse(timespan), parse_multiplier(multiplier))
        named = parse_ticker(ticker)
        today = day_of(self._clock.now())
        last = parse_date(end, "end_date") if end else TradingCalendar(today).last_finished(self._clock.now())
        first, last = spec.snap(*parse_range(start, last, today=today, last_session=last))
        return Part(self.name, Dataset.BARS, named, first, last, spec)


def _without_keys(page: Page) -> Page:
    """Return the page with keys masked in what it sets aside: such rows are kept and shown as the source wrote them."""
    return replace(page, set_aside=tuple(SetAside(redact(one.reason), redact(one.row)) for one in page.set_aside))
