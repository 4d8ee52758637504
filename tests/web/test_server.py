"""The server itself, over real sockets: what it refuses before the app is asked, how it stops, what it withstands."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from flask import Flask

from redline.errors import ConfigError
from redline.web.server import Server
from tests.web.standin import StandInEngine
from tests.web.test_headers import WANTED

Run = Callable[[Flask], Server]
ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys, tempfile
from pathlib import Path
from redline.web.application import create_app
from redline.web.server import serve
from tests.web.standin import StandInEngine
engine = StandInEngine(Path(tempfile.mkdtemp()))
engine.hold()
sys.exit(serve(create_app(engine), "127.0.0.1", int(sys.argv[1])))
"""


def say(server: Server, text: bytes) -> bytes:
    """Send raw bytes and read until the server closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as wire:
        wire.sendall(text)
        pieces = []
        while piece := wire.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (b"GET / HTTP/1.1\r\nbroken header\r\n\r\n", 400),
        (b"get / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n", 413),
        (b"GET /budget HTTP/1.1\r\nConnection: close\r\n\r\n", 421),
        (b"GET /budget HTTP/1.0\r\n\r\n", 421),
        (b"GET /budget HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        (b"GET http://evil.example/budget HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 421),
        (b"GET http://localhost/budget HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", 421),
        (b"GET http://localhost/budget HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
        (b"GET //evil.example/budget HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /budget HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 200),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_each_answer_of_the_server_itself_has_shape_and_headers(
    app: Flask, run_server: Run, text: bytes, status: int
) -> None:
    answer = say(run_server(app), text).decode()

    head, _, body = answer.partition("\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    assert head.split()[1] == str(status)
    assert {name: headers.get(name) for name in WANTED} == WANTED
    assert "Server" not in headers
    assert "waitress" not in answer.lower()
    assert status in (200, 404, 421) or re.fullmatch(r'\{"error":".+\.","code":"\w+","hint":".+"\}', body)


def test_a_50_mb_body_is_read_to_its_end_and_answered_413(app: Flask, engine: StandInEngine, run_server: Run) -> None:
    server = run_server(app)

    answer = requests.post(
        f"{server.address}/download", data=b" " * 50_000_000, headers={"Content-Type": "application/json"}, timeout=20
    )

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert not engine.calls


def test_a_form_over_https_behind_a_proxy_gets_the_host_cookie(app: Flask, run_server: Run) -> None:
    address = run_server(app).address

    plain = requests.get(address, timeout=10)
    secure = requests.get(address, headers={"X-Forwarded-Proto": "https"}, timeout=10)

    assert plain.headers["Set-Cookie"].startswith("redline=")
    assert secure.headers["Set-Cookie"].startswith("__Host-redline=")
    assert "Secure" in secure.headers["Set-Cookie"]


def test_a_file_is_sent_whole_and_removed(app: Flask, engine: StandInEngine, run_server: Run) -> None:
    server = run_server(app)

    answer = requests.get(f"{server.address}/data/bars?ticker=AAPL&format=csv", timeout=10)

    assert answer.content == b"ticker\nAAPL"
    assert answer.headers["Content-Length"] == "11"
    until = time.monotonic() + 5
    while list(engine.folder.iterdir()) and time.monotonic() < until:
        time.sleep(0.01)  # The main loop closes the file after the last byte is sent.
    assert list(engine.folder.iterdir()) == []


def test_a_port_in_use_is_a_clear_message_and_exit_code_2(app: Flask, run_server: Run) -> None:
    port = run_server(app).port

    with pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1 is in use"):
        Server(app, "127.0.0.1", port)
    second = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(port)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert second.returncode == 2
    assert second.stderr.startswith(f"Port {port} of 127.0.0.1 is in use. ")
    assert "Traceback" not in second.stderr


@pytest.fixture
def program() -> Iterator[subprocess.Popen[str]]:
    """The server as a process of its own; killed at the end whatever happened."""
    command = [sys.executable, "-c", PROGRAM, "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_streams_and_waits_within_5_s(program: subprocess.Popen[str], stop: signal.Signals) -> None:
    assert program.stdout is not None
    address = program.stdout.readline().removeprefix("REDLINE is at ").strip()
    ask, later = {"ticker": "AAPL"}, {"Prefer": "respond-async"}
    job_id = requests.post(f"{address}/download", json=ask, headers=later, timeout=10).json()["job_id"]
    with (
        requests.get(f"{address}/jobs/{job_id}/events", stream=True, timeout=10) as stream,
        socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])), timeout=10) as waiting,
    ):
        lines = stream.iter_lines()
        next(lines)
        body = b'{"ticker": "IBM"}'
        head = f"POST /download HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        waiting.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        time.sleep(0.5)  # It waits for its job now.

        began = time.monotonic()
        os.kill(program.pid, stop)
        assert program.wait(10) == 0
        assert time.monotonic() - began < 5
        assert waiting.recv(4_096).startswith(b"HTTP/1.1 202")
        assert list(lines)  # The stream has an end.


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_work_that_does_not_end_is_left_in_time(stop: signal.Signals) -> None:
    """What follows ``serve`` (a commit in flight, a closing store) may never end; the process is gone all the same."""
    never = PROGRAM + "import threading; threading.Event().wait()"
    command = [sys.executable, "-c", never.replace("sys.exit(serve(", "print(serve("), "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            running.stdout.readline()
            began = time.monotonic()
            os.kill(running.pid, stop)
            assert running.wait(10) == 0
            assert time.monotonic() - began < 5
        finally:
            running.kill()


def test_500_slow_sockets_and_100_streams_leave_the_page_quick(
    app: Flask, engine: StandInEngine, run_server: Run
) -> None:
    engine.hold()
    server = run_server(app)
    answer = requests.post(
        f"{server.address}/download", json={"ticker": "AAPL"}, headers={"Prefer": "respond-async"}, timeout=10
    )
    job_id = answer.json()["job_id"]
    with ExitStack() as open_sockets:

        def connect(text: str) -> None:
            wire = open_sockets.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            wire.sendall(text.encode())

        for _ in range(300):  # Fewer than 500, for the test process holds the other end of each too (limit 1,024).
            connect("GET /budget HTTP/1.1\r\nHost: loc")
        for _ in range(100):
            connect(f"GET /jobs/{job_id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        spent_s = []
        for _ in range(20):
            began = time.monotonic()
            assert requests.get(f"{server.address}/budget", timeout=10).status_code == 200
            spent_s.append(time.monotonic() - began)

    assert sorted(spent_s)[18] < 2.0


def test_a_request_that_drips_is_cut_and_a_fresh_one_is_not(app: Flask, run_server: Run) -> None:
    server = run_server(app)
    (listener,) = server._listeners
    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as dripping,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as fresh,
    ):
        dripping.sendall(b"GET /budget HTTP/1.1\r\n")
        until = time.monotonic() + 5
        while not any(one.request for one in listener.active_channels.values()) and time.monotonic() < until:
            time.sleep(0.01)
        listener.maintenance(time.time())
        dripping.sendall(b"Host: loc")
        fresh.sendall(b"GET /budget HTTP/1.1\r\nHost: localhost\r\n")
        time.sleep(0.1)
        listener.maintenance(time.time())
        fresh.sendall(b"\r\n")

        assert dripping.recv(100) == b""
        assert fresh.recv(100).startswith(b"HTTP/1.1 200")
