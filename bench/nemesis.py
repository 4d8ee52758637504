"""One bad half minute, from a seed: everything that can happen to a download happens, and then the books are compared.

    python bench/nemesis.py --seed 7 --seconds 30
    python bench/nemesis.py --seeds 20               # 20 seeds, one after the other

An emulator, a server, two worker processes and their clients run on one store. The seed chooses: 429s, resets, 5xx,
latency, cut and repeated pages, broken rows, kill -9 of the server and of workers, a full disk, jumps of the wall
clock; and single and bulk downloads by JSON and command line, pause, resume, cancel, retry, the same request twice.
Their clocks run ten times as fast as the machine's (``bench/chaos.py``): a budget's minute is six seconds.

Then all is well again, and every job has to come to its end. What the emulator served is held against the store
(``bench/audit.py``): lost, doubled, wrong and torn are 0, no call was over the budget, ``complete`` is complete. One
JSON line a seed; a seed that fails says how to repeat it, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.audit import Wanted, audit, commit_of_this, most_in_a_window, percentile
from bench.clients import Client
from bench.generated_market import truth_of, write_market
from bench.world import (
    END,
    KEY,
    LIMIT,
    MINUTES,
    MINUTES_START,
    START,
    TICKERS,
    WINDOW_S,
    Crew,
    World,
    await_server,
    free_port,
)
from redline.testing import Emulator

SETTLE_S = 90.0
CLIENTS = 3
BARS, ANYTHING = r"/v2/aggs/", r"/v2/aggs/|splits|reference"
#: Name to what the emulator does; ``times`` are drawn.
FAULTS: dict[str, dict[str, Any]] = {
    "429": {"status": 429},
    "429_wait": {"status": 429, "headers": {"Retry-After": "4"}},
    "500": {"status": 500},
    "502_html": {"status": 502, "html": True},
    "503": {"status": 503},
    "reset": {"reset": True},
    "reset_half": {"reset": True, "cut_after": 0.5},
    "cut": {"cut_after": 0.5},
    "cut_chunk": {"cut_after": 0.7, "chunked": True},
    "cut_gzip": {"gzip": "cut"},
    "latency": {"delay_s": 0.4},
    "repeated_page": {"page": "repeat"},
    "endless_page": {"page": "empty"},
    "loop": {"loop": "self"},
    "broken_row": {"row": {"at": 0, "set": {"c": "NaN"}}},
    "html": {"html": True},
    "empty_body": {"body": ""},
}
#: What does not come from the emulator, and how often against 6 faults.
ENGINE_EVENTS = {"kill_worker": 3, "kill_server": 1, "disk_full": 1, "clock_forward": 1, "clock_back": 1}
EVENTS = (*ENGINE_EVENTS, *FAULTS)


class Nemesis:
    """What goes wrong, in the order that the seed says: each kind once, and then at random."""

    def __init__(self, world: World, crew: Crew, seed: int) -> None:
        self._world, self._crew, self._rng = world, crew, random.Random(f"{seed} nemesis")
        self._queue = list(EVENTS)
        self._rng.shuffle(self._queue)
        self._jump_s, self._disk_until = 0.0, 0.0
        self._armed: list[str] = []

    def run(self, seconds: float) -> None:
        """Strike until the time is over; then the world is well again."""
        until, each_s = time.monotonic() + seconds, min(0.6, seconds / (len(EVENTS) * 2))
        while time.monotonic() < until:
            self._crew.keep_up()
            self._strike(self._queue.pop() if self._queue else self._drawn())
            if self._disk_until and time.monotonic() > self._disk_until:
                self._space_again()
            time.sleep(each_s * self._rng.uniform(0.5, 1.5))
        self._space_again()
        for name, fault in zip(self._armed, self._world.emulator.faults_state(), strict=True):
            self._world.fired[name] += fault["fired"]
        self._world.emulator.clear_faults()
        (self._world.control / "jump").write_text("0")

    def _drawn(self) -> str:
        kinds = [*ENGINE_EVENTS, self._rng.choice(list(FAULTS))]
        return self._rng.choices(kinds, weights=[*ENGINE_EVENTS.values(), 6])[0]

    def _space_again(self) -> None:
        self._disk_until = 0.0
        with suppress(FileNotFoundError):
            (self._world.control / "full").unlink()
            self._world.hurt()

    def _strike(self, event: str) -> None:
        world, rng = self._world, self._rng
        if event in FAULTS:
            where = BARS if event == "broken_row" else ANYTHING
            match = {"path": where, "nth": rng.randint(1, 2), "times": rng.randint(1, 3)}
            world.emulator.faults([{"match": match, "do": FAULTS[event]}])
            self._armed.append(event)
            return
        if event == "disk_full":
            self._disk_until = time.monotonic() + rng.uniform(0.5, 2.0)
            (world.control / "full").touch()
            return
        if event.startswith("kill"):
            self._crew.kill("server" if event == "kill_server" else rng.choice(("worker-1", "worker-2")), rng)
        else:
            forward = event == "clock_forward"
            self._jump_s += rng.choice((2.0, 90.0, 4_000.0, 90_000.0)) * (1 if forward else -1)
            (world.control / "jump").write_text(str(self._jump_s))
        world.count(event, fired=True)


def settle(world: World, crew: Crew) -> tuple[list[dict[str, Any]], list[str]]:
    """Let every job end; return all of them, and what stays open or is not complete when the patience is over."""
    http, until = requests.Session(), time.monotonic() + SETTLE_S
    http.headers["Accept"] = "application/json"
    left, jobs = ["nothing was seen"], []
    while left and time.monotonic() < until:
        crew.keep_up()
        with suppress(requests.RequestException):
            ids = world.job_ids()
            jobs = [http.get(f"{world.address}/jobs/{one}", timeout=20).json() for one in ids]
            for job in jobs:
                if job["state"] == "paused":
                    http.post(f"{world.address}/jobs/{job['job_id']}/resume", timeout=20)
                elif job["state"] in ("incomplete", "failed"):
                    http.post(f"{world.address}/jobs/{job['job_id']}/retry", timeout=20)
            left = [
                f"{job['job_id']} {job['state']} {job.get('waiting')} {job.get('error')} {str(job.get('gaps'))[:200]}"
                for job in jobs
                if job["state"] not in ("complete", "cancelled")
            ]
        time.sleep(0.5)
    http.close()
    return jobs, left


def recoveries(world: World) -> list[float]:
    """Return the seconds from each kill, and each end of a full disk, with work open, to the next commit of anybody."""
    commits = sorted(path.stat().st_mtime for path in (world.home / "store").glob("*/_delta_log/*.json"))
    after = [next((one for one in commits if one > at), None) for at in world.hurt_at]
    return [one - at for one, at in zip(after, world.hurt_at, strict=True) if one is not None]


def wanted_of(job: dict[str, Any]) -> Wanted:
    asked = job["request"]
    first, last = date.fromisoformat(asked["start_date"]), date.fromisoformat(asked["end_date"])
    return Wanted(tuple(asked["tickers"]), asked["timespan"], first, last)


def run(seed: int, seconds: float, folder: Path) -> dict[str, Any]:
    """Run one seed in a new folder and return its report."""
    began = time.monotonic()
    for name in ("control", "user", "config"):
        (folder / name).mkdir(parents=True)
    write_market(folder / "market", TICKERS, START, END, seed, minutes=MINUTES, minutes_start=MINUTES_START)
    truth = truth_of(folder / "market")
    key = {"massive": {"api_key": KEY, "rate_limit_per_minute": LIMIT, "timeout": 5}}
    (folder / "config" / "api_keys.json").write_text(json.dumps(key))
    with Emulator(folder / "market", key=KEY) as emulator:
        emulator.plan("advanced", calls=LIMIT, window_s=WINDOW_S)
        world = World(folder, emulator, free_port())
        crew = Crew(world)
        try:
            await_server(world)
            clients = [Client(world, seed, number) for number in range(CLIENTS)]
            nemesis = Nemesis(world, crew, seed)
            for client in clients:
                client.start()
            nemesis.run(seconds)
            world.over.set()
            for client in clients:
                client.join()
            jobs, left = settle(world, crew)
        finally:
            codes = crew.stop()
        ledger = emulator.ledger(rows=True)
    found = audit(world.home, truth, [wanted_of(job) for job in jobs if job["complete"]], ledger)
    arrivals = [one["arrived_s"] for one in ledger]
    over = max(0, most_in_a_window(arrivals, WINDOW_S) - LIMIT)
    trouble = [*world.errors, *_logged(folder)]
    full = folder / "control" / "full.log"
    world.fired["disk_full"] = len(full.read_text().splitlines()) if full.exists() else 0
    silent = [name for name in EVENTS if not world.fired[name]]
    times = recoveries(world)
    return {
        "goal": "lost 0, doubled 0, wrong 0, over 0, torn 0; store.verify() clean; every job comes to its end",
        "ok": found.clean and not over and not left and not trouble and not codes and found.rows > 0,
        "seed": seed,
        "n": len(ledger),
        "over": over,
        **{name: value for name, value in asdict(found).items() if name != "examples"},
        "examples": found.examples[:10],
        "exceptions": len(trouble),
        "trouble": trouble[:5],
        "jobs": dict(Counter(job["state"] for job in jobs)),
        "open": left[:5],
        "exit_codes": codes,
        "ttr_s": {"n": len(times), "p50": percentile(times, 0.5), "p95": percentile(times, 0.95)},
        "memory_mb": dict(crew.memory_mb),
        "fired": dict(sorted(world.fired.items())),
        "not_fired": silent,
        "done": dict(sorted(world.done.items())),
        "load": round(os.getloadavg()[0], 1),
        "seconds": round(time.monotonic() - began, 1),
        "command": f"python bench/nemesis.py --seed {seed} --seconds {seconds:g}",
        "commit": commit_of_this(),
    }


def _logged(folder: Path) -> list[str]:
    """Return lines of the processes' logs that tell of a mistake of ours."""
    said = []
    for path in sorted(folder.glob("*.log")):
        text = path.read_text("utf-8", "replace")
        for about in re.finditer(r"^(incident .*|Traceback .*)$", text, re.MULTILINE):
            end = text[about.start() : about.start() + 6_000].split("\n\n")[0].strip().splitlines()
            said.append(f"{path.name}: {about[0]} … {' | '.join(end[-2:])}")
    return said


def main() -> int:
    """Run one seed, or several; return 1 when one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many, one after the other")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--keep", type=Path, help="work in this new folder, and leave it there")
    given = parser.parse_args()
    failed = []
    for seed in range(given.seed, given.seed + given.seeds):
        with tempfile.TemporaryDirectory() as name:
            report = run(seed, given.seconds, (given.keep or Path(name)).resolve() / f"seed-{seed}")
        print(json.dumps(report), flush=True)
        if not report["ok"]:
            failed.append(seed)
            print(f"seed {seed} failed; repeat it with: {report['command']}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
