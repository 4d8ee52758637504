"""A ledger, a store and a runner over a source in memory."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from redline.jobs.job import JobRecord, JobView
from redline.jobs.ledger import JobLedger
from redline.jobs.planner import asked_range, plan
from redline.jobs.runner import Runner
from redline.market.bar import DAILY, BarSpec
from redline.market.part import Plan
from redline.market.request import Dataset, DownloadRequest
from redline.store import Store
from redline.testing import FakeClock
from tests.jobs.vendor import CALENDAR, Vendor, VendorDownloader

NOW = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)
LONG = 1e6  # Seconds that a FakeClock may pass while a test waits for a job.


class World:
    """All that a job needs; the runner starts with the first ``submit`` unless ``asleep``."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.clock = FakeClock(NOW)
        self.vendor = Vendor()
        self.downloader_for: Callable[[JobRecord], VendorDownloader] = lambda job: VendorDownloader(self.vendor)
        self.store = Store(home, self.clock, CALENDAR)
        self.ledger = JobLedger(home / "jobs.db", self.clock, random.Random(7))
        self.runner = self.new_runner()
        self.asleep = False

    def new_runner(self, workers: int = 2, patience_s: float = 300) -> Runner:
        return Runner(
            self.ledger,
            self.store,
            lambda job: self.downloader_for(job),
            self.clock,
            CALENDAR,
            rng=random.Random(7),
            workers=workers,
            patience_s=patience_s,
        )

    def plan(self, request: DownloadRequest) -> Plan:
        start, end = asked_range(request)
        now = self.clock.now()
        return plan(
            request,
            statuses={
                one: self.store.statuses("massive", request.spec, one, start, end, now) for one in request.tickers
            },
            actions_asked={
                (dataset, one): self.store.actions_asked("massive", dataset, one)
                for dataset in (Dataset.SPLITS, Dataset.DIVIDENDS)
                for one in request.tickers
            },
            now=now,
            calendar=CALENDAR,
            calls_for=VendorDownloader(self.vendor).calls_for,
            limit_per_minute=5,
        )

    def submit(self, request: DownloadRequest, sealed_key: str | None = None) -> JobView:
        view = self.runner.submit(request, self.plan(request), sealed_key)
        if not self.asleep:
            self.runner.start()
        return view

    def done(self, request: DownloadRequest) -> JobView:
        """Submit a request and wait for its end."""
        return self.runner.wait(self.submit(request).job_id, LONG)

    def close(self) -> None:
        self.runner.stop()
        self.ledger.close()
        self.store.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def wanted(
    start: str = "2024-01-02",
    end: str = "2024-01-31",
    *,
    ticker: str = "ACME",
    dataset: Dataset = Dataset.BARS,
    adjusted: bool = True,
    spec: BarSpec = DAILY,
) -> DownloadRequest:
    """Return a request for one ticker; by default the 21 sessions of January 2024."""
    return DownloadRequest(
        (ticker,), date.fromisoformat(start), date.fromisoformat(end), dataset=dataset, adjusted=adjusted, spec=spec
    )
