"""A source in memory, with faults to order, and a real subclass of ``BaseDownloader`` in front of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import ClassVar

import pyarrow as pa

from redline.clock import Watch
from redline.downloaders.base_downloader import BaseDownloader, Capabilities, Option
from redline.downloaders.pager import Parsed
from redline.errors import NotEntitled, RedlineError
from redline.market.bar import Timespan
from redline.market.calendar import TradingCalendar, midnight
from redline.market.part import Listing, Page, Part, SetAside
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE, DIVIDENDS_WIRE, SPLITS_WIRE

CALENDAR = TradingCalendar(date(2024, 6, 3))
KNOWN = Listing(known=True, name="A known company")
UNKNOWN = Listing(known=False)


@dataclass
class Vendor:
    """What the source has and how it behaves.

    ``faults``: raised or called, one for each request, before it is answered; ``None`` answers. ``asked`` records each
    request. ``floor``: the first date that the plan covers. ``silent``: sessions without rows. ``spoilt``: sessions
    whose rows are set aside.
    """

    label: str = "Massive.com"
    page_sessions: int = 1_000
    listings: dict[str, Listing] = field(default_factory=dict)
    silent: set[date] = field(default_factory=set)
    spoilt: set[date] = field(default_factory=set)
    floor: date = date(1970, 1, 1)
    has_nothing: set[str] = field(default_factory=set)
    faults: list[RedlineError | Exception | Callable[[Watch], None] | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def request(self, what: str, watch: Watch) -> None:
        """Count a request and let its fault happen."""
        watch.check()
        with self.lock:
            self.asked.append(what)
            fault = self.faults.pop(0) if self.faults else None
        watch.on_request("aggs")
        if isinstance(fault, Exception):
            raise fault
        if fault is not None:
            fault(watch)


class VendorDownloader(BaseDownloader):
    """Daily bars, splits and dividends of a ``Vendor``."""

    name = "massive"
    label = "Massive.com"
    capabilities: ClassVar[Capabilities] = Capabilities(frozenset(Dataset), frozenset({Timespan.DAY}), 5_000)
    options: ClassVar[tuple[Option, ...]] = ()

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor

    def pages(self, part: Part, watch: Watch) -> Iterator[Page]:
        if part.dataset is not Dataset.BARS:
            self.vendor.request(f"{part.dataset.value} {part.ticker}", watch)
            schema = SPLITS_WIRE if part.dataset is Dataset.SPLITS else DIVIDENDS_WIRE
            yield Page(schema.empty_table(), part.start, part.end, answer="200 OK, 0 rows")
            return
        sessions = CALENDAR.sessions(part.start, part.end)
        first = part.start
        for at in range(0, max(1, len(sessions)), self.vendor.page_sessions):
            wanted = sessions[at : at + self.vendor.page_sessions]
            following = sessions[at + len(wanted) : at + len(wanted) + 1]
            last = date.fromordinal(following[0].toordinal() - 1) if following else part.end
            self.vendor.request(f"bars {part.ticker} {first} {last}", watch)
            if first < self.vendor.floor:
                raise NotEntitled(
                    "massive", part.what, "Your plan doesn't include this data timeframe.", timeframe=True
                )
            has = [] if part.ticker in self.vendor.has_nothing else wanted
            rows = bars(part.ticker, [day for day in has if day not in self.vendor.silent | self.vendor.spoilt])
            aside = tuple(
                SetAside("its high is below its low", str(day)) for day in wanted if day in self.vendor.spoilt
            )
            yield Page(rows, first, last, aside, f"200 OK, {rows.num_rows} rows")
            if following:
                first = following[0]

    def listing(self, ticker: str, watch: Watch) -> Listing:
        self.vendor.request(f"ticker {ticker}", watch)
        return self.vendor.listings.get(ticker, KNOWN)

    def narrower(self, part: Part, error: NotEntitled, today: date) -> tuple[Part, ...]:
        floors = [date(2014, 6, 3), date(2019, 6, 3), date(2022, 6, 3)]
        return tuple(replace(part, start=floor) for floor in floors if part.start < floor <= part.end)

    def calls_for(self, part: Part, sessions: int) -> int:
        return max(1, -(-sessions // self.vendor.page_sessions)) if part.dataset is Dataset.BARS else 1

    def test_key(self, watch: Watch) -> dict[str, object]:
        return {}

    def first_url(self, part: Part, *, adjusted: bool) -> str:
        return f"vendor:{part.what}"

    def parse_page(self, body: bytes, part: Part, *, adjusted: bool) -> Parsed:
        return Parsed(BARS_WIRE.empty_table())

    def fetch(self, url: str, part: Part, watch: Watch) -> bytes:
        return b""


def bars(ticker: str, days: list[date]) -> pa.Table:
    """Return one bar for each day; its open is the day of the year, so that rows can be told apart."""
    opens = [100.0 + day.timetuple().tm_yday for day in days]
    columns = {
        "ticker": [ticker] * len(days),
        "timestamp": [midnight(day) for day in days],
        "date": days,
        "open": opens,
        "high": [one + 2 for one in opens],
        "low": [one - 2 for one in opens],
        "close": [one + 1 for one in opens],
        "volume": [1_000.5] * len(days),
        "vwap": opens,
        "transactions": [7] * len(days),
        "source": ["massive"] * len(days),
    }
    return pa.table(columns, schema=BARS_WIRE)
