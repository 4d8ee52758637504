"""``gaps``, ``verify``, ``repair``, ``explain``: what is missing, why, and how it comes back."""

from __future__ import annotations

import argparse
from contextlib import closing

from redline.cli.codes import COMPLETE, INCOMPLETE
from redline.cli.following import counted, follow
from redline.cli.named import checked_tickers
from redline.cli.output import DEMO_NOTE, Output, table
from redline.demo import DemoMarket
from redline.engine import Engine, JobView, open_engine
from redline.engine.completeness import LACKING
from redline.market.request import Dataset
from redline.market.series import SeriesQuery, SessionQuery


def gaps(arguments: argparse.Namespace, output: Output) -> int:
    """List the gaps; return 1 when one is not explained."""
    tickers = checked_tickers(arguments.tickers)
    asked = SeriesQuery.parse(_given(arguments, "start", "end", "timespan", "multiplier", "source"))
    with DemoMarket() as demo, closing(open_engine(demo=demo, work=False)) as engine:
        found = engine.gaps_of(tickers, asked.spec, asked.start, asked.end, asked.source)
        _remark_demo(engine, output)
    output.document({"gaps": [one.as_json() for one in found]})
    rows: list[tuple[object, ...]] = [
        (one.ticker, one.start, one.end, one.state.words, one.answer or one.reason) for one in found
    ]
    output.answer(table(("ticker", "first", "last", "state", "why"), rows) if rows else "No gap.")
    return COMPLETE if all(one.state.explained for one in found) else INCOMPLETE


def verify(arguments: argparse.Namespace, output: Output) -> int:
    """Read every file of the store against its checksum and counts; return 1 when one is damaged."""
    with DemoMarket() as demo, closing(open_engine(demo=demo, work=False)) as engine:
        found = engine.verify()
        _remark_demo(engine, output)
    output.document(found.as_json())
    if found.ok:
        output.answer("All files are as they were written.")
        return COMPLETE
    output.answer("\n".join(one.sentence for one in found.damaged))
    output.say("Take them out and fetch their rows again: python -m redline repair")
    return INCOMPLETE


def repair(arguments: argparse.Namespace, output: Output) -> int:
    """Fetch what failed, was lost or came late, and wait for it; return 1 when something is lacking still."""
    tickers = checked_tickers(arguments.tickers)
    with DemoMarket() as demo, closing(open_engine(demo=demo)) as engine:
        _remark_demo(engine, output)
        begun = engine.repair(tickers)
        jobs = [follow(engine, job, output) for job in begun.jobs]
        counts = [(job, *_came_back(engine, job)) for job in jobs]
    lacking = sum(rest for _, _, rest in counts)
    calls = sum(job.requests for job in jobs)
    shown = [job.as_json() | {"came_back": back, "lacking": rest} for job, back, rest in counts]
    taken_out = [one.as_json() for one in begun.taken_out]
    output.document({"taken_out": taken_out, "jobs": shown, "calls": calls, "lacking": lacking})
    lines = [f"Taken out: {one.sentence}" for one in begun.taken_out]
    lines += [_repaired(job, back, rest) for job, back, rest in counts]
    output.answer(
        "\n".join([*lines, f"{counted(calls, 'call')}."] if jobs else [*lines, "Nothing has to be repaired."])
    )
    return INCOMPLETE if lacking else COMPLETE


def explain(arguments: argparse.Namespace, output: Output) -> int:
    """Tell the story of one session; always 0."""
    asked = SessionQuery.parse(_given(arguments, "ticker", "date", "timespan", "multiplier", "source"))
    with DemoMarket() as demo, closing(open_engine(demo=demo, work=False)) as engine:
        story = engine.explain(asked.ticker, asked.session, asked.spec, asked.source)
        _remark_demo(engine, output)
    output.document(story.as_json())
    output.answer(story.as_text())
    return COMPLETE


def _came_back(engine: Engine, job: JobView) -> tuple[int, int]:
    """Return how many sessions (of bars; else lists) a repair brought to a settled state, and how many lack still."""
    asked = job.request
    if asked.dataset is not Dataset.BARS:
        whole = sum(one.complete for one in job.tickers)
        return whole, len(asked.tickers) - whole
    found = engine.coverage_of(asked.tickers, asked.spec, asked.start, asked.end, asked.source)
    rest = 0
    for one in (status for statuses in found.values() for status in statuses):
        anew = one.asked_at is not None and one.asked_at >= job.created_at
        rest += one.state in LACKING or (anew and not one.state.explained)
    wanted = int(str(job.plan["sessions"])) - int(str(job.plan["held"])) - int(str(job.plan["refused"]))
    return max(0, wanted - rest), rest


def _repaired(job: JobView, back: int, rest: int) -> str:
    asked = job.request
    bars = asked.dataset is Dataset.BARS
    what = f"{asked.spec} bars" if bars else asked.dataset.value
    things = counted(back, "session" if bars else "list")
    lacking = f"; {rest:,} still lacking, see: python -m redline gaps" if rest else ""
    return f"{what} of {counted(len(asked.tickers), 'ticker')}: {things} came back{lacking}."


def _given(arguments: argparse.Namespace, *names: str) -> dict[str, object]:
    return {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}


def _remark_demo(engine: Engine, output: Output) -> None:
    if engine.demo:
        output.say(DEMO_NOTE)
