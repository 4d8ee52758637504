"""REST pages of 50,000 bars to stored rows, against the vendor's own client into a DataFrame.

    python bench/pages.py [--pages 4] [--runs 5]

One run, the ways in turn, medians. The server is a process of its own that serves pages built and packed beforehand.
``stored`` ends when the rows are committed and fsynced in a fresh store, session by session; the vendor's client ends
with ``pandas.DataFrame(list(client.list_aggs(...)))`` in memory. ``parser_alone_s`` is the floor: the fastest JSON
parser at hand on the same bodies, already in memory. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

ROWS = 50_000
MINUTES = 960  # 04:00 to 20:00 in New York
TICKER = "ACME"
FIRST = date(2023, 1, 3)


def sessions(count: int) -> list[date]:
    """Return sessions of the exchange from ``FIRST`` on, as many as hold ``count`` minute bars."""
    from redline.market.calendar import TradingCalendar

    days = TradingCalendar(date(2024, 12, 31)).sessions(FIRST, date(2025, 12, 31))
    return days[: -(-count // MINUTES)]


def bodies(pages: int) -> list[bytes]:
    """Return the JSON of each page without its end, in the vendor's order of keys; a walk from a fixed seed."""
    from redline.market.calendar import midnight

    rng = random.Random(20_240_102)
    price = 100.0
    rows: list[str] = []
    for day in sessions(pages * ROWS):
        start = int((midnight(day) + timedelta(hours=4)).timestamp() * 1000)
        for minute in range(MINUTES):
            opened, price = price, max(1.0, price + rng.gauss(0, 0.05))
            high, low = max(opened, price) + 0.02, min(opened, price) - 0.02
            rows.append(
                f'{{"v":{rng.randint(100, 90_000)},"vw":{(high + low) / 2:.4f},"o":{opened:.2f},"c":{price:.2f},'
                f'"h":{high:.2f},"l":{low:.2f},"t":{start + minute * 60_000},"n":{rng.randint(1, 900)}}}'
            )
    head = f'{{"ticker":"{TICKER}","queryCount":{ROWS},"resultsCount":{ROWS},"adjusted":false,"results":['
    return [(head + ",".join(rows[at * ROWS : (at + 1) * ROWS]) + "]").encode() for at in range(pages)]


def serve(folder: Path) -> None:
    """Serve the packed pages of ``folder`` until the process is ended."""
    packed = [path.read_bytes() for path in sorted(folder.glob("*.gz"))]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(packed[page])))
            self.end_headers()
            self.wfile.write(packed[page])

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", int((folder / "port").read_text())), Handler)
    (folder / "ready").touch()
    server.serve_forever()


def pack(folder: Path, pages: list[bytes], port: int) -> list[bytes]:
    """Write the packed pages and return the whole bodies."""
    (folder / "port").write_text(str(port))
    whole = []
    for at, body in enumerate(pages):
        end = f',"status":"OK","request_id":"{at:032x}","count":{ROWS}'
        if at + 1 < len(pages):
            where = f"http://127.0.0.1:{port}/v2/aggs/ticker/{TICKER}/range/1/minute/{at}/x?cursor={at + 1}"
            end += f',"next_url":"{where}"'
        whole.append(body + end.encode() + b"}")
        (folder / f"{at:04}.gz").write_bytes(gzip.compress(whole[-1], 6))
    return whole


def stored(origin: str, folder: Path, last: date) -> int:
    """Download into a fresh store and return the rows committed."""
    from redline.clock import SystemClock, Watch
    from redline.downloaders.massive_downloader import MassiveDownloader
    from redline.market.bar import BarSpec, Timespan
    from redline.market.calendar import TradingCalendar
    from redline.market.part import Part
    from redline.market.request import Dataset
    from redline.net.budget import Budgets
    from redline.store.store import Store

    clock = SystemClock()
    budgets = Budgets(folder / "state" / "budgets.db", clock)
    downloader = MassiveDownloader(
        "bench-key", base_url=origin, rate_limit_per_minute=6_000, budgets=budgets, clock=clock
    )
    store = Store(folder / "home", clock, TradingCalendar(date(2024, 12, 31)))
    part = Part("massive", Dataset.BARS, TICKER, FIRST, last, BarSpec(Timespan.MINUTE))
    rows = 0
    for number, page in enumerate(downloader.pages(part, Watch())):
        rows += store.commit(part, page, f"bench-{number}", datetime.now(UTC)).rows_new
    store.close()
    return rows


def official(origin: str, last: date) -> int:
    """Return the rows that the vendor's client puts into a DataFrame."""
    import pandas as pd
    from massive import RESTClient

    client = RESTClient(api_key="bench-key", base=origin)
    frame = pd.DataFrame(
        list(client.list_aggs(TICKER, 1, "minute", FIRST, last, adjusted=False, sort="asc", limit=ROWS))
    )
    return len(frame)


def parsers(whole: list[bytes]) -> dict[str, Callable[[], object]]:
    """Return the JSON parsers at hand."""
    import msgspec

    from redline.downloaders import massive_bars

    return {
        "json": lambda: [json.loads(body) for body in whole],
        "msgspec": lambda: [msgspec.json.decode(body) for body in whole],
        "msgspec_typed": lambda: [massive_bars.decode(body) for body in whole],
    }


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock, and of all processors."""

    wall_s: float
    cpu_s: float


def timed(call: Callable[[], Any], expected: int | None = None) -> Took:
    """Return how long a call takes; its result has to be ``expected`` rows."""
    began, cpu = time.perf_counter(), time.process_time()
    found = call()
    took = Took(time.perf_counter() - began, time.process_time() - cpu)
    assert expected is None or found == expected, f"{found} rows, not {expected}"
    return took


def measure(pages: int, runs: int, origin: str, whole: list[bytes]) -> dict[str, object]:
    """Return medians of ``runs`` rounds; a first round warms up and is not counted."""
    last = sessions(pages * ROWS)[-1]
    took: dict[str, list[Took]] = {}
    for _ in range(runs + 1):
        with tempfile.TemporaryDirectory() as folder:
            took.setdefault("stored", []).append(timed(lambda: stored(origin, Path(folder), last), pages * ROWS))
        took.setdefault("official", []).append(timed(lambda: official(origin, last), pages * ROWS))
        for name, parse in parsers(whole).items():
            took.setdefault(name, []).append(timed(parse))
    medians = {name: statistics.median(one.wall_s for one in values[1:]) for name, values in took.items()}
    cpu = {name: statistics.median(one.cpu_s for one in values[1:]) for name, values in took.items()}
    floor = min(medians[name] for name in parsers(whole))
    rows = pages * ROWS
    return {
        "bench": "pages",
        "rows": rows,
        "runs": runs,
        "cpus": os.cpu_count(),
        "stored_rows_per_s": round(rows / medians["stored"]),
        "official_rows_per_s": round(rows / medians["official"]),
        "ratio": round(medians["official"] / medians["stored"], 2),
        "cpu_ratio": round(cpu["official"] / cpu["stored"], 2),
        "load": round(os.getloadavg()[0], 1),
        "parser_alone_s": round(floor, 3),
        "stored_over_floor": round(medians["stored"] / floor, 2),
        "medians_s": {name: round(value, 3) for name, value in medians.items()},
    }


def free_port() -> int:
    """Return a port that is free now."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Build the pages, start the server, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=4)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.serve)
        return
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        whole = pack(folder, bodies(given.pages), port)
        server = subprocess.Popen([sys.executable, __file__, "--serve", name])
        try:
            while not (folder / "ready").exists():
                time.sleep(0.02)
            print(json.dumps(measure(given.pages, given.runs, f"http://127.0.0.1:{port}", whole), indent=2))
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()
