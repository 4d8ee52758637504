"""``download``: fetch what is not held yet, wait for it, print or write the rows."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from redline.cli.output import DEMO_NOTE, Output
from redline.demo import DemoMarket
from redline.engine import Engine, JobView, open_engine
from redline.errors import BadField
from redline.market.request import Adjust, Dataset, DownloadRequest, Format

ASK_FROM_MINUTES = 1.0
ENDINGS = {f".{one.value}": one for one in Format} | {".arrow": Format.FEATHER, ".pq": Format.PARQUET}


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Download, and return 0 when complete, 1 when a gap is left."""
    adjust = Adjust.parse(arguments.adjust)
    destination = Path(arguments.out) if arguments.out else None
    form = _format(arguments.format, destination)
    with DemoMarket() as demo, closing(open_engine(demo=demo)) as engine:
        request = engine.parse_download(_body(arguments, adjust))
        if engine.demo and request.source == "massive":
            output.say(DEMO_NOTE)
        bill = engine.plan(request)
        if bill.minutes >= ASK_FROM_MINUTES:
            question = f"{bill.calls} calls, about {bill.minutes:.0f} minutes at this key's limit. Start?"
            if not output.agreed(question, yes=arguments.yes):
                return 1
        job = _fetch(engine, request, adjust, output)
        result = engine.result(job.job_id, adjust, empty=True)
        if destination is not None:
            written = engine.write(result.table, form, destination)
            output.say(f"{result.records:,} rows written to {written}")
        output.document(result.as_json())
        output.answer(result.as_text() if destination is None else result.summary())
        complete = result.complete and not (arguments.strict and result.gaps)
        return 0 if complete else 1


def _body(arguments: argparse.Namespace, adjust: Adjust) -> dict[str, object]:
    body = {
        "ticker": arguments.ticker,
        "source": arguments.source,
        "dataset": arguments.dataset,
        "timespan": arguments.timespan,
        "multiplier": arguments.multiplier,
        "adjusted": adjust is not Adjust.NONE,
        "start_date": arguments.start,
        "end_date": arguments.end,
    }
    return {field: value for field, value in body.items() if value is not None}


def _format(named: str | None, destination: Path | None) -> Format:
    if named is not None:
        return Format.parse(named)
    if destination is None:
        return Format.CSV
    ending = destination.suffix.lower()
    if ending not in ENDINGS:
        raise BadField("out", destination.name, f"its ending must be one of {' '.join(ENDINGS)}, or name --format")
    return ENDINGS[ending]


def _fetch(engine: Engine, request: DownloadRequest, adjust: Adjust, output: Output) -> JobView:
    """Run the job of ``request``, and the dividends first when ``adjust`` needs them."""
    if adjust is Adjust.ALL and request.dataset is Dataset.BARS:
        _follow(engine, engine.submit(engine.dividends_for(request)), output)
    return _follow(engine, engine.submit(request), output)


def _follow(engine: Engine, job: JobView, output: Output) -> JobView:
    said = ""
    while not job.ended:
        job = engine.wait(job.job_id, 0.2)
        note = job.waiting.reason if job.waiting else job.state.value
        output.progress(job.parts.done, job.parts.total, note)
        if job.waiting and job.waiting.reason != said:
            said = job.waiting.reason
            output.say(f"Waiting {job.waiting.seconds:.0f} s: {said}")
    output.clear()
    return job
