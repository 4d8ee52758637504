"""Tools for tests, ours and yours: a clock that obeys, and the emulator as a context manager."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests


class FakeClock:
    """A clock that moves only when somebody sleeps or ``advance`` is called; it records each sleep in ``slept``.

    Thread-safe. Wall time and time since boot move together; ``jump_wall`` moves the wall time alone, as a
    correction of the machine's clock does.
    """

    def __init__(self, now: datetime = datetime(2024, 6, 3, 15, 0, tzinfo=UTC), boot_id: str = "test-boot") -> None:
        self._now = now
        self._since_boot = 1_000.0
        self._boot_id = boot_id
        self._lock = threading.Lock()
        self.slept: list[float] = []

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def since_boot(self) -> float:
        with self._lock:
            return self._since_boot

    def boot_id(self) -> str:
        return self._boot_id

    def sleep(self, seconds: float, cancel: threading.Event | None = None) -> bool:
        if cancel is not None and cancel.is_set():
            return True
        if seconds > 0:
            self.slept.append(seconds)
            self.advance(seconds)
        return False

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass for everybody."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._since_boot += seconds

    def jump_wall(self, seconds: float) -> None:
        """Set the wall clock forward (or back, when negative); the time since boot goes on undisturbed."""
        with self._lock:
            self._now += timedelta(seconds=seconds)


class Emulator:
    """The emulator as a process of its own, for a ``with`` block.

    ``rest`` (Massive's), ``yahoo``, ``stooq`` and ``control`` are its addresses.
    ``data`` is a folder like ``market-data/`` (``None``: the demo market); ``arguments`` are further options of
    ``python -m redline.emulator``, with absolute paths.
    """

    def __init__(
        self,
        data: Path | None = None,
        *arguments: str,
        plan: str = "advanced",
        key: str | None = None,
        now: str | None = None,
        port: int = 0,
    ) -> None:
        options = {"--data": data and Path(data).resolve(), "--plan": plan, "--key": key, "--now": now, "--port": port}
        given = [text for name, value in options.items() if value is not None for text in (name, str(value))]
        command = [sys.executable, "-m", "redline.emulator", "--stop-with-stdin", *given, *arguments]
        pipe = subprocess.PIPE  # the emulator ends with standard input: it outlives no killed test run
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=Path(__file__).parents[1])
        assert self._process.stdout is not None  # noqa: S101  a pipe was asked for
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the emulator did not start; exit code {self.stop()}")
        self.addresses: dict[str, Any] = json.loads(line)
        self.rest: str = self.addresses["rest"]
        self.yahoo: str = self.addresses["yahoo"]
        self.stooq: str = self.addresses["stooq"]
        self.control: str = self.addresses["control"]

    def __enter__(self) -> Emulator:
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def ledger(self, *, since: int = 0, rows: bool = False) -> list[dict[str, Any]]:
        """Return every request in order of arrival; with ``rows`` also the key of each row served."""
        answer = self._call("GET", f"/ledger?since={since}&rows={int(rows)}")
        return list(answer["requests"])

    def faults(self, faults: list[dict[str, Any]]) -> None:
        """Add scripted faults: ``docs/emulator.md``."""
        self._call("POST", "/faults", faults)

    def faults_state(self) -> list[dict[str, Any]]:
        """Return the faults in force with how often each was ``seen`` and ``fired``."""
        return list(self._call("GET", "/faults")["faults"])

    def clear_faults(self) -> None:
        """Remove all faults."""
        self._call("DELETE", "/faults")

    def reset(self) -> None:
        """Forget ledger, faults, revoked keys and counts; back to the plan and faults of the start."""
        self._call("POST", "/reset")

    def plan(self, name: str, *, calls: int | None = None, window_s: float = 60.0, key: str | None = None) -> None:
        """Set the plan of all keys, or of one; ``calls`` in any ``window_s`` overrides its limit."""
        self._call("POST", "/plan", {"plan": name, "calls": calls, "window_s": window_s, "key": key})

    def stop(self) -> int:
        """Stop the process and return its exit code. May be called twice."""
        self._process.terminate()
        code = self._process.wait(timeout=10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        return code

    def _call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        answer = requests.request(method, self.control + path, json=body, timeout=30)
        if answer.status_code != 200:
            raise ValueError(f"the emulator's control said: {answer.json()['error']}")
        found: dict[str, Any] = answer.json()
        return found
