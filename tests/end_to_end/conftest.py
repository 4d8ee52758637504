"""A vendor, a home, a server and a shell, all real: what a person has, with the emulator in the vendor's place."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from redline.clock import SystemClock
from redline.config.settings import load
from redline.engine import Engine
from redline.testing import Emulator
from redline.web.application import create_app

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "market-data"
DEMO = ROOT / "redline" / "emulator" / "market"
KEY = "canary7Key4DoNotLeak9xQz"


@pytest.fixture(scope="session", params=["demo", "shared"])
def folder(request: pytest.FixtureRequest) -> Path:
    """The folder whose rows the vendor serves: the demo market, and real data where it lies beside the checkout."""
    found = {"demo": DEMO, "shared": SHARED}[request.param]
    if not found.exists():
        pytest.skip("there is no market data beside the checkout")
    return found


@pytest.fixture(scope="session")
def vendor(folder: Path) -> Iterator[Emulator]:
    with Emulator(folder, key=KEY) as emulator:
        yield emulator


@dataclass(frozen=True, slots=True)
class Home:
    """The folders of one installation, and its environment."""

    folder: Path
    env: dict[str, str]

    def run(self, *arguments: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m redline`` with arguments."""
        return subprocess.run(
            [sys.executable, "-m", "redline", *arguments],
            cwd=ROOT,
            env={**self.env, **more},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def python(self, code: str) -> Any:
        """Run Python code in a process of its own and return the JSON that it prints."""
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def make_home(folder: Path, **env: str) -> Home:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("REDLINE_", "MASSIVE_", "XDG_"))}
    return Home(
        folder,
        {
            **plain,
            "HOME": str(folder / "user"),
            "REDLINE_HOME": str(folder / "data"),
            "REDLINE_STATE_DIR": str(folder / "state"),
            "REDLINE_CONFIG_DIR": str(folder / "config"),
            "REDLINE_PORT": "0",
            "PYTHONPATH": str(ROOT),
            **env,
        },
    )


@pytest.fixture
def home(tmp_path: Path, vendor: Emulator) -> Home:
    """An installation whose vendor is the emulator; its key is in the environment."""
    vendor.reset()
    return make_home(tmp_path, MASSIVE_API_BASE_URL=vendor.rest, MASSIVE_API_KEY=KEY)


class Server:
    """``python app.py`` as a process, on a free port."""

    def __init__(self, home: Home) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=home.env,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stderr is not None
        lines: list[str] = []
        for line in self._process.stderr:
            lines.append(line)
            if "REDLINE is at" in line:
                self.address = line.split()[-1]
                return
        raise RuntimeError("".join(lines))

    def get(self, path: str, **headers: str) -> requests.Response:
        return requests.get(self.address + path, headers=headers, timeout=60)

    def post(self, path: str, body: object, **headers: str) -> requests.Response:
        return requests.post(self.address + path, json=body, headers=headers, timeout=60)

    def stop(self, how: int = signal.SIGTERM) -> tuple[int, str]:
        """End it; return the exit code and what it still had to say."""
        self._process.send_signal(how)
        _, said = self._process.communicate(timeout=20)
        return self._process.returncode, said


@pytest.fixture
def server(home: Home) -> Iterator[Server]:
    running = Server(home)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def demo_vendor() -> Iterator[Emulator]:
    with Emulator(key=KEY, now="2021-04-22T15:30:00Z") as emulator:
        yield emulator


@pytest.fixture
def engine(tmp_path: Path, demo_vendor: Emulator) -> Iterator[Engine]:
    demo_vendor.reset()
    env = make_home(tmp_path, MASSIVE_API_BASE_URL=demo_vendor.rest, MASSIVE_API_KEY=KEY).env
    with Engine(load(env, cwd=tmp_path), SystemClock()) as made:
        yield made


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return create_app(engine).test_client()
