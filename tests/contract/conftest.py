"""One harness for all sources: how to make a downloader against something that answers like its source."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from redline.clock import Clock, SystemClock
from redline.downloaders.base_downloader import BaseDownloader
from redline.net.budget import Budgets
from redline.testing import Emulator, FakeClock
from tests.contract.cases import CASES, KEY, Case, Making


@dataclass(frozen=True, slots=True)
class Source:
    """A source under test: its case, how to make its downloader, and the emulator that answers."""

    case: Case
    make: Callable[..., BaseDownloader]
    emulator: Emulator

    @property
    def cls(self) -> Any:
        return self.case.cls


@pytest.fixture(scope="session")
def emulators() -> Iterator[Callable[[str | None], Emulator]]:
    """Give the emulator whose clock started at a time; one process for each such time."""
    started: list[Emulator] = []

    @cache
    def running(now: str | None) -> Emulator:
        started.append(Emulator(key=KEY, now=now))
        return started[-1]

    yield running
    for one in started:
        one.stop()


@pytest.fixture(params=CASES, ids=lambda case: case.name)
def source(
    request: pytest.FixtureRequest, emulators: Callable[[str | None], Emulator], tmp_path: Path
) -> Iterator[Source]:
    case: Case = request.param
    emulator = emulators(case.now)
    emulator.reset()
    clock: Clock = FakeClock(datetime.fromisoformat(case.now)) if case.now else SystemClock()
    budgets = Budgets(tmp_path / "budgets.db", clock)

    def make(key: str = KEY, cls: type[Any] = case.cls, limit: float | None = 60_000) -> BaseDownloader:
        address = emulator.addresses[case.address]
        return case.make(cls, Making(address, key, tmp_path, budgets, clock, limit))

    yield Source(case, make, emulator)
    budgets.close()
