"""One store with its jobs: the real one, or that of the demo. They never mix (design 4.2)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from redline.clock import Clock
from redline.downloaders.base_downloader import BaseDownloader
from redline.jobs.daily import Update
from redline.jobs.job import JobRecord
from redline.jobs.ledger import JobLedger
from redline.jobs.runner import Runner
from redline.jobs.worker import Replan
from redline.market.calendar import TradingCalendar
from redline.store import Store

JOBS_FILE = "jobs.db"


class Workspace:
    """The store, the ledger of jobs and the workers below ``home``."""

    def __init__(
        self,
        home: Path,
        clock: Clock,
        calendar: TradingCalendar,
        downloader_for: Callable[[JobRecord], BaseDownloader],
        *,
        work: bool,
        demo: bool = False,
        replan: Replan | None = None,
        update: Update | None = None,
    ) -> None:
        """Open it. ``replan`` plans a job whose universe has become known; ``update`` submits a collection's job."""
        self.home, self.demo = home, demo
        self.store = Store(home, clock, calendar)
        self.ledger = JobLedger(home / JOBS_FILE, clock)
        self.runner = Runner(
            self.ledger, self.store, downloader_for, clock, calendar=calendar, replan=replan, update=update
        )
        if work:
            self.runner.start()

    def close(self) -> None:
        """Stop the workers (unfinished parts go back to the queue) and close the files."""
        self.runner.stop()
        self.ledger.close()
        self.store.close()
