"""A storm of 429s over one key: 4 processes x 8 threads, and a vendor that says no for a minute at a time.

    python bench/storm.py                    # a minute lasts 3 s
    python bench/storm.py --window 60        # the real minute: twelve of them

The vendor says yes until all are at work; then no without a Retry-After, yes, no until a time that it names, yes, no
well beyond the times that it names, yes. Over:
calls beyond the limit in any sliding window, refused ones included. Used: of what the limit allows in the whole windows
of each stretch of yes, from the first call after the pause that the 429s asked for. Refused: calls that arrive while
the vendor says no, those under way when it began among them. One JSON line; exit code 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.audit import commit_of_this, most_in_a_window
from bench.budget import ANSWER, Recorder, work

#: What the vendor says, and for how many windows.
PHASES = (("no", 1.0), ("yes", 3.3), ("no, until", 1.0), ("yes", 2.6), ("no, and no", 1.0), ("yes", 2.6))
MANY_CALLS = 1_000_000


class Stormy(Recorder):
    """A recorder that says no in between."""

    def __init__(self, delay_s: float, seed: int, window_s: float) -> None:
        self._window_s, self._began = window_s, time.monotonic()
        super().__init__(delay_s, seed)

    def begin(self) -> None:
        """Let the first phase begin now."""
        self._began = time.monotonic()

    def phase(self, at: float) -> tuple[int, float]:
        """Return the number of the phase at a moment, and when it ends; after the last, one more than there are."""
        end = self._began
        for number, (_, windows) in enumerate(PHASES):
            end += windows * self._window_s
            if at < end:
                return number, end
        return len(PHASES), end

    def named_s(self, at: float) -> int:
        """Return the Retry-After of a moment: whole seconds to the end of its phase, or of a third of it."""
        number, end = self.phase(at)
        left_s = math.ceil(end - at)
        return min(left_s, max(1, round(self._window_s / 3))) if PHASES[number][0] == "no, and no" else left_s

    def answer(self) -> bytes:
        now = time.monotonic()
        number, _ = self.phase(now)
        says = PHASES[number][0] if number < len(PHASES) else "yes"
        if says == "yes":
            return ANSWER
        again = f"Retry-After: {self.named_s(now)}\r\n" if says != "no" else ""
        return f"HTTP/1.1 429 Too Many Requests\r\n{again}Content-Length: 0\r\n\r\n".encode()


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the storm and return the report."""
    with tempfile.TemporaryDirectory() as name:
        server = Stormy(options.delay, options.seed, options.window)
        words = [f"--{key}={value}" for key, value in vars(options).items() if key not in ("worker", "origin", "file")]
        words += [f"--origin={server.origin}", f"--file={name}/budgets.db", "--worker"]
        processes = [subprocess.Popen([sys.executable, __file__, *words]) for _ in range(options.processes)]
        seen: set[str] = set()
        while len(seen) < options.processes:  # The storm is for all: it begins when each of them works.
            time.sleep(0.05)
            seen = {path for _, path in list(server.arrivals)}
        begun = time.monotonic()
        server.begin()
        time.sleep(sum(windows for _, windows in PHASES) * options.window)
        ended = time.monotonic()
        codes = [process.poll() for process in processes]
        for process in processes:
            process.kill()
            process.wait()
    calls = [(at, path) for at, path in sorted(server.arrivals) if at < ended]
    report = judged(server, [one for one in calls if one[0] >= begun], options)
    over = max(0, most_in_a_window([at for at, _ in calls], options.window) - options.limit)
    return {
        "goal": "over 0, used >= 0.95, each process >= 0.15, refused <= 10 a window",
        "ok": not over
        and report["used"] >= 0.95
        and report["process_shares"][0] >= 0.15
        and report["refused_most"] <= 10
        and codes == [None] * options.processes,
        "seed": options.seed,
        "n": len(calls),
        "over": over,
        **report,
        "limit": options.limit,
        "window_s": options.window,
        "seconds": round(ended - begun, 1),
        "command": " ".join(["python", "bench/storm.py", *sys.argv[1:]]),
        "commit": commit_of_this(),
    }


def judged(server: Stormy, calls: list[tuple[float, str]], options: argparse.Namespace) -> dict[str, Any]:
    """Return what the calls of each phase say."""
    phases: list[list[tuple[float, str]]] = [[] for _ in range(len(PHASES) + 1)]
    for at, path in calls:
        phases[server.phase(at)[0]].append((at, path))
    used, refused, by_process, rests_until = [], [], Counter[str](), 0.0
    for (says, windows), inside in zip(PHASES, phases, strict=False):
        if says != "yes":
            refused.append(round(len(inside) / windows, 1))
            # Without a time, a 429 is waited out for a window: what was under way meanwhile is no pace.
            last = inside[-1][0] if inside else 0.0
            rests_until = last + (options.window if says == "no" else server.named_s(last))
            continue
        first = next(at for at, _ in inside if at >= rests_until)
        whole = int((server.phase(first)[1] - first) / options.window)
        counted = sum(first <= at < first + whole * options.window for at, _ in inside)
        used.append(counted / (whole * options.limit))
        by_process.update(path for _, path in inside)
    shares = sorted(round(n / max(1, by_process.total()), 3) for n in by_process.values())
    return {
        "used": round(min(used), 4),
        "used_of_each": [round(one, 4) for one in used],
        "process_shares": shares if len(shares) == options.processes else [0.0, *shares],
        "refused_most": max(refused),
        "refused": refused,
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8, help="of each process")
    parser.add_argument("--limit", type=int, default=20, help="calls in a window")
    parser.add_argument("--window", type=float, default=3.0, help="seconds that a minute lasts")
    parser.add_argument("--delay", type=float, default=0.01, help="of the network, at most, in seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=MANY_CALLS, help=argparse.SUPPRESS)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--origin", default="", help=argparse.SUPPRESS)
    parser.add_argument("--file", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> int:
    """Be a worker, or run the storm."""
    options = parsed()
    if options.worker:
        work(options, patience_s=None)
        return 0
    report = measure(options)
    print(json.dumps(report))
    return 0 if report["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
