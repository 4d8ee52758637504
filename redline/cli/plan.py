"""``plan``: what a download would fetch and cost. Nothing is fetched."""

from __future__ import annotations

import argparse
from contextlib import closing

from redline.cli.codes import COMPLETE
from redline.cli.following import counted
from redline.cli.many import bulk_body
from redline.cli.output import DEMO_NOTE, Output, table
from redline.demo import DemoMarket
from redline.engine import open_engine
from redline.market.part import Plan
from redline.market.request import Adjust, Dataset, DownloadRequest

BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def run(arguments: argparse.Namespace, output: Output) -> int:
    """Print the bill of a download; always 0."""
    adjust = Adjust.parse(arguments.adjust)
    body = bulk_body(arguments)
    with DemoMarket() as demo, closing(open_engine(demo=demo, work=False)) as engine:
        request = engine.parse_bulk(body)
        if engine.demo and request.source == "massive":
            output.say(DEMO_NOTE)
        bill = engine.plan(request)
        document, text = bill.as_json(), bill_text(request, bill)
        if adjust is Adjust.ALL and request.dataset is Dataset.BARS:
            extra = engine.plan(engine.dividends_for(request))
            document["dividends"] = extra.as_json()
            text += f"\nThe dividends come first: {_cost(extra)}."
        output.document(document)
        output.answer(text)
        return COMPLETE


def bill_text(request: DownloadRequest, bill: Plan) -> str:
    """Return the bill for a terminal: what is asked, held, out of reach and to fetch, and the other routes."""
    lines = [_asked(request)]
    if bill.sessions:
        rest = bill.sessions - bill.held - bill.refused
        figures = f"{bill.held:,} held, {bill.refused:,} not in the key's plan, {rest:,} to fetch"
        lines.append(f"Sessions asked {bill.sessions:,}: {figures}.")
    lines.append(f"Fetched by {bill.route.value}: {_cost(bill)}." if bill.calls else "Nothing has to be fetched.")
    lines += [f"Refused: {ticker}: {reason}" for ticker, reason in request.refused]
    lines += [
        f"Not in the key's plan: {gap.ticker} {gap.start} to {gap.end}. {gap.answer or gap.reason}"
        for gap in bill.not_in_plan
    ]
    if bill.alternatives:
        rows: list[tuple[object, ...]] = [
            (one.route.value, one.calls, size(one.size_bytes), f"{one.minutes:.1f}", "" if one.possible else one.why)
            for one in bill.alternatives
        ]
        lines += ["", table(("instead", "calls", "size", "minutes", "not possible"), rows)]
    return "\n".join(lines)


def size(count: int) -> str:
    """Return so many bytes as a person reads them."""
    for unit, word in BYTES:
        if count >= unit:
            return f"{count / unit:.1f} {word}"
    return counted(count, "byte")


def _asked(request: DownloadRequest) -> str:
    what = f"{request.spec} bars {request.start} to {request.end}"
    what = what if request.dataset is Dataset.BARS else request.dataset.value
    if request.universe and not request.tickers:
        return f"{what} of {request.universe}, whose list comes first; the bill is that of a whole market."
    whom = request.tickers[0] if len(request.tickers) == 1 else counted(len(request.tickers), "ticker")
    return f"{whom}: {what}."


def _cost(bill: Plan) -> str:
    return f"{counted(bill.calls, 'call')}, {size(bill.size_bytes)}, about {bill.minutes:.1f} minutes"
