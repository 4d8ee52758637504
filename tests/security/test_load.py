"""S10: streams, slow sockets, huge and deep bodies: the page stays quick, memory and handles come back."""

from __future__ import annotations

import re
import socket
import time
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from tests.security.conftest import App, Vendor

MB = 1_048_576
HEAD = "POST /download HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"


@pytest.fixture
def busy(app: App, vendor: Vendor) -> App:
    """An app that has one job which waits: its vendor is out of order."""
    vendor.status, vendor.body = 503, b""
    app.env = {"MASSIVE_API_BASE_URL": vendor.origin, "MASSIVE_API_KEY": "aKeyThatIsNotReal123"}
    app.start()
    for _ in range(20):
        app.get("/", Accept="text/html")
    return app


def handles(app: App) -> int:
    assert app.process is not None
    return len(list(Path(f"/proc/{app.process.pid}/fd").iterdir()))


def memory_mb(app: App) -> float:
    assert app.process is not None
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{app.process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def p95_s(app: App, path: str = "/", count: int = 40) -> float:
    """Return the 95th percentile of ``count`` requests, one after the other."""
    taken = []
    for _ in range(count):
        since = time.perf_counter()
        assert app.get(path, Accept="text/html").status_code == 200
        taken.append(time.perf_counter() - since)
    return sorted(taken)[int(count * 0.95)]


def come_back(app: App, before: int, within_s: float = 40.0) -> bool:
    """Wait until the handles are back, ± 2."""
    until = time.monotonic() + within_s
    while handles(app) > before + 2 and time.monotonic() < until:
        time.sleep(0.2)
    return handles(app) <= before + 2


def connect(app: App) -> socket.socket:
    return socket.create_connection(("127.0.0.1", app.port), timeout=30)


def test_a_hundred_streams_and_five_hundred_slow_sockets_leave_the_page_quick(busy: App) -> None:
    job = busy.post("/download", {"ticker": "AAPL"}, Prefer="respond-async").json()["job_id"]
    before, quiet_s, memory = handles(busy), p95_s(busy), memory_mb(busy)
    with ExitStack() as streams:
        for _ in range(100):
            wire = streams.enter_context(closing(connect(busy)))
            wire.sendall(f"GET /jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        streaming_s = p95_s(busy)
    with ExitStack() as slow:
        for at in range(500):
            wire = slow.enter_context(closing(connect(busy)))
            wire.sendall((HEAD if at % 2 else "GET / HT").encode() + b"X: y")
        slow_s = p95_s(busy)

    assert streaming_s <= max(0.2, 3 * quiet_s)
    assert slow_s <= 2.0
    assert come_back(busy, before)
    assert memory_mb(busy) <= memory + 64


def send_without_end(wire: socket.socket) -> None:
    """Send chunks until the server has had enough."""
    wire.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode())
    for _ in range(200):
        wire.sendall(b"100000\r\n" + b" " * MB + b"\r\n")


def test_huge_and_deep_bodies_cost_no_memory(busy: App) -> None:
    before, memory = handles(busy), memory_mb(busy)
    statuses = []
    bodies = [
        (b"[" * MB, 400),
        (b'{"a":' * 150_000, 400),
        (b'{"ticker": "' + b"A" * (MB - 100) + b'"}', 400),
        (b'{"ticker": ' + b"9" * 500_000 + b"}", 400),
        (b"{" + b",".join(b'"k%d": 1' % at for at in range(60_000)) + b"}", 400),
        (b" " * 50 * MB, 413),
    ]
    for body, status in bodies:
        since = time.perf_counter()
        with closing(connect(busy)) as wire:
            wire.sendall(f"{HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            said = b"".join(iter(lambda: wire.recv(65_536), b""))
        statuses.append((int(said.split()[1]), time.perf_counter() - since < 5.0, len(said) < 4_096))
        assert statuses[-1] == (status, True, True), (body[:20], statuses[-1])
    with closing(connect(busy)) as wire, pytest.raises(OSError):  # noqa: PT011  (closed or reset, as the system has it)
        send_without_end(wire)

    assert p95_s(busy) <= 1.0
    assert memory_mb(busy) <= memory + 64
    assert come_back(busy, before)
