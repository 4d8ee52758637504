"""A process that forks workers on command, so that killing one costs no start-up time.

``python -m tests.jobs.killed HOME``: each line on stdin forks a child that works on the jobs of HOME until nothing is
left; its process id is printed. The parent imports and loads all that is slow, and touches neither store nor ledger.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from datetime import date
from pathlib import Path

import deltalake
import exchange_calendars

from redline.clock import SystemClock, Watch
from redline.jobs.ledger import JobLedger
from redline.jobs.runner import Runner
from redline.store import Store
from tests.jobs import vendor
from tests.jobs.vendor import Vendor, VendorDownloader

PAGE_SESSIONS = 20


class LoggedVendor(Vendor):
    """A source whose requests are written to a file, for they have to outlive the process."""

    def __init__(self, log: Path) -> None:
        super().__init__(page_sessions=PAGE_SESSIONS)
        self.log = log

    def request(self, what: str, watch: Watch) -> None:
        with self.log.open("a") as out:
            out.write(f"{what}\n")
        super().request(what, watch)


def work(home: Path) -> None:
    """Work until no job is open, then return."""
    clock = SystemClock()
    store = Store(home, clock, vendor.CALENDAR)
    ledger = JobLedger(home / "jobs.db", clock)
    source = LoggedVendor(home / "requests.log")
    runner = Runner(
        ledger, store, lambda job: VendorDownloader(source), clock, vendor.CALENDAR, rng=random.Random(os.getpid())
    )
    runner.start()
    for job in ledger.views(10):
        while not runner.wait(job.job_id, 1).ended:
            pass
    runner.stop()


def main(home: Path) -> None:
    vendor.CALENDAR.sessions(date(2024, 1, 2), date(2024, 1, 3))
    assert deltalake
    assert exchange_calendars
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            threading.excepthook = lambda args: os._exit(3)
            work(home)
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
