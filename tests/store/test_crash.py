"""kill -9 at random moments, and several processes at once: nothing lost, nothing doubled, no file torn (P1)."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from redline.clock import SystemClock
from redline.market.bar import DAILY
from redline.market.request import Dataset
from redline.market.session import SessionState
from redline.store import Store
from tests.store.samples import CALENDAR
from tests.store.writer import DAYS, closes, deliveries

ROOT = Path(__file__).parents[2]
KILLS = 12
SEED = 20_240_603


def start(home: Path, ticker: str, number: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.store.writer", str(home), ticker, str(number)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def held(store: Store, ticker: str) -> dict[date, float]:
    rows = store.bars_table((ticker,))
    days = rows["date"].to_pylist()
    assert len(days) == len(set(days)), "a bar is held twice"
    return dict(zip(days, rows["close"].to_pylist(), strict=True))


def test_kill_at_any_moment_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance = random.Random(SEED)
    said = -1
    for _ in range(KILLS):
        process = start(tmp_path, "A", said + 1)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randint(1, 4))]  # "open", then finished commits
        time.sleep(chance.uniform(0.0, 0.04))
        process.kill()
        lines = ["".join(lines[1:]), process.stdout.read().replace("open", "")]
        process.stdout.close()
        process.wait()
        said = max([said, *(int(word) for line in lines for word in line.split())])

        store = Store(tmp_path, SystemClock(), CALENDAR)
        # What was acknowledged is there, or the one commit after it whose word did not get out.
        found = held(store, "A")
        assert found in (closes(said) if said >= 0 else {}, closes(said + 1)), f"seed {SEED}"
        said += found == closes(said + 1)
        assert store.verify() == []
        assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp") or "#" in path.name]
        statuses = store.statuses("massive", DAILY, "A", DAYS[0], DAYS[-1], SystemClock().now())
        assert {one.session for one in statuses if one.state is SessionState.STORED} == set(found)
        assert [one.rows for one in store.held()] == ([len(found)] if found else [])
        store.close()
    assert said > KILLS / 2, "too few commits for the kills to have met one"


def test_kill_inside_a_commit_of_many_shows_all_of_it_or_nothing(tmp_path: Path) -> None:
    tickers, chance, said = ("A", "B", "C", "D", "E"), random.Random(SEED), -1
    for _ in range(KILLS // 2):
        process = start(tmp_path, ",".join(tickers), said + 1)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randint(1, 3))]  # "open", then finished commits
        time.sleep(chance.uniform(0.0, 0.06))
        process.kill()
        lines = ["".join(lines[1:]), process.stdout.read().replace("open", "")]
        process.stdout.close()
        process.wait()
        said = max([said, *(int(word) for line in lines for word in line.split())])

        store = Store(tmp_path, SystemClock(), CALENDAR)
        found = held(store, "A")
        assert found in (closes(said) if said >= 0 else {}, closes(said + 1)), f"seed {SEED}"
        assert [held(store, one) for one in tickers] == [found] * len(tickers), f"seed {SEED}"
        said += found == closes(said + 1)
        assert store.verify() == []
        assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".tmp") or "#" in path.name]
        everyone = store.statuses_many("massive", DAILY, tickers, DAYS[0], DAYS[-1], SystemClock().now())
        for statuses in everyone.values():
            assert {one.session for one in statuses if one.state is SessionState.STORED} == set(found)
        assert {one.ticker: one.rows for one in store.held()} == (dict.fromkeys(tickers, len(found)) if found else {})
        store.close()
    assert said >= KILLS // 4, "too few commits for the kills to have met one"


@pytest.mark.parametrize("number", [0, 1], ids=["pages", "whole market"])
def test_commit_of_many_without_its_marks_is_marked_by_the_next_start(tmp_path: Path, number: int) -> None:
    """The table's entry is the commit: what a kill right after it left out of the ledger is made up for."""
    tickers = [f"T{at:02d}" for at in range(30)]  # More than the log records in plain text.
    store = Store(tmp_path, SystemClock(), CALENDAR)
    ledger = tmp_path / "store" / "ledger.db"
    before = sqlite3.connect(ledger)
    store.commit_many(deliveries(tickers, number))
    expected = [(one.ticker, one.rows) for one in store.held()]
    for table in ("asked", "held", "since", "applied"):
        before.execute(f"DELETE FROM {table}")
    before.commit()
    before.close()
    store.close()

    again = Store(tmp_path, SystemClock(), CALENDAR)

    assert (
        [(one.ticker, one.rows) for one in again.held()] == expected == [(one, len(closes(number))) for one in tickers]
    )
    assert again.verify() == []
    again.close()


def test_commit_without_its_mark_is_marked_by_the_next_start(tmp_path: Path) -> None:
    process = start(tmp_path, "A", 0)
    assert process.stdout is not None
    while process.stdout.readline() != "0\n":
        pass
    process.kill()
    process.communicate()
    (tmp_path / "store" / "ledger.db").unlink()
    for beside in ("-wal", "-shm"):
        (tmp_path / "store" / f"ledger.db{beside}").unlink(missing_ok=True)

    store = Store(tmp_path, SystemClock(), CALENDAR)

    found = held(store, "A")
    statuses = store.statuses("massive", DAILY, "A", DAYS[0], DAYS[-1], SystemClock().now())
    assert {one.session for one in statuses if one.state is SessionState.STORED} == set(found)
    assert [(one.ticker, one.rows) for one in store.held()] == [("A", len(found))]
    store.close()


def test_damaged_ledger_is_put_aside_and_made_again_from_the_log(tmp_path: Path) -> None:
    process = start(tmp_path, "A", 0)
    assert process.stdout is not None
    while process.stdout.readline() != "0\n":
        pass
    process.kill()
    process.communicate()
    (tmp_path / "store" / "ledger.db").write_bytes(b"this is no database" * 500)
    (tmp_path / "store" / "ledger.db-wal").unlink(missing_ok=True)

    store = Store(tmp_path, SystemClock(), CALENDAR)

    assert [one.rows for one in store.held()] == [len(held(store, "A"))]
    assert (tmp_path / "store" / "ledger.damaged").exists()
    store.close()


def test_two_processes_at_once_lose_nothing(tmp_path: Path) -> None:
    Store(tmp_path, SystemClock(), CALENDAR).close()
    writers = [start(tmp_path, ticker, 0) for ticker in ("A", "B", "A")]
    said: list[list[int]] = []
    for process in writers:  # Each is at work from here on; the others go on meanwhile.
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        said.append([int(process.stdout.readline()) for _ in range(5)])
    for process, done in zip(writers, said, strict=True):
        assert process.stdout is not None
        process.kill()
        done += [int(line) for line in process.stdout.read().split()]
        process.stdout.close()
        process.wait()

    store = Store(tmp_path, SystemClock(), CALENDAR)

    assert store.verify() == []
    assert held(store, "B") in (closes(max(said[1])), closes(max(said[1]) + 1))
    last_of_a = {max(said[0]), max(said[0]) + 1, max(said[2]), max(said[2]) + 1}
    assert held(store, "A") in [closes(one) for one in last_of_a]
    versions = store._tables[Dataset.BARS].snapshot().version
    # Of the two that write A, one may find that the other has just committed the same rows, which makes no version.
    assert max(len(said[0]), len(said[2])) + len(said[1]) <= versions
    store.close()
