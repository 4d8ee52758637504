"""What is missing, why, and how it comes back."""

from __future__ import annotations

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from redline.errors import BadField
from redline.market.bulk import parse_tickers
from redline.market.request import refuse_unknown
from redline.market.series import SeriesQuery, SessionQuery
from redline.web import pages
from redline.web.answers import answer, wants_html
from redline.web.body import arguments, form_or_json
from redline.web.current import engine

bp = Blueprint("completeness", __name__)


@bp.get("/coverage")
def coverage() -> Response:
    """Answer what is known about each session of one ticker's bars."""
    asked = SeriesQuery.parse(arguments())
    if asked.tickers is None or len(asked.tickers) != 1:
        raise BadField("ticker", ",".join(asked.tickers or ()), "it must name one ticker, such as AAPL")
    (ticker,) = asked.tickers
    found = engine().coverage_of(asked.tickers, asked.spec, asked.start, asked.end, asked.source)
    sessions = [one.as_json() | {"source": asked.source} for one in found.get(ticker, [])]
    length = {"timespan": asked.spec.timespan.value, "multiplier": asked.spec.multiplier}
    return answer({"dataset": "bars", "ticker": ticker, **length, "sessions": sessions})


@bp.get("/gaps")
def gaps() -> Response:
    """Answer the gaps of some tickers, or of all that were ever asked for."""
    asked = SeriesQuery.parse(arguments())
    found = engine().gaps_of(asked.tickers, asked.spec, asked.start, asked.end, asked.source)
    return answer({"gaps": [one.as_json() for one in found]})


@bp.get("/explain")
def explain() -> Response:
    """Tell the story of one session: asked when, of whom, answered what, what to do."""
    asked = SessionQuery.parse(arguments())
    story = engine().explain(asked.ticker, asked.session, asked.spec, asked.source)
    if wants_html():
        return Response(pages.explain(engine(), story), mimetype="text/html")
    return answer(story.as_json())


@bp.post("/verify")
def verify() -> Response:
    """Read every file of the store, and compare it with its checksum and the counts that were noted."""
    refuse_unknown(form_or_json(), ())
    return answer(engine().verify().as_json())


@bp.post("/repair")
def repair() -> AnyResponse:
    """Start the jobs that fetch what failed, was lost or came late: of ``tickers``, or of all; nothing else."""
    body = form_or_json()
    refuse_unknown(body, ("tickers",))
    tickers = parse_tickers(body["tickers"])[0] if body.get("tickers") else None
    done = engine().repair(tickers)
    if wants_html():
        return redirect(f"/jobs/{done.jobs[0].job_id}" if len(done.jobs) == 1 else "/jobs", 303)
    return answer(done.as_json(), 202 if done.jobs else 200)
