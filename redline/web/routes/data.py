"""Data: what is held, and bars out of the store, as rows or as a file."""

from __future__ import annotations

from flask import Blueprint, Response

from redline.market.request import BarsQuery, Format
from redline.web import pages
from redline.web.answers import answer, wants_html
from redline.web.body import arguments
from redline.web.current import engine
from redline.web.files import as_file
from redline.web.rows import as_rows

bp = Blueprint("data", __name__)


@bp.get("/data")
def data() -> Response:
    """Show what is held, or the chart and rows of one ticker."""
    if wants_html():
        return Response(pages.data(engine(), arguments()), mimetype="text/html")
    return answer({"held": engine().held()})


@bp.get("/data/bars")
def bars() -> Response:
    """Read bars: ``columns`` and ``rows`` as JSON, or a file in one of five formats."""
    given = arguments()
    fmt = Format.parse(given.pop("format", Format.JSON.value))
    query = BarsQuery.parse(given)
    if fmt is Format.JSON:
        return as_rows(engine().bars(query))
    return as_file(engine().export(query, fmt))
