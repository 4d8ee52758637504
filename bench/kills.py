"""kill -9 at chosen points: nothing lost, nothing doubled, nothing torn, and work goes on within two seconds.

    python bench/kills.py --kills 1000 --seed 1
    python bench/kills.py --kills 30 --seed 7        # what CI runs

Each worker is a process of its own (``bench/killable.py``) over a real emulator. It kills itself at the N-th step of
one stage (``bench/interposed.py``: request, parse, write, fsync, rename, commit, mark, close, budget, export), or in
its start and its recovery at the N-th step of any kind, or is killed from outside at a random moment. The next worker
goes on with what it left. After each kill every visible file is looked at; when a job has ended, the store is held
against the market row by row.

``recovery_s`` runs from the fork of a worker with everything imported to its next commit; ``recovery_fresh_s`` from the
``exec`` of Python, of every tenth worker. One JSON line; exit code 1 when something was found.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.audit import Findings, Wanted, audit, commit_of_this, percentile, torn_files
from bench.generated_market import tickers_of, truth_of, write_market
from redline.testing import Emulator

ROOT = Path(__file__).parents[1]
KEY = "killsKey0000000000000001"
MOMENTS = {
    "write": ("before", "middle", "after"),
    "export": ("before", "middle", "after"),
    **dict.fromkeys(("fsync", "rename", "commit", "mark", "close", "budget", "request", "parse"), ("before", "after")),
}
STAGES = (*MOMENTS, "start", "recovery", "random")
TICKERS, START, END = tickers_of(24), date(2024, 1, 2), date(2024, 6, 28)
MINUTES, MINUTES_START = TICKERS[:3], date(2024, 6, 10)
FRESH_EVERY = 10
A_WHILE_S = 120.0


@dataclass(slots=True)
class Tally:
    """What happened so far."""

    starts: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    recovery: list[float] = field(default_factory=list)
    fresh: list[float] = field(default_factory=list)
    found: Findings = field(default_factory=Findings)
    jobs: int = 0
    requests: int = 0
    broken: list[str] = field(default_factory=list)

    def add(self, one: Findings) -> None:
        for name in ("rows", "served", "lost", "doubled", "wrong", "torn", "unverified"):
            setattr(self.found, name, getattr(self.found, name) + getattr(one, name))
        self.found.examples += one.examples


class Workers:
    """Starts workers: forked from one process that has everything imported, or fresh ones."""

    def __init__(self) -> None:
        self._forge = subprocess.Popen(
            [sys.executable, str(ROOT / "bench" / "killable.py")],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._forge.stdout is not None
        assert self._forge.stdout.readline().startswith("ready")

    def fork(self, order: dict[str, Any]) -> int:
        assert self._forge.stdin is not None
        assert self._forge.stdout is not None
        self._forge.stdin.write(json.dumps(order) + "\n")
        self._forge.stdin.flush()
        return int(self._forge.stdout.readline())

    def fresh(self, order: dict[str, Any]) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, str(ROOT / "bench" / "killable.py"), json.dumps(order)], cwd=ROOT)

    def close(self) -> None:
        assert self._forge.stdin is not None
        self._forge.stdin.close()
        self._forge.wait()
        assert self._forge.stdout is not None
        self._forge.stdout.close()


def boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


class Campaign:
    """One home and one job, killed until it has ended; then the audit."""

    def __init__(self, folder: Path, emulator: Emulator, rng: random.Random, tally: Tally, workers: Workers) -> None:
        self.folder, self._emulator, self._rng, self._tally, self._workers = folder, emulator, rng, tally, workers
        self.home, self.marks, self.out = folder / "home", folder / "marks", folder / "rows.csv"
        self.request = self._job()
        self._starts = 0

    def _job(self) -> dict[str, Any]:
        """One of three shapes: pages of day bars, pages of minutes, and many tickers in few sessions (grouped)."""
        kind, rng = self._rng.choice(("pages", "minutes", "market")), self._rng
        if kind == "minutes":
            return _wanted(rng.sample(MINUTES, 2), MINUTES_START, END, "minute")
        if kind == "pages":
            return _wanted(rng.sample(TICKERS, 6), START, END, "day")
        return _wanted(list(TICKERS), date(2024, 3, 25), date(2024, 4, 5), "day")

    def run(self, truth: Any, most: int) -> None:
        """Kill up to ``most`` workers, let the last one finish, compare."""
        ended = False
        for _ in range(most):
            ended = self._one(self._stage())
            if ended:
                break
        while not ended:
            ended = self._one(None)
        self._tally.jobs += 1
        asked = self.request
        wanted = Wanted(
            tuple(asked["tickers"]),
            asked["timespan"],
            date.fromisoformat(asked["start"]),
            date.fromisoformat(asked["end"]),
        )
        ledger = self._emulator.ledger(rows=True)
        self._tally.requests += len(ledger)
        self._emulator.reset()
        found = audit(self.home, truth, [wanted], ledger)
        expected = len(wanted.rows_of(truth))
        found.torn += not self._export_whole(expected)
        found.rows, found.served = expected if found.clean else found.rows, found.served
        self._tally.add(found)

    def _export_whole(self, rows: int) -> bool:
        text = self.out.read_bytes()
        return text.endswith(b"\n") and text.count(b"\n") == rows + 1

    def _stage(self) -> str:
        """The stage that was met least so far: start first in a new home, recovery never there."""
        usable = [one for one in STAGES if one != ("recovery" if not self._starts else "start")]
        tried = self._tally.kills + self._tally.missed
        least = min(tried[one] for one in usable)
        return self._rng.choice([one for one in usable if tried[one] == least])

    def _one(self, stage: str | None) -> bool:
        """Run one worker to its end or its death; return whether the job is over."""
        order = self._order(stage)
        self._starts += 1
        self._tally.starts += 1
        fresh = self._tally.starts % FRESH_EVERY == 0
        began, seen = boot_s(), self._marked()
        process = self._workers.fresh(order) if fresh else None
        pid = process.pid if process else self._workers.fork(order)
        until = began + (self._rng.uniform(0.0, 0.8) if stage == "random" else A_WHILE_S)
        while alive(pid) and boot_s() < until:
            time.sleep(0.002)
        still = alive(pid)
        if still:
            os.kill(pid, 9)
            while alive(pid):
                time.sleep(0.001)
        if process:
            process.wait()
        said = self._marked()[len(seen) :]
        ended = any(line.split()[2] == "ended" for line in said)
        self._judge(stage, said, still=still, ended=ended)
        first = next((float(line.split()[0]) for line in said if line.split()[2] in ("commit", "ended")), None)
        if self._starts > 1 and first is not None:
            (self._tally.fresh if fresh else self._tally.recovery).append(first - began)
        return ended

    def _order(self, stage: str | None) -> dict[str, Any]:
        order = {"home": str(self.home), "env": self._env(), "request": self.request, "export": str(self.out)}
        if stage in MOMENTS:
            many = {"fsync": 30, "close": 12, "budget": 12, "mark": 4, "commit": 3, "export": 1}.get(str(stage), 6)
            order |= {
                "stage": stage,
                "moment": self._rng.choice(MOMENTS[str(stage)]),
                "nth": self._rng.randint(1, many),
            }
        elif stage in ("start", "recovery"):
            order |= {"stage": "any", "nth": self._rng.randint(1, 40)}
        return order

    def _judge(self, stage: str | None, said: list[str], *, still: bool, ended: bool) -> None:
        tally = self._tally
        killed = still if stage == "random" else any(line.split()[2] == "killed" for line in said)
        if killed and stage:
            tally.kills[stage] += 1
        elif stage:
            tally.missed[stage] += 1
        if not killed and not ended:
            tally.broken.append(f"{stage}: a worker ended before its job did, or hung; {self.folder.name}: {said}")
            if len(tally.broken) > 5:
                raise RuntimeError("\n".join(tally.broken))
        torn = torn_files(self.home)
        tally.found.torn += len(torn)
        tally.found.examples += torn

    def _marked(self) -> list[str]:
        return self.marks.read_text().splitlines() if self.marks.exists() else []

    def _env(self) -> dict[str, str]:
        return {
            "HOME": str(self.folder),
            "REDLINE_HOME": str(self.home),
            "REDLINE_STATE_DIR": str(self.folder / "state"),
            "REDLINE_CONFIG_DIR": str(self.folder / "config"),
            "MASSIVE_API_BASE_URL": self._emulator.rest,
        }


def _wanted(tickers: list[str], start: date, end: date, timespan: str) -> dict[str, Any]:
    return {"tickers": tickers, "start": start.isoformat(), "end": end.isoformat(), "timespan": timespan}


def measure(kills: int, seed: int, folder: Path, most_recovery_s: float = 2.0) -> dict[str, Any]:
    """Run campaigns until enough workers have died, and return the report."""
    rng, tally, began = random.Random(seed), Tally(), time.monotonic()
    write_market(folder / "market", TICKERS, START, END, seed, minutes=MINUTES, minutes_start=MINUTES_START)
    truth, workers = truth_of(folder / "market"), Workers()
    with Emulator(folder / "market", key=KEY) as emulator:
        while sum(tally.kills.values()) < kills and not tally.broken:
            place = folder / f"job-{tally.jobs:04}"
            (place / "config").mkdir(parents=True)
            key = {"massive": {"api_key": KEY, "rate_limit_per_minute": 100_000, "timeout": 30}}
            (place / "config" / "api_keys.json").write_text(json.dumps(key))
            Campaign(place, emulator, rng, tally, workers).run(truth, min(12, kills - sum(tally.kills.values())))
            print(f"{sum(tally.kills.values())} kills, {tally.jobs} jobs", file=sys.stderr, flush=True)
    workers.close()
    found, n = tally.found, sum(tally.kills.values())
    p95 = percentile(tally.recovery, 0.95)
    return {
        "goal": f"lost 0, doubled 0, wrong 0, torn 0; recovery p95 <= {most_recovery_s:g} s (0: not judged)",
        "ok": found.clean
        and not tally.broken
        and n >= kills
        and (not most_recovery_s or (p95 is not None and p95 <= most_recovery_s)),
        "seed": seed,
        "n": n,
        "kills": dict(sorted(tally.kills.items())),
        "not_reached": dict(sorted(tally.missed.items())),
        "jobs": tally.jobs,
        "requests": tally.requests,
        **{name: value for name, value in asdict(found).items() if name != "examples"},
        "examples": found.examples[:10],
        "broken": tally.broken,
        "recovery_s": {"n": len(tally.recovery), "p50": percentile(tally.recovery, 0.5), "p95": p95},
        "recovery_fresh_s": {
            "n": len(tally.fresh),
            "p50": percentile(tally.fresh, 0.5),
            "p95": percentile(tally.fresh, 0.95),
        },
        "seconds": round(time.monotonic() - began, 1),
        "load": round(os.getloadavg()[0], 1),
        "command": f"python bench/kills.py --kills {kills} --seed {seed}",
        "commit": commit_of_this(),
    }


def main() -> int:
    """Measure, print one line, and return 1 when a row or file was hurt."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--recovery", type=float, default=2.0, help="seconds that p95 may take; 0 judges rows only")
    parser.add_argument("--keep", type=Path, help="work in this new folder, and leave it there")
    given = parser.parse_args()
    if given.keep:
        report = measure(given.kills, given.seed, given.keep.resolve(), given.recovery)
    else:
        with tempfile.TemporaryDirectory() as name:
            report = measure(given.kills, given.seed, Path(name), given.recovery)
    print(json.dumps(report))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
