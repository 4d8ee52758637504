"""A bench's own installation: new folders, a key with a limit far away, and ``python app.py`` on a free port."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

ROOT = Path(__file__).parents[1]
KEY = "benchKey000000000000001"
LOOK_S = 0.25
ENDED = ("complete", "incomplete", "failed", "cancelled")


class House:
    """A server over folders below ``folder``, for a ``with`` block; it asks the vendor at ``rest``."""

    def __init__(self, folder: Path, rest: str) -> None:
        self.home = folder / "home"
        plain = {
            name: value for name, value in os.environ.items() if not name.startswith(("REDLINE_", "MASSIVE_", "XDG_"))
        }
        self._env = {
            **plain,
            "HOME": str(folder / "user"),
            "REDLINE_HOME": str(self.home),
            "REDLINE_STATE_DIR": str(folder / "state"),
            "REDLINE_CONFIG_DIR": str(folder / "config"),
            "REDLINE_PORT": "0",
            "MASSIVE_API_BASE_URL": rest,
        }
        (folder / "config").mkdir(parents=True)
        saved = {"massive": {"api_key": KEY, "rate_limit_per_minute": 600_000}}
        (folder / "config" / "api_keys.json").write_text(json.dumps(saved))
        self._log = folder / "server.log"
        # A program sends no cookie, and a page's cookie on a program's post is refused: two clients, as in life.
        self._program, self._browser = requests.Session(), requests.Session()

    def __enter__(self) -> House:
        with self._log.open("wb") as out:
            command = [sys.executable, "app.py"]
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._env, stdout=out, stderr=out)
        while not (found := re.search(r"REDLINE is at (\S+)", self._log.read_text())):
            if self._process.poll() is not None:
                raise RuntimeError(self._log.read_text()[-2_000:])
            time.sleep(LOOK_S)
        self.address = found[1].rstrip("/")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._program.close()
        self._browser.close()
        self._process.terminate()
        self._process.wait(30)

    def get(self, path: str) -> requests.Response:
        """Return a good answer to a program; raises when it is none."""
        answer = self._program.get(self.address + path, headers={"Accept": "application/json"}, timeout=120)
        answer.raise_for_status()
        return answer

    def look(self, page: str) -> float:
        """Look at a page as a browser does; return the seconds that it took. Raises when it is none."""
        begun = time.monotonic()
        self._browser.get(self.address + page, headers={"Accept": "text/html"}, timeout=120).raise_for_status()
        return time.monotonic() - begun

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """Return the JSON of a good answer; raises with its text when it is none."""
        answer = self._program.post(self.address + path, json=body, headers={"Accept": "application/json"}, timeout=120)
        if not answer.ok:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, job_id: str) -> dict[str, Any]:
        """Wait until the job has come to its end; return it without the parts about each ticker."""
        while True:
            listed = self.get("/jobs").json()["jobs"]
            job: dict[str, Any] = next(one for one in listed if one["job_id"] == job_id)
            if job["state"] in ENDED:
                return job
            time.sleep(LOOK_S)

    def memory_mb(self) -> int | None:
        """Return the most memory that the server has taken so far; None where the system does not say."""
        try:
            peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{self._process.pid}/status").read_text())
        except OSError:
            return None
        return int(peak[1]) // 1024 if peak else None
