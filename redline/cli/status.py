"""``status``: what is held, what runs, and each key's budget."""

from __future__ import annotations

import argparse
from contextlib import closing

from redline.cli.output import DEMO_NOTE, Output, table
from redline.demo import DemoMarket
from redline.engine import open_engine


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Print the status; always 0."""
    with DemoMarket() as demo, closing(open_engine(demo=demo, work=False)) as engine:  # Looking starts no market.
        status = engine.status()
        if status.demo:
            output.say(DEMO_NOTE)
        output.document(status.as_json())
        output.answer(f"Store: {status.home}\n")
        if status.held:
            rows: list[tuple[object, ...]] = [
                (
                    one.ticker,
                    one.dataset.value,
                    one.spec.label,
                    str(one.first),
                    str(one.last),
                    one.sessions,
                    one.rows,
                    one.source,
                )
                for one in status.held
            ]
            output.answer(table(("ticker", "dataset", "series", "first", "last", "sessions", "rows", "source"), rows))
        else:
            output.answer("Nothing is held yet. Fetch something: python -m redline download AAPL")
        if status.budget:
            output.answer("")
            budget: list[tuple[object, ...]] = [
                (one.source, one.used, one.limit, f"{one.window_s:g} s", f"{one.next_slot_s:.0f} s", one.today)
                for one in status.budget
            ]
            output.answer(table(("key", "used", "limit", "window", "next slot in", "calls today"), budget))
        running = [job for job in status.jobs if not job.state.ended]
        for job in running:
            output.answer(f"\njob {job.job_id}: {job.state.value}, {job.parts.done} of {job.parts.total} parts")
        return 0
