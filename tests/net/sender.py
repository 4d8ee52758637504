"""A process that sends through the budget until it is killed: ``sender.py FILE ORIGIN LIMIT WINDOW THREADS``."""

from __future__ import annotations

import os
import random
import sys
import threading
from pathlib import Path

from redline.clock import SystemClock
from redline.net.budget import Budgets
from redline.net.http import HttpClient


def main(file: str, origin: str, limit: str, window_s: str, threads: str) -> None:
    clock = SystemClock()
    budget = Budgets(Path(file), clock, window_s=float(window_s)).key("massive", origin, "key", float(limit))
    http = HttpClient("massive", origin, budget, clock, random.Random(os.getpid()))

    def send() -> None:
        while True:
            http.get(f"{origin}/{os.getpid()}", what="a call", endpoint="calls")

    for _ in range(int(threads)):
        threading.Thread(target=send, daemon=True).start()
    threading.Event().wait(60)


if __name__ == "__main__":
    main(*sys.argv[1:])
