"""``GET /data/bars``: bars out of the store, as rows or as a file."""

from __future__ import annotations

from flask import Blueprint, Response

from redline.market.request import BarsQuery, Format
from redline.web.body import arguments
from redline.web.current import engine
from redline.web.files import as_file
from redline.web.rows import as_rows

bp = Blueprint("data", __name__)


@bp.get("/data/bars")
def bars() -> Response:
    """Read bars: ``columns`` and ``rows`` as JSON, or a file in one of five formats."""
    given = arguments()
    fmt = Format.parse(given.pop("format", Format.JSON.value))
    query = BarsQuery.parse(given)
    if fmt is Format.JSON:
        return as_rows(engine().bars(query))
    return as_file(engine().export(query, fmt))
