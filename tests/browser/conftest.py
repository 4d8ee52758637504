"""A chromium, a server on a free port, and a page that notes every complaint of the browser."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from redline.clock import SystemClock
from redline.config.settings import load
from redline.demo import DemoMarket
from redline.engine import Engine
from redline.web.application import create_app
from redline.web.server import Server
from tests.browser.market import MarketEngine

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@dataclass
class Site:
    """A running app: its address and the engine behind it."""

    address: str
    engine: Any


@dataclass
class Visit:
    """A page of the browser, and what it complained about: console errors, policy violations, foreign requests."""

    page: Any
    site: Site
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Any:
        """Open a path; return the page."""
        self.page.goto(self.site.address + path)
        return self.page


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no chromium: install it, these tests must run there")
        pytest.skip("no chromium here; apt-get install chromium brings it")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as played:
        started = played.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield from served(MarketEngine(tmp_path))


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    running: list[Iterator[Site]] = []

    def start(**settings: Any) -> Site:
        running.append(served(MarketEngine(tmp_path, **settings)))
        return next(running[-1])

    yield start
    for one in running:
        next(one, None)


def served(engine: Any) -> Iterator[Site]:
    """Serve an engine on a free port until the iterator goes on."""
    server = Server(create_app(engine), "127.0.0.1", 0)
    thread = threading.Thread(target=server.run, name="served")
    thread.start()
    yield Site(server.address, engine)
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
def demo_site(tmp_path: Path) -> Iterator[Site]:
    environment = {
        "HOME": str(tmp_path / "user"),
        "REDLINE_HOME": str(tmp_path / "home"),
        "REDLINE_STATE_DIR": str(tmp_path / "state"),
        "REDLINE_CONFIG_DIR": str(tmp_path / "config"),
        "REDLINE_KEY_FILE": str(tmp_path / "secret" / "master.key"),
    }
    with DemoMarket() as market, Engine(load(environment, cwd=tmp_path), SystemClock(), demo=market) as engine:
        yield from served(engine)


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Visit]:
    with opened(browser, site) as made:
        yield made
    assert made.complaints == []


class opened:
    """A fresh context of the browser with one page, closed at the end of the block."""

    def __init__(self, browser: Any, site: Site, **options: Any) -> None:
        self._context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        self._site = site

    def __enter__(self) -> Visit:
        page = self._context.new_page()
        page.set_default_timeout(10_000)
        made = Visit(page, self._site)
        page.on(
            "console", lambda said: made.complaints.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: made.complaints.append(str(error)))
        page.on("request", lambda sent: made.complaints.append(sent.url) if not _ours(sent.url, made.site) else None)
        return made

    def __exit__(self, *_: object) -> None:
        self._context.close()


def _ours(url: str, site: Site) -> bool:
    return url.startswith((site.address, "data:", "blob:"))
