"""Is the budget exact, used and cheap? 400 calls from 4 processes against a local server that records arrivals.

    python bench/budget.py                 # limit 20 in a window of 2 s, network delay 0 to 300 ms (the target)
    python bench/budget.py --window 60     # the real window; takes minutes

Prints one JSON: calls over the limit in any sliding window (must be 0), share of the budget used, the share
of each process, and what a slot costs when nothing has to be waited for.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from redline.clock import SystemClock, Watch
from redline.net.budget import Budgets
from redline.net.http import PATIENCE_S, HttpClient

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"OK"}'


class Recorder:
    """A server that notes when each request arrived and which process sent it, then answers after a delay."""

    def __init__(self, delay_s: float, seed: int) -> None:
        self.arrivals: list[tuple[float, str]] = []
        self._delay_s, self._rng, self._lock = delay_s, random.Random(seed), threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(ConnectionError):  # A client that is killed hangs up.
            while head := connection.recv(65_536):
                with self._lock:
                    delay_s = self._rng.uniform(0, self._delay_s)
                    there_s = delay_s * self._rng.random()
                time.sleep(there_s)  # the way to the vendor; what follows is the way back
                with self._lock:
                    self.arrivals.append((time.monotonic(), head.split(b" ")[1].decode()))
                answer = self.answer()
                time.sleep(delay_s - there_s)
                connection.sendall(answer)

    def answer(self) -> bytes:
        """Return what is said to the request that has just arrived."""
        return ANSWER


def work(options: argparse.Namespace, patience_s: float | None = PATIENCE_S) -> None:
    """Be one of the processes: make the calls in some threads; each waits out 429s for ``patience_s``."""
    clock = SystemClock()
    budgets = Budgets(Path(options.file), clock, window_s=options.window)
    budget = budgets.key("bench", options.origin, "key", options.limit)
    http = HttpClient("bench", options.origin, budget, clock, random.Random(options.seed))
    share = iter(range(options.calls // options.processes))
    lock = threading.Lock()

    def calls() -> None:
        while True:
            with lock:
                if next(share, None) is None:
                    return
            http.get(f"{options.origin}/{os.getpid()}", what="a bench call", endpoint="bench", patience_s=patience_s)

    threads = [threading.Thread(target=calls) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def overhead_us(folder: Path) -> float:
    """Return the median cost of taking, counting and returning a slot when none has to be waited for."""
    budgets = Budgets(folder / "overhead.db", SystemClock(), window_s=1e-3)
    budget = budgets.key("bench", "here", "key", 60)
    watch, costs = Watch(), []
    for _ in range(300):
        time.sleep(0.001)
        begun = time.perf_counter()
        with budget.slot(watch):
            budget.count("bench")
        costs.append((time.perf_counter() - begun) * 1e6)
    budgets.close()
    return round(statistics.median(costs), 1)


def most_in_a_window(arrivals: list[float], window_s: float) -> int:
    most = first = 0
    for last, at in enumerate(arrivals):
        while at - arrivals[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most


def measure(options: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        server = Recorder(options.delay, options.seed)
        words = [f"--{key}={value}" for key, value in vars(options).items() if key not in ("worker", "origin", "file")]
        words += [f"--origin={server.origin}", f"--file={name}/budgets.db", "--worker"]
        begun = time.monotonic()
        processes = [subprocess.Popen([sys.executable, __file__, *words]) for _ in range(options.processes)]
        codes = [process.wait() for process in processes]
        took_s = time.monotonic() - begun
        cost_us = overhead_us(Path(name))
    arrivals = sorted(at for at, _ in server.arrivals)
    spans = arrivals[-1] - arrivals[0]
    by_process: dict[str, int] = {}
    last_full = arrivals[-1] - options.window  # in the last window the processes run out of calls one by one
    for at, path in server.arrivals:
        by_process[path] = by_process.get(path, 0) + (at < last_full)
    return {
        "goal": "calls over the limit 0; share used >= 0.90 (0.95 in a window of 60 s)",
        "seed": options.seed,
        "n": len(arrivals),
        "exit_codes": codes,
        "limit": options.limit,
        "window_s": options.window,
        "over": max(0, most_in_a_window(arrivals, options.window) - options.limit),
        # The first window's calls go out at once, so what is measured is the pace of all that follow.
        "share_used": round((len(arrivals) - options.limit) / (options.limit * spans / options.window), 4),
        "process_shares": sorted(round(n / max(1, sum(by_process.values())), 3) for n in by_process.values()),
        "overhead_us": cost_us,
        "seconds": round(took_s, 1),
        "command": " ".join(["python", "bench/budget.py", *sys.argv[1:]]),
    }


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--threads", type=int, default=8, help="of each process")
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--window", type=float, default=2.0)
    parser.add_argument("--delay", type=float, default=0.3, help="of the network, at most, in seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--origin", default="", help=argparse.SUPPRESS)
    parser.add_argument("--file", default="", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    options = parsed()
    if options.worker:
        work(options)
    else:
        print(json.dumps(measure(options), indent=2))
