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
    """Read bars: ``columns`` and ``rows`` as JSON, or a file in one of five formats.

    ``job`` names a job whose store is read: a demo job's rows stay apart when a key has been saved since.
    """
    given = arguments()
    job_id = given.pop("job", None)
    held = engine() if job_id is None else engine().holdings_of(str(job_id))
    fmt = Format.parse(given.pop("format", Format.JSON.value))
    query = BarsQuery.parse(given)
    if fmt is Format.JSON:
        return as_rows(held.bars(query))
    return as_file(held.export(query, fmt))
