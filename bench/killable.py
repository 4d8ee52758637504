"""A process that forks workers which kill themselves at a named point: the other half of ``kills.py``.

``python bench/killable.py``: each line on stdin is a JSON object; a worker is forked for it, its process id printed.
``python bench/killable.py '{...}'``: be that worker, from a fresh start of Python on. The object:

    {"home", "env", "request": {"tickers", "start", "end", "timespan"}, "export": PATH, "stage", "moment", "nth"}

The worker opens an engine, submits the request unless that was done, works until the job is over, exports its rows and
writes ``ended``. At the ``nth`` step of ``stage`` it kills itself; ``stage`` "any" counts every step. What it reached
it writes to ``home/../marks``: one line each, with the time since boot.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.interposed import interpose

RETRIES = 3


class Assassin:
    """Counts the steps of one stage and ends the process at the ``nth``. Thread-safe."""

    def __init__(self, order: dict[str, Any], marks: Path) -> None:
        self._stage, self._moment, self._left = order.get("stage"), order.get("moment"), order.get("nth", 0)
        self._marks, self._lock, self._committed = marks, threading.Lock(), False

    def __call__(self, stage: str, moment: str) -> None:
        if (stage, moment) == ("commit", "after") and not self._committed:
            self._committed = True
            self.mark("commit")
        if self._stage not in (stage, "any") or (self._moment and self._stage != "any" and self._moment != moment):
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                self.mark(f"killed {stage} {moment}")
                os.kill(os.getpid(), signal.SIGKILL)

    def mark(self, what: str) -> None:
        """Write down that something was reached."""
        with self._marks.open("a") as out:
            out.write(f"{time.clock_gettime(time.CLOCK_BOOTTIME)} {os.getpid()} {what}\n")


def work(order: dict[str, Any]) -> None:
    """Do what the order says, until it is done or the process dead."""
    os.environ.update(order["env"])
    home = Path(order["home"])
    assassin = Assassin(order, home.parent / "marks")
    interpose(assassin)
    from redline.engine import open_engine
    from redline.market.bar import BarSpec, Timespan
    from redline.market.request import Adjust, BarsQuery, DownloadRequest, Format

    asked = order["request"]
    spec = BarSpec(Timespan(asked["timespan"]))
    first, last = date.fromisoformat(asked["start"]), date.fromisoformat(asked["end"])
    tickers = tuple(asked["tickers"])
    engine = open_engine()
    job = engine.submit(DownloadRequest(tickers, first, last, spec=spec), idempotency_key=f"kills-{home.parent.name}")
    retries = RETRIES
    while not job.ended or (job.state.value in ("incomplete", "failed") and retries):
        if job.ended:
            retries -= 1
            engine.retry(job.job_id)
        job = engine.wait(job.job_id, 5)
    target = Path(order["export"])
    engine.write(engine.bars(BarsQuery(tickers, first, last, spec, Adjust.NONE)), Format.CSV, target)
    engine.close()
    assassin.mark(f"ended {job.state.value}")


def main() -> None:
    """Load all that is slow once, then fork a worker for each line; or be one worker."""
    if len(sys.argv) > 1:
        work(json.loads(sys.argv[1]))
        return
    import deltalake
    import exchange_calendars

    import redline.downloaders.massive_downloader
    import redline.engine.core
    from redline.market.calendar import TradingCalendar

    loaded = (deltalake, exchange_calendars, redline.downloaders.massive_downloader, redline.engine.core)
    TradingCalendar(date(2024, 12, 31)).sessions(date(2024, 1, 2), date(2024, 1, 3))
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", len(loaded), flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(json.loads(line))
                code = 0
            finally:
                os._exit(code)
        print(child, flush=True)


if __name__ == "__main__":
    main()
