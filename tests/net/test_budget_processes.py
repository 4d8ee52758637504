"""The budget between real processes, with real clocks, over real sockets; some are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .vendor import Reply, Vendor, most_in_any_window

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


@contextmanager
def senders(
    count: int, file: Path, vendor: Vendor, limit: int, window_s: float
) -> Iterator[list[subprocess.Popen[bytes]]]:
    words = [str(file), vendor.origin, str(limit), str(window_s), "3"]
    script = str(Path(__file__).with_name("sender.py"))
    running = [subprocess.Popen([sys.executable, script, *words], env=ENVIRONMENT) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def wait_for(vendor: Vendor, requests: int, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while len(vendor.asked) < requests and time.monotonic() < end:
        time.sleep(0.02)
    assert len(vendor.asked) >= requests


def test_processes_killed_while_they_send_never_break_the_limit_and_their_slots_come_back(
    vendor: Vendor, tmp_path: Path
) -> None:
    chance = random.Random(5)
    vendor.script = lambda n, path: Reply(delay_s=chance.uniform(0, 0.1))
    limit, window_s = 6, 0.6
    with senders(3, tmp_path / "budgets.db", vendor, limit, window_s) as running:
        wait_for(vendor, 12)
        for victim in running[:2]:
            os.kill(victim.pid, signal.SIGKILL)
            asked = len(vendor.asked)
            wait_for(vendor, asked + 12)
        time.sleep(window_s * 2)
        before = len(vendor.asked)
        begun = time.monotonic()
        wait_for(vendor, before + 4 * limit)
        took_s = time.monotonic() - begun

    assert most_in_any_window([asked.at for asked in vendor.asked], window_s) <= limit
    assert took_s < 4 * (window_s + 0.1) * 2  # the survivor has all the slots again: three threads, six slots


def test_the_slots_of_a_killed_process_are_found_by_one_that_starts_after_it(vendor: Vendor, tmp_path: Path) -> None:
    vendor.script = lambda n, path: Reply(delay_s=5 if n <= 2 else 0)
    file, window_s = tmp_path / "budgets.db", 0.5
    with senders(1, file, vendor, 2, window_s):
        wait_for(vendor, 2)  # both slots are on the wire, and stay there
    with senders(1, file, vendor, 2, window_s):
        wait_for(vendor, 4)

    assert most_in_any_window([asked.at for asked in vendor.asked], window_s) <= 2


def test_the_bench_finds_no_call_over_the_limit_and_fair_shares() -> None:
    words = ["--calls", "80", "--limit", "10", "--window", "0.8", "--delay", "0.1", "--threads", "4"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "budget.py"), *words], capture_output=True, check=True, env=ENVIRONMENT
    )

    found = json.loads(done.stdout)
    assert Counter(found["exit_codes"]) == {0: 4}
    assert found["n"] == 80
    assert found["over"] == 0
    assert min(found["process_shares"]) >= 0.15
