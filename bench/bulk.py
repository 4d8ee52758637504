"""Many tickers at once: how many calls they cost, what comes back of what is lost, and what a job of thousands weighs.

    python bench/bulk.py                              # all of it; about ten minutes on two cores
    python bench/bulk.py --only calls market          # the calls alone
    python bench/bulk.py --only job --job 2000 --runs 1 --answer-ms 50

calls:   a year of day bars of 500 tickers, by the emulator's ledger, against one call per ticker; then the same once
         more; then sessions deleted from the Delta table by another program, and repaired.
market:  a year of day bars of 11,000 tickers.
job:     minute bars of 10,000 tickers of one session: one call each. Submit, pages, memory, and calls a second against
         what redline's own HTTP client reaches that asks for the same and throws it away.

A table, then one JSON line; exit code 1 when a goal is missed. ``--counts-only`` holds nobody to a time.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.audit import Wanted, audit, commit_of_this, stored
from bench.generated_market import sessions_of, tickers_of, truth_of, write_market
from bench.house import KEY, House
from redline.clock import SystemClock, Watch
from redline.net.answer import Caps, unpacked
from redline.net.origin import Origin
from redline.net.wire import Call, Wire
from redline.testing import Emulator

WORKERS = 8
"""As many calls at once as REDLINE's own workers make."""

SPLIT_CALLS = 4
"""At most so many calls beside the bars: splits of the whole market, a year in each."""

JOB_DAYS = timedelta(days=6)
PAGES, LOOKS = ("/jobs", "/jobs/{}"), 5
MEGABYTES, SUBMIT_S, PAGE_MS, RATIO = 300, 1.0, 300.0, 0.8


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table. ``timed``: it depends on the machine, so ``--counts-only`` does not judge it."""

    name: str
    value: float | str | None
    goal: str
    ok: bool
    timed: bool = False


class Bench:
    """The options, a folder, and the lines found so far."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.lines: list[Line] = []

    def say(self, name: str, value: float | str | None, goal: str, ok: bool, *, timed: bool = False) -> None:
        """Add a line, and show it."""
        line = Line(name, value, goal, ok, timed)
        self.lines.append(line)
        verdict = "not judged" if timed and self.options.counts_only else "ok" if ok else "MISSED"
        print(f"{name:62} {'' if value is None else value:>12}   {goal:32} {verdict}", flush=True)

    @property
    def ok(self) -> bool:
        """Whether every goal that counts was met."""
        return all(line.ok or (line.timed and self.options.counts_only) for line in self.lines)

    def market(self, name: str, count: int, start: date, end: date, *, minutes: bool = False) -> Path:
        """Write a market of ``count`` tickers; with ``minutes``, those of the last session as well."""
        folder, tickers = self.folder / name, tickers_of(count)
        last = sessions_of(start, end)[-1]
        write_market(
            folder, tickers, start, end, self.options.seed, minutes=tickers if minutes else (), minutes_start=last
        )
        return folder


def body(count: int, start: date, end: date, timespan: str = "day") -> dict[str, object]:
    """Return the body of a bulk download of the first ``count`` tickers."""
    return {
        "tickers": list(tickers_of(count)),
        "start_date": start.isoformat(),
        "end_date": end.isoformat(),
        "timespan": timespan,
    }


def download(house: House, wanted: dict[str, object]) -> tuple[dict[str, Any], float]:
    """Do a bulk download; return the job and the seconds from asking for it to its end."""
    begun = time.monotonic()
    job = house.post("/download/bulk", wanted)
    return house.ended(job["job_id"]), time.monotonic() - begun


# -- calls ------------------------------------------------------------------------------------------------------------


def calls(bench: Bench) -> None:
    """A year of day bars: what it costs, what it costs again, and what comes back of what is deleted."""
    o = bench.options
    market = bench.market("calls", o.tickers, o.start, o.end)
    sessions = sessions_of(o.start, o.end)
    with Emulator(market, key=KEY) as vendor, House(bench.folder / "calls-house", vendor.rest) as house:
        wanted = body(o.tickers, o.start, o.end)
        planned = house.post("/download/plan", wanted)["calls"]
        job, _ = download(house, wanted)
        asked = len(vendor.ledger())
        most = min(o.tickers + SPLIT_CALLS, len(sessions) + SPLIT_CALLS)
        name = f"{o.tickers:,} tickers x {len(sessions)} sessions"
        bench.say(f"{name}: calls", asked, f"<= {most}, {o.tickers:,} one by one", asked <= most)
        bench.say(f"{name}: calls predicted", planned, f"= {asked}", planned == asked)
        bench.say(f"{name}: rows", job["records"], "all", job["records"] == o.tickers * len(sessions))
        download(house, wanted)
        again = len(vendor.ledger()) - asked
        bench.say("asked for once more: calls", again, "= 0", again == 0)
        rng = random.Random(o.seed)
        pairs = [(rng.choice(tickers_of(o.tickers)), day) for day in rng.sample(sessions, min(o.holes, len(sessions)))]
        repaired(bench, house, vendor, pairs, f"{len(pairs)} sessions, each of one ticker,")
        days = rng.sample(sessions, min(o.holes, len(sessions)))
        every = [(ticker, day) for day in days for ticker in tickers_of(o.tickers)]
        repaired(bench, house, vendor, every, f"{len(days)} sessions, of all tickers,")
        found = audit(house.home, truth_of(market), [Wanted(tickers_of(o.tickers), "day", o.start, o.end)], [])
        bad = found.lost + found.doubled + found.wrong + found.torn + found.unverified
        bench.say("rows lost, doubled, wrong; files torn, unverified", bad, "= 0", found.clean)


def repaired(bench: Bench, house: House, vendor: Emulator, holes: Sequence[tuple[str, date]], what: str) -> None:
    """Delete these sessions as another program would, repair, and see that exactly they come back."""
    before, asked, known = stored(house.home), len(vendor.ledger()), batches(house.home)
    delete(house.home, holes)
    gone = len(before) - len(stored(house.home))
    for one in house.post("/repair", {})["jobs"]:
        house.ended(one["job_id"])
    new, days = len(vendor.ledger()) - asked, len({day for _, day in holes})
    after = batches(house.home)
    brought = sum(n for batch, n in after.items() if batch not in known)
    order = ["ticker", "timespan", "t"]
    same = before.sort_values(order, ignore_index=True).equals(stored(house.home).sort_values(order, ignore_index=True))
    bench.say(f"{what} deleted: rows", gone, f"= {len(holes)}", gone == len(holes))
    bench.say(f"{what} repaired: rows", brought, f"= {gone}", brought == gone)
    bench.say(f"{what} repaired: calls", new, f"<= {days}, one a session", 0 < new <= days)
    bench.say(f"{what} repaired: the store is what it was", "yes" if same else "no", "yes", same)


def batches(home: Path) -> Counter[str]:
    """Return how many live rows each answer brought that is in the table."""
    from deltalake import DeltaTable

    live = DeltaTable(home / "store" / "bars").to_pyarrow_table(columns=["batch"], filters=[("superseded", "=", False)])
    return Counter(live["batch"].to_pylist())


def delete(home: Path, holes: Iterable[tuple[str, date]]) -> None:
    """Delete the live rows of these sessions from the Delta table, as any program that knows Delta can."""
    from deltalake import DeltaTable

    by_day: dict[date, list[str]] = {}
    for ticker, day in holes:
        by_day.setdefault(day, []).append(ticker)
    for day, tickers in by_day.items():
        names = ", ".join(f"'{one}'" for one in tickers)
        DeltaTable(home / "store" / "bars").delete(
            f"ticker IN ({names}) AND date = DATE '{day}' AND timespan = 'day' AND superseded = false"
        )


# -- the whole market -------------------------------------------------------------------------------------------------


def whole_market(bench: Bench) -> None:
    """A year of day bars of every stock there is."""
    o = bench.options
    market = bench.market("market", o.market, o.start, o.end)
    sessions = sessions_of(o.start, o.end)
    with Emulator(market, key=KEY) as vendor, House(bench.folder / "market-house", vendor.rest) as house:
        job, seconds = download(house, body(o.market, o.start, o.end))
        asked, memory = len(vendor.ledger()), house.memory_mb()
    most = min(o.market, len(sessions)) + SPLIT_CALLS
    name = f"{o.market:,} tickers x {len(sessions)} sessions"
    bench.say(f"{name}: calls", asked, f"<= {most}, {o.market:,} one by one", asked <= most)
    bench.say(f"{name}: rows", job["records"], "all", job["records"] == o.market * len(sessions))
    bench.say(f"{name}: seconds", round(seconds, 1), "", ok=True, timed=True)
    bench.say(f"{name}: memory of the server, MB", memory, f"<= {MEGABYTES}", (memory or 0) <= MEGABYTES, timed=True)


# -- a job of thousands -----------------------------------------------------------------------------------------------


def big_job(bench: Bench) -> None:
    """Minutes of one session of thousands of tickers, some times over; each time in a new installation."""
    o = bench.options
    market = bench.market("job", o.job, o.end - JOB_DAYS, o.end, minutes=True)
    day = sessions_of(o.end - JOB_DAYS, o.end)[-1]
    ratios: list[float] = []
    submits: list[float] = []
    pages: dict[str, list[float]] = {page: [] for page in PAGES}
    rates: list[float] = []
    memory: list[int] = []
    wrong = 0
    with Emulator(market, key=KEY) as vendor:
        for run in range(o.runs):
            # The first answers are made when they are asked for; from then on neither waits for that.
            if run == 0:
                bare(vendor.rest, [minutes_of(one, day) for one in tickers_of(o.job)])
            vendor.reset()
            if o.answer_ms:
                vendor.faults([{"do": {"delay_s": o.answer_ms / 1_000}}])
            with House(bench.folder / f"job-house-{run}", vendor.rest) as house:
                submit_s, seconds, job = watched(house, body(o.job, day, day, "minute"), pages)
                memory.append(house.memory_mb() or 0)
            asked = [one for one in vendor.ledger() if one["status"] == 200]
            wrong += job["state"] != "complete" or not o.job <= len(asked) <= o.job + SPLIT_CALLS
            bare_s = bare(vendor.rest, [f"{one['path']}?{one['query']}".rstrip("?") for one in asked])
            submits.append(submit_s)
            rates.append(len(asked) / seconds)
            ratios.append(bare_s / seconds)
            print(f"  run {run + 1}: {len(asked):,} calls, redline {seconds:.1f} s, bare {bare_s:.1f} s", flush=True)
    name = f"job of {o.job:,} tickers" + (f", answers in {o.answer_ms:g} ms" if o.answer_ms else "")
    bench.say(f"{name}: runs that are not complete", wrong, "= 0", wrong == 0)
    submit = statistics.median(submits)
    bench.say(f"{name}: submit, s", round(submit, 3), f"<= {SUBMIT_S:g}", submit <= SUBMIT_S, timed=True)
    for page, took in pages.items():
        ms = statistics.median(took)
        bench.say(f"{name}: GET {page.format('<id>')}, ms", round(ms, 1), f"<= {PAGE_MS:g}", ms <= PAGE_MS, timed=True)
    most = max(memory)
    bench.say(f"{name}: memory of the server, MB", most, f"<= {MEGABYTES}", most <= MEGABYTES, timed=True)
    bench.say(f"{name}: calls a second", round(statistics.median(rates), 1), "", ok=True, timed=True)
    ratio = statistics.median(ratios)
    bench.say(f"{name}: against the bare client", round(ratio, 3), f">= {RATIO:g}", ratio >= RATIO, timed=True)


def watched(
    house: House, wanted: dict[str, object], pages: dict[str, list[float]]
) -> tuple[float, float, dict[str, Any]]:
    """Run the job, and look at its pages while it runs; return seconds to submit, seconds in all, the job."""
    house.look("/?way=many")  # As somebody does who asks for it: a server that has just started loads still.
    begun = time.monotonic()
    job_id = house.post("/download/bulk", wanted)["job_id"]
    submit_s = time.monotonic() - begun
    for _ in range(LOOKS):
        for page, took in pages.items():
            took.append(1_000 * house.look(page.format(job_id)))
    job = house.ended(job_id)
    return submit_s, time.monotonic() - begun, job


def minutes_of(ticker: str, day: date) -> str:
    """Return the target of a ticker's minutes of a session, as REDLINE asks for them."""
    return f"/v2/aggs/ticker/{ticker}/range/1/minute/{day}/{day}?adjusted=false&sort=asc&limit=50000"


def timed(what: Callable[[], object]) -> float:
    """Return the seconds that it takes."""
    begun = time.monotonic()
    what()
    return time.monotonic() - begun


def bare(rest: str, targets: Sequence[str]) -> float:
    """Ask for the same with the HTTP client alone, by as many threads; return the seconds."""
    wire, clock, watch, caps = Wire(Origin.parse(rest)), SystemClock(), Watch(), Caps()
    headers = {"Authorization": f"Bearer {KEY}", "Accept-Encoding": "gzip"}

    def one(target: str) -> int:
        call = Call(clock, watch, 30.0, clock.since_boot() + 120.0)
        with wire.get(target, headers, call) as answer:
            return len(unpacked(answer.stream(256 * 1024, decode_content=False), answer.headers, caps, "bench", "it"))

    with ThreadPoolExecutor(WORKERS) as threads:
        seconds = timed(lambda: sum(threads.map(one, targets)))
    wire.close()
    return seconds


MEASURES = {"calls": calls, "market": whole_market, "job": big_job}


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=tuple(MEASURES), default=tuple(MEASURES))
    parser.add_argument("--tickers", type=int, default=500, help="of `calls`")
    parser.add_argument("--holes", type=int, default=20, help="sessions deleted in `calls`")
    parser.add_argument("--market", type=int, default=11_000, help="tickers of `market`")
    parser.add_argument("--job", type=int, default=10_000, help="tickers of `job`")
    parser.add_argument("--answer-ms", type=float, default=0.0, help="of `job`; a vendor far away takes 50 and more")
    parser.add_argument("--runs", type=int, default=5, help="of `job`; medians are shown")
    parser.add_argument("--start", type=date.fromisoformat, default=date(2024, 1, 2))
    parser.add_argument("--end", type=date.fromisoformat, default=date(2024, 12, 31))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--counts-only", action="store_true", help="judge no times, sizes or ratios")
    return parser.parse_args()


def main() -> int:
    """Measure, show the table, and end with a line of JSON."""
    options = parsed()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # Server, emulator and folder end with it.
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(options, Path(name))
        for one in options.only:
            MEASURES[one](bench)
    report = {
        "goal": "every line of the table",
        "ok": bench.ok,
        "seed": options.seed,
        "n": len(bench.lines),
        "missed": [line.name for line in bench.lines if not line.ok],
        "lines": {line.name: line.value for line in bench.lines},
        "seconds": round(time.monotonic() - begun, 1),
        "command": " ".join(["python", "bench/bulk.py", *sys.argv[1:]]),
        "commit": commit_of_this(),
    }
    print(json.dumps(report))
    return 0 if bench.ok else 1


if __name__ == "__main__":
    sys.exit(main())
