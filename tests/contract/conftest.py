"""One harness per source: how to make its downloader against something that answers like it, and what that holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from redline.clock import SystemClock
from redline.downloaders import SOURCE_NAMES, source_class
from redline.downloaders.base_downloader import BaseDownloader
from redline.net.budget import Budgets
from redline.testing import Emulator

KEY = "a-key-for-the-contract-0123"
ADDRESSES = {"massive": "rest"}


@dataclass(frozen=True, slots=True)
class Source:
    """A source under test. ``ticker`` has bars on each session from ``start`` to ``end``."""

    name: str
    cls: type[BaseDownloader]
    make: Callable[..., BaseDownloader]
    emulator: Emulator
    ticker: str = "AAPL"
    start: date = date(2020, 8, 24)
    end: date = date(2020, 9, 4)


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with Emulator(key=KEY) as running:
        yield running


@pytest.fixture(params=SOURCE_NAMES)
def source(request: pytest.FixtureRequest, shared_emulator: Emulator, tmp_path: Path) -> Iterator[Source]:
    shared_emulator.reset()
    clock = SystemClock()
    budgets = Budgets(tmp_path / "budgets.db", clock)
    cls: Any = source_class(request.param)

    def make(key: str = KEY, cls: Any = cls, limit: float | None = 60_000) -> BaseDownloader:
        address = shared_emulator.addresses[ADDRESSES[cls.name]]
        made: BaseDownloader = cls(
            key, tmp_path, base_url=address, rate_limit_per_minute=limit, budgets=budgets, clock=clock
        )
        return made

    yield Source(request.param, cls, make, shared_emulator)
    budgets.close()
