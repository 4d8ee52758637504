"""A downloader against the emulator or against a server that says what a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from redline.clock import Clock, SystemClock
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.net.budget import Budgets
from redline.testing import Emulator, FakeClock

KEY = "a-key-for-tests-0123456789"
Make = Callable[..., MassiveDownloader]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Make downloaders with a budget of their own that never waits."""
    opened: list[Budgets] = []

    def made(base_url: str, *, clock: Clock | None = None, limit: float = 60_000, key: str = KEY) -> MassiveDownloader:
        clock = clock or SystemClock()
        budgets = Budgets(tmp_path / f"budgets-{len(opened)}.db", clock)
        opened.append(budgets)
        return MassiveDownloader(
            key, tmp_path, base_url=base_url, rate_limit_per_minute=limit, budgets=budgets, clock=clock, timeout=2.0
        )

    yield made
    for budgets in opened:
        budgets.close()


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[Emulator]:
    with Emulator(key=KEY) as running:
        # Its first answer loads its tables; on a busy machine that takes longer than the time-out of these tests.
        requests.get(f"{running.rest}/v2/aggs/ticker/AAPL/prev", params={"apiKey": KEY}, timeout=60)
        yield running


@pytest.fixture
def emulator(shared_emulator: Emulator) -> Emulator:
    """The demo market, all of it, as it was at the start."""
    shared_emulator.reset()
    return shared_emulator


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@dataclass
class Vendor:
    """A server whose answers are set by the test, in turn; the last one stays."""

    origin: str = ""
    answers: list[tuple[int, bytes, dict[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def says(self, *bodies: bytes, status: int = 200, **headers: str) -> None:
        self.answers += [(status, body, headers) for body in bodies]


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    told = Vendor()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told.asked.append(self.path)
            told.headers.append(dict(self.headers))
            status, body, headers = told.answers[min(len(told.asked), len(told.answers)) - 1]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()
