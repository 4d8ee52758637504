"""``download`` of many tickers as one job, and what a terminal says of how it ended."""

from __future__ import annotations

import argparse
from collections import defaultdict
from contextlib import closing
from pathlib import Path

from redline.cli.codes import COMPLETE, INCOMPLETE, code_of
from redline.cli.following import counted, follow
from redline.cli.named import many_tickers
from redline.cli.output import DEMO_NOTE, Output, table
from redline.demo import DemoMarket
from redline.engine import Engine, JobView, open_engine
from redline.errors import JobFailed
from redline.market.part import Plan
from redline.market.request import Adjust, Dataset, Format
from redline.market.session import Gap

ASK_FROM_MINUTES = 1.0
SHOWN = 20


def run(arguments: argparse.Namespace, output: Output, destination: Path | None, form: Format) -> int:
    """Download, and return 0 when every ticker is complete, 1 when one is not, 2 when the request was wrong."""
    adjust = Adjust.parse(arguments.adjust)
    body = bulk_body(arguments)
    with DemoMarket() as demo, closing(open_engine(demo=demo)) as engine:
        request = engine.parse_bulk(body)
        name, update_at = _collection(engine, arguments)
        if engine.demo and request.source == "massive":
            output.say(DEMO_NOTE)
        if not _agreed(engine.plan(request), arguments, output):
            return INCOMPLETE
        if adjust is Adjust.ALL and request.dataset is Dataset.BARS:
            follow(engine, engine.submit(engine.dividends_for(request)), output)
        job = engine.submit(request)
        if name:
            engine.save_collection(name, body, update_at, job_id=job.job_id)
            output.say(f'Kept as collection "{name}". Bring it up to date: python -m redline update "{name}"')
        job = follow(engine, job, output)
        output.document(job.as_json())
        output.answer(result_text(job))
        if destination is not None and job.state.value != "failed":
            written = engine.result(job.job_id, adjust, empty=True)
            path = engine.write(written.table, form, destination)
            output.say(f"{written.records:,} rows written to {path}")
        return ended_with(job, strict=arguments.strict)


def bulk_body(arguments: argparse.Namespace) -> dict[str, object]:
    """Return the body of ``POST /download/bulk`` that the arguments say; the files they name are read."""
    body = {
        "tickers": many_tickers(arguments.tickers) if arguments.tickers or not arguments.universe else None,
        "universe": arguments.universe,
        "as_of": arguments.as_of,
        "source": arguments.source,
        "dataset": arguments.dataset,
        "timespan": arguments.timespan,
        "multiplier": arguments.multiplier,
        "adjusted": Adjust.parse(arguments.adjust) is not Adjust.NONE,
        "start_date": arguments.start,
        "end_date": arguments.end,
    }
    return {field: value for field, value in body.items() if value is not None}


def ended_with(job: JobView, *, strict: bool = False) -> int:
    """Return the exit code of a job that has ended; with ``strict`` a gap that is explained counts too."""
    if job.complete:
        return INCOMPLETE if strict and job.gaps else COMPLETE
    if job.error is not None and job.state.value == "failed":
        return code_of(JobFailed(job.error.code, job.error.status, job.error.sentence, job.error.hint))
    return INCOMPLETE


def result_text(job: JobView) -> str:
    """Return what a job of many tickers came to: figures, reasons with counts, and the first tickers that lack."""
    request, summary = job.request, job.summary
    what = f"{request.spec} bars {request.start} to {request.end}"
    what = what if request.dataset is Dataset.BARS else request.dataset.value
    lines = [f"Job {job.job_id}: {what}, {counted(job.records, 'row')}, {counted(job.requests, 'call')}."]
    if summary is not None:
        figures = f"{summary.complete:,} complete, {summary.incomplete:,} incomplete, {summary.failed:,} failed"
        lines.append(f"{counted(summary.tickers, 'ticker')}: {figures}.")
    if job.error is not None:
        lines += [one for one in (job.error.sentence, job.error.hint) if one]
    if summary is not None and summary.reasons:
        reasons: list[tuple[object, ...]] = [(count, reason) for reason, count in summary.reasons.items()]
        lines += ["", table(("tickers", "reason"), reasons)]
    lacking = [one for one in job.tickers if not one.complete]
    if lacking:
        missing = _missing(job.gaps)
        rows: list[tuple[object, ...]] = [
            (one.ticker, one.as_json()["state"], one.records, ", ".join(missing[one.ticker]), one.reason)
            for one in lacking[:SHOWN]
        ]
        lines += ["", table(("ticker", "state", "rows", "missing", "why"), rows)]
    if len(lacking) > SHOWN:
        lines.append(f"and {len(lacking) - SHOWN:,} more; --json names them all")
    return "\n".join(lines)


def _missing(gaps: tuple[Gap, ...]) -> dict[str, list[str]]:
    """Return the spans that nothing explains, by ticker: the first three, and how many more."""
    found: dict[str, list[str]] = defaultdict(list)
    for gap in gaps:
        if not gap.state.explained:
            found[gap.ticker].append(f"{gap.start}" if gap.start == gap.end else f"{gap.start} to {gap.end}")
    for spans in found.values():
        if len(spans) > 3:
            spans[3:] = [f"{len(spans) - 3} more spans"]
    return found


def _collection(engine: Engine, arguments: argparse.Namespace) -> tuple[str, str | None]:
    if arguments.save_as is None and arguments.update_at is None:
        return "", None
    return engine.check_collection(arguments.save_as, arguments.update_at, "save_as")


def _agreed(bill: Plan, arguments: argparse.Namespace, output: Output) -> bool:
    if not bill.calls:
        output.say("All of it is held, or known to be missing: nothing is asked for.")
        return True
    output.say(f"{counted(bill.calls, 'call')} by {bill.route.value}, about {bill.minutes:.1f} minutes.")
    if bill.minutes < ASK_FROM_MINUTES:
        return True
    return output.agreed(
        f"{bill.calls:,} calls, about {bill.minutes:.0f} minutes at this key's limit. Start?", yes=arguments.yes
    )
