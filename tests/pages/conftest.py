"""A whole engine with a vendor behind it, for pages that say what is held and what it costs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from redline.clock import SystemClock
from redline.config.settings import load
from redline.engine import Engine
from redline.testing import Emulator
from redline.web.application import create_app
from tests.end_to_end.conftest import KEY, make_home


@pytest.fixture(scope="package")
def vendor() -> Iterator[Emulator]:
    with Emulator(key=KEY, now="2021-04-22T15:30:00Z") as emulator:
        yield emulator


@pytest.fixture
def engine(tmp_path: Path, vendor: Emulator) -> Iterator[Engine]:
    """An engine whose key's limit is far away."""
    vendor.reset()
    env = make_home(tmp_path, MASSIVE_API_BASE_URL=vendor.rest, MASSIVE_API_KEY=KEY).env
    with Engine(load(env, cwd=tmp_path), SystemClock()) as made:
        made.save_key({"source": "massive", "api_key": KEY, "rate_limit_per_minute": 60_000})
        yield made


@pytest.fixture
def app(engine: Engine) -> Flask:
    return create_app(engine)
