"""A clock that obeys, a vendor that is scripted, and the budget and client between them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from redline.clock import Clock
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.net.http import HttpClient
from redline.testing import FakeClock

from .vendor import Vendor, serving


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def budgets(tmp_path: Path, clock: FakeClock) -> Iterator[Budgets]:
    found = Budgets(tmp_path / "state" / "budgets.db", clock)
    yield found
    found.close()


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving() as found:
        yield found


MakeClient = Callable[..., HttpClient]


@pytest.fixture
def client(vendor: Vendor, budgets: Budgets, clock: FakeClock) -> Iterator[MakeClient]:
    """Make a client of the vendor: 60 requests a minute, unless ``limit`` says otherwise; other words go to it."""
    made: list[HttpClient] = []

    def make(limit: float = 60, time: Clock = clock, breaker: Breaker | None = None, **words: object) -> HttpClient:
        budget = budgets.key("massive", vendor.origin, "canary-key", limit)
        words.setdefault("headers", {"Authorization": "Bearer canary-key"})
        found = HttpClient(
            "massive",
            vendor.origin,
            budget,
            time,
            random.Random(7),
            breaker=breaker,
            **words,  # type: ignore[arg-type]
        )
        made.append(found)
        return found

    yield make
    for found in made:
        found.close()
