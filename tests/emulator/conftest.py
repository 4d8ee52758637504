"""One emulator on the demo market for all tests here; each test starts from a clean ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from redline.testing import Emulator
from tests.emulator.asking import KEY, Asking

SHARED = Path(__file__).parents[3] / "shared" / "market-data"


@pytest.fixture(scope="session")
def demo() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def emulator(demo: Emulator) -> Emulator:
    demo.reset()
    return demo


@pytest.fixture
def ask(emulator: Emulator) -> Iterator[Asking]:
    with Asking(emulator.rest, KEY) as asking:
        yield asking


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("the folder shared is not beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def real(shared: Path) -> Iterator[Emulator]:
    with Emulator(shared) as emulator:
        yield emulator


@pytest.fixture
def ask_real(real: Emulator) -> Iterator[Asking]:
    real.reset()
    with Asking(real.rest, KEY) as asking:
        yield asking
