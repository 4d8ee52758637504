"""``kill -9`` of a worker's process at any moment: nothing lost, nothing doubled, nothing to do by hand."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from redline.clock import SystemClock
from redline.jobs.job import JobState
from redline.jobs.ledger import JobLedger
from redline.jobs.planner import plan
from redline.jobs.runner import WORKERS
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState, SessionStatus
from redline.store import Store
from tests.jobs.conftest import wanted
from tests.jobs.killed import PAGE_SESSIONS
from tests.jobs.vendor import CALENDAR, Vendor, VendorDownloader

KILLS = 10
SEED = 20241


class Forge:
    """The process that forks workers."""

    def __init__(self, home: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.jobs.killed", str(home)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert self._said() == "ready"

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def worker(self) -> int:
        """Fork a worker; return its process id."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return int(self._said())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def forge(tmp_path: Path) -> Iterator[Forge]:
    made = Forge(tmp_path)
    yield made
    made.close()


def submit(home: Path, request: DownloadRequest) -> str:
    clock = SystemClock()
    ledger = JobLedger(home / "jobs.db", clock)
    never = [SessionStatus(day, SessionState.NEVER_ASKED) for day in CALENDAR.sessions(request.start, request.end)]
    made = plan(
        request,
        statuses=dict.fromkeys(request.tickers, never),
        actions_asked={},
        now=clock.now(),
        calendar=CALENDAR,
        calls_for=VendorDownloader(Vendor(page_sessions=PAGE_SESSIONS)).calls_for,
        limit_per_minute=None,
    )
    job_id, _ = ledger.submit(request, made)
    ledger.close()
    return job_id


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def await_end(pids: list[int], seconds: float) -> None:
    for _ in range(int(seconds * 20)):
        if all(gone(pid) for pid in pids):
            return
        time.sleep(0.05)
    raise AssertionError("the workers did not come to an end")


def rows(home: Path, ticker: str) -> list[date]:
    store = Store(home, SystemClock(), CALENDAR)
    found: list[date] = store.bars_table((ticker,))["date"].to_pylist()
    store.close()
    return found


def requests(home: Path) -> Counter[str]:
    return Counter((home / "requests.log").read_text().splitlines())


def ended(home: Path, job_id: str) -> tuple[JobState, int, int]:
    ledger = JobLedger(home / "jobs.db", SystemClock())
    view = ledger.view(job_id)
    ledger.close()
    return view.state, view.records, view.parts.done


def test_a_job_killed_again_and_again_ends_complete_with_every_row_once(tmp_path: Path, forge: Forge) -> None:
    request = wanted("2019-06-03", "2024-05-31")
    sessions = CALENDAR.sessions(request.start, request.end)
    job_id = submit(tmp_path, request)
    chance = random.Random(SEED)
    killed = 0
    for _ in range(KILLS):
        pid = forge.worker()
        time.sleep(chance.uniform(0.05, 0.6))
        killed += not gone(pid)
        if not gone(pid):
            os.kill(pid, signal.SIGKILL)

    await_end([forge.worker()], 60)

    assert ended(tmp_path, job_id) == (JobState.COMPLETE, len(sessions), 2)
    assert rows(tmp_path, "ACME") == sessions
    assert killed >= 5, f"seed {SEED}: too few of the kills came before the end"
    pages = -(-len(sessions) // PAGE_SESSIONS)
    asked = sum(requests(tmp_path).values())
    assert asked <= pages + 1 + 2 * killed, f"seed {SEED}: {asked} requests for {pages} pages and {killed} kills"


def test_two_processes_share_the_parts_and_a_killed_one_leaves_its_part_to_the_other(
    tmp_path: Path, forge: Forge
) -> None:
    tickers = ("AAA", "BBB", "CCC", "DDD", "EEE")
    request = DownloadRequest(tickers, date(2023, 6, 1), date(2024, 5, 31), dataset=Dataset.BARS)
    sessions = CALENDAR.sessions(request.start, request.end)
    job_id = submit(tmp_path, request)
    first, second = forge.worker(), forge.worker()
    time.sleep(0.4)
    os.kill(first, signal.SIGKILL)

    await_end([second], 60)

    assert ended(tmp_path, job_id) == (JobState.COMPLETE, len(tickers) * len(sessions), 10)
    assert all(rows(tmp_path, ticker) == sessions for ticker in tickers)
    twice = {what: n for what, n in requests(tmp_path).items() if n > 1}
    assert all(n == 2 for n in twice.values()), f"what was in flight at the kill is asked again, once, but: {twice}"
    assert len(twice) <= WORKERS, f"at most one request a worker was in flight, but: {twice}"
