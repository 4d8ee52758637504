"""The sources under test. A new source adds one ``Case`` here, and passes ``test_downloaders.py``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from redline.clock import Clock
from redline.downloaders.base_downloader import BaseDownloader
from redline.downloaders.generic_api_downloader import GenericAPIDownloader
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.downloaders.stooq_downloader import StooqDownloader
from redline.downloaders.yahoo_downloader import YahooDownloader
from redline.net.budget import Budgets
from redline.net.outgoing import Outgoing

KEY = "a-key-for-the-contract-0123"


@dataclass(frozen=True, slots=True)
class Making:
    """What a downloader is made with: the emulator's address of it, a key, a folder, a budget, a clock, a limit."""

    base_url: str
    key: str
    folder: Path
    budgets: Budgets
    clock: Clock
    limit: float | None

    @property
    def common(self) -> dict[str, Any]:
        """The keyword arguments that all sources have."""
        named = {"base_url": self.base_url, "rate_limit_per_minute": self.limit}
        return {**named, "budgets": self.budgets, "clock": self.clock}


@dataclass(frozen=True, slots=True)
class Case:
    """A source against the emulator. ``ticker`` has bars on each session from ``start`` to ``end``, none on ``empty``.

    ``address``: the emulator's name for the source's address; ``now``: its clock and ours stand there at the start
    (``None``: the real time). ``takes_key``: it has a key that can be wrong.
    """

    cls: type[BaseDownloader]
    make: Callable[[type[Any], Making], BaseDownloader]
    address: str
    takes_key: bool = True
    now: str | None = None
    ticker: str = "AAPL"
    unknown: str = "NOSUCH"
    start: date = date(2020, 8, 24)
    end: date = date(2020, 9, 4)
    sessions: int = 10
    empty: date = date(2020, 8, 30)

    @property
    def name(self) -> str:
        return self.cls.name


#: Massive again, as a custom API.
GENERIC: dict[str, Any] = {
    "name": GenericAPIDownloader.label,
    "endpoint": "v2/aggs/ticker/{ticker}/range/1/day/{start_date}/{end_date}?adjusted=false&limit=50000",
    "column_mapping": {"date": "t", "open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"},
    "pagination": "next_url",
}


def generic(cls: type[Any], it: Making) -> BaseDownloader:
    """Make a downloader from a configuration: address, key and limit stand in it."""
    config = {**GENERIC, "base_url": it.base_url, "api_key": it.key, "rate_limit_per_minute": it.limit}
    made: BaseDownloader = cls(config, it.folder, outgoing=Outgoing(("127.0.0.1",)), budgets=it.budgets, clock=it.clock)
    return made


CASES = (
    Case(
        MassiveDownloader,
        lambda cls, it: cls(it.key, it.folder, **it.common),
        address="rest",
    ),
    Case(
        YahooDownloader,
        lambda cls, it: cls(it.folder, **it.common),
        address="yahoo",
        takes_key=False,
        now="2020-09-10T15:00:00+00:00",
    ),
    Case(
        StooqDownloader,
        lambda cls, it: cls(it.key, it.folder, **it.common),
        address="stooq",
    ),
    Case(
        GenericAPIDownloader,
        generic,
        address="rest",
    ),
)
