"""``download``: fetch what is not held yet, wait for it, print or write the rows; many tickers go to ``many``."""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path

from redline.cli import many
from redline.cli.following import follow
from redline.cli.named import one_ticker
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
    ticker = one_ticker(arguments)
    if ticker is None or arguments.save_as is not None or arguments.update_at is not None:
        return many.run(arguments, output, destination, form)
    with DemoMarket() as demo, closing(open_engine(demo=demo)) as engine:
        request = engine.parse_download(_body(arguments, ticker, adjust))
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


def _body(arguments: argparse.Namespace, ticker: str, adjust: Adjust) -> dict[str, object]:
    body = {
        "ticker": ticker,
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
        follow(engine, engine.submit(engine.dividends_for(request)), output)
    return follow(engine, engine.submit(request), output)
