"""The app as a real process, with its folders, its log and its vendor; nothing in it is replaced."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
import requests

ROOT = Path(__file__).parents[2]
CANARY = "kQ7vCanary4zR9wXb2LmT5dHs8"


def forms(secret: str) -> list[bytes]:
    """Return every form in which a secret is looked for."""
    raw = secret.encode()
    encoded = [base64.b64encode(b"\0" * n + raw)[(n * 8 + 5) // 6 :].rstrip(b"=")[:-1] for n in range(3)]
    escaped = "".join(f"%{byte:02x}" for byte in raw).encode()
    return [raw, raw[:12], raw[::-1], raw.hex().encode(), quote(secret).encode(), escaped, *encoded]


def found_in(haystack: bytes, secret: str = CANARY) -> list[bytes]:
    """Return the forms of a secret that stand in a text."""
    low = haystack.lower()
    return [form for form in forms(secret) if form in haystack or (b"%" in form and form in low)]


def plain_environment() -> dict[str, str]:
    taken_out = ("REDLINE_", "MASSIVE_", "POLYGON_", "XDG_", "FLASK_")
    return {name: value for name, value in os.environ.items() if not name.startswith(taken_out)}


@dataclass
class App:
    """``python app.py`` over a folder of its own; ``env`` is what is set beside the folders."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    umask: int = 0o022
    process: subprocess.Popen[bytes] | None = None
    address: str = ""

    @property
    def environment(self) -> dict[str, str]:
        folders = {
            "HOME": "user",
            "REDLINE_HOME": "new/data",
            "REDLINE_STATE_DIR": "state/x",
            "REDLINE_CONFIG_DIR": "c",
        }
        mine = {name: str(self.folder / path) for name, path in folders.items()}
        return {**plain_environment(), **mine, "PYTHONPATH": str(ROOT), "REDLINE_PORT": "0", **self.env}

    @property
    def said(self) -> Path:
        return self.folder.parent / f"{self.folder.name}.said"

    def start(self) -> App:
        self.folder.mkdir(exist_ok=True)
        before = self.said.stat().st_size if self.said.exists() else 0
        with self.said.open("ab") as said:
            self.process = subprocess.Popen(
                [sys.executable, "app.py"], cwd=ROOT, env=self.environment, stdout=said, stderr=said, umask=self.umask
            )
        while True:
            line = self.said.read_text()[before:].rpartition("\n")[0]
            if "REDLINE is at" in line:
                self.address = line.partition("REDLINE is at ")[2].split()[0]
                return self
            try:
                self.process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
            raise RuntimeError(self.said.read_text())

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(10)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Start it for as long as it lasts: for a start that is to be refused."""
        command = [sys.executable, "app.py", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=30, check=False
        )

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.address + path, headers=headers, timeout=30, allow_redirects=False)

    def post(self, path: str, body: object = None, **headers: str) -> requests.Response:
        return requests.post(self.address + path, json=body, headers=headers, timeout=30, allow_redirects=False)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def texts(self) -> Iterator[tuple[str, bytes]]:
        """Yield every file that the app wrote, and what it said."""
        for path in [self.said, *self.folder.rglob("*")]:
            if path.is_file():
                yield str(path), path.read_bytes()


@dataclass
class Vendor:
    """A vendor that says what the test wants; ``answer`` gives status and body for a path."""

    origin: str = ""
    status: int = 200
    body: bytes = b'{"status": "OK", "results": []}'
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    told = Vendor()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            told.asked.append(self.path)
            self.send_response(told.status)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

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


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """An app that a test starts itself, with the environment that it needs."""
    made = App(tmp_path / "app")
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()
