"""The demo market as a process beside us: the emulator, started when somebody without a key needs it.

It is a process and not an import, so that the imitation of the vendor is reached over HTTP like the vendor itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import date
from types import TracebackType


def without_secrets() -> dict[str, str]:
    """Return the environment for a process that needs no key: without anything that sounds like a secret."""
    words = ("KEY", "PASSW", "SECRET", "TOKEN", "CREDENTIAL")
    return {name: value for name, value in os.environ.items() if not any(word in name.upper() for word in words)}


class DemoMarket:
    """Starts ``python -m redline.emulator`` at the first call and stops it with us. Thread-safe.

    ``last_session``: the last one of the demo market, where its default dates end; ``tickers``: all that it has.
    """

    last_session = date(2021, 4, 21)
    tickers: tuple[str, ...] = ("AAPL", "AMZN", "DIS", "IBM", "INTC", "JNJ", "JPM", "KO", "MSFT", "PG", "WMT", "XOM")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._address = ""

    def __call__(self) -> str:
        """Return the address of the demo's REST service, such as ``http://127.0.0.1:40123``.

        Raises:
            RuntimeError: the emulator did not start.
        """
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._start()
            return self._address

    def _start(self) -> None:
        # The emulator ends when its standard input does: so it never outlives us, whatever kills us.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "redline.emulator", "--port", "0", "--stop-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=without_secrets(),
        )
        assert self._process.stdout is not None  # noqa: S101 - for the type checker; PIPE makes it so
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("The demo market did not start.")
        self._address = str(json.loads(line)["rest"])

    def stop(self) -> None:
        """End the process; nothing happens when none was started."""
        with self._lock:
            if self._process is not None:
                self._process.terminate()
                self._process.wait(timeout=5)
                for pipe in (self._process.stdin, self._process.stdout):
                    if pipe is not None:
                        pipe.close()
                self._process = None

    def __enter__(self) -> DemoMarket:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()
