"""What a nemesis happens to: folders, an emulator, a server, two workers, and the counts of what was seen."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.generated_market import tickers_of
from redline.testing import Emulator

ROOT = Path(__file__).parents[1]
KEY = "nemesisKey00000000000001"
RATE, LIMIT = 10.0, 150
WINDOW_S = 60.0 / RATE
TICKERS, START, END = tickers_of(80), date(2024, 1, 2), date(2024, 12, 31)
MINUTES, MINUTES_START = TICKERS[:4], date(2024, 11, 1)


@dataclass(slots=True)
class World:
    """The folders, the emulator and what is counted. Counters are changed under ``lock``."""

    folder: Path
    emulator: Emulator
    port: int
    fired: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    hurt_at: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def control(self) -> Path:
        return self.folder / "control"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def env(self) -> dict[str, str]:
        plain = {
            name: value for name, value in os.environ.items() if not name.startswith(("REDLINE_", "MASSIVE_", "XDG_"))
        }
        return {
            **plain,
            "HOME": str(self.folder / "user"),
            "REDLINE_HOME": str(self.home),
            "REDLINE_STATE_DIR": str(self.folder / "state"),
            "REDLINE_CONFIG_DIR": str(self.folder / "config"),
            "REDLINE_PORT": str(self.port),
            "MASSIVE_API_BASE_URL": self.emulator.rest,
        }

    def start(self, *verb: str, log: str) -> subprocess.Popen[bytes]:
        """Start a process of REDLINE whose words go to ``log``."""
        command = [sys.executable, str(ROOT / "bench" / "chaos.py"), str(self.control), str(RATE), *verb]
        with (self.folder / f"{log}.log").open("ab") as out:
            return subprocess.Popen(command, cwd=ROOT, env=self.env(), stdin=subprocess.PIPE, stdout=out, stderr=out)

    def count(self, what: str, *, fired: bool = False) -> None:
        with self.lock:
            (self.fired if fired else self.done)[what] += 1

    def hurt(self) -> None:
        """Note the moment from which a recovery is counted, if there is anything to do."""
        if self._jobs("SELECT id FROM jobs WHERE open_key IS NOT NULL AND stage = 'open'"):
            self.hurt_at.append(time.time())

    def job_ids(self) -> list[str]:
        """Return every job of the ledger, also those whose answer never reached a client."""
        return self._jobs("SELECT id FROM jobs")

    def _jobs(self, query: str) -> list[str]:
        with contextlib.closing(sqlite3.connect(f"file:{self.home / 'jobs.db'}?mode=ro", uri=True)) as link:
            return [str(row[0]) for row in link.execute(query)]

    def error(self, text: str) -> None:
        with self.lock:
            self.errors.append(text[:400])


class Crew:
    """The server and the workers: killed, and started again. Also watches how much memory they take."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._verbs = {"server": ("serve",), "worker-1": ("work",), "worker-2": ("work",)}
        self._alive: dict[str, subprocess.Popen[bytes]] = {}
        self._again: dict[str, float] = {}
        self.memory_mb: Counter[str] = Counter()
        for name in self._verbs:
            self._start(name)

    def _start(self, name: str) -> None:
        self._alive[name] = self._world.start(*self._verbs[name], log=name)

    def kill(self, name: str, rng: random.Random) -> None:
        """``kill -9``; it comes back within a second."""
        process = self._alive.get(name)
        if process is None or process.poll() is not None:
            return
        self._measure(name, process)
        process.send_signal(signal.SIGKILL)
        ended(process)
        self._world.hurt()
        del self._alive[name]
        self._again[name] = time.monotonic() + rng.uniform(0.0, 1.0)

    def keep_up(self) -> None:
        """Start what is due; what ended by itself is started too, after half a second."""
        for name, process in list(self._alive.items()):
            if process.poll() is not None:
                self._world.count(f"ended by itself: {name}")
                ended(process)
                del self._alive[name]
                self._again[name] = time.monotonic() + 0.5
            else:
                self._measure(name, process)
        for name, at in list(self._again.items()):
            if at <= time.monotonic():
                del self._again[name]
                self._start(name)

    def _measure(self, name: str, process: subprocess.Popen[bytes]) -> None:
        with suppress(OSError, AttributeError):
            text = Path(f"/proc/{process.pid}/status").read_text()
            peak = re.search(r"VmHWM:\s+(\d+) kB", text)
            self.memory_mb[name] = max(self.memory_mb[name], int(peak[1]) // 1024 if peak else 0)

    def stop(self) -> dict[str, int]:
        """End all as a user would; return the exit codes that are not 0."""
        for name, process in self._alive.items():
            self._measure(name, process)
            if name == "server":
                process.terminate()
            elif process.stdin:
                process.stdin.close()
        codes = {}
        for name, process in self._alive.items():
            try:
                codes[name] = process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                codes[name] = process.wait()
            ended(process)
        return {name: code for name, code in codes.items() if code}


def ended(process: subprocess.Popen[bytes]) -> None:
    process.wait()
    if process.stdin and not process.stdin.closed:
        with suppress(BrokenPipeError):
            process.stdin.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_server(world: World) -> None:
    for _ in range(600):
        with suppress(requests.RequestException):
            if requests.get(f"{world.address}/healthz", timeout=5).status_code == 200:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not come up: " + (world.folder / "server.log").read_text()[-2_000:])
