from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from redline.store import Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    opened = Store(tmp_path, clock, CALENDAR)
    yield opened
    opened.close()
