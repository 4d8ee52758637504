"""``POST /download/plan``: what a download would cost. Nothing is fetched."""

from __future__ import annotations

from flask import Blueprint, Response

from redline.web import pages
from redline.web.answers import answer, wants_html
from redline.web.current import engine
from redline.web.routes.download_bulk import BULK_ONLY, BulkDownload, bulk_body
from redline.web.routes.download_single import SingleDownload

bp = Blueprint("download_plan", __name__)


@bp.post("/download/plan")
def download_plan() -> Response:
    """Return the bill of either body: as JSON, or as the piece of page that stands under the form."""
    body = bulk_body()
    bulk = BULK_ONLY & body.keys() or pages.is_bulk_form()
    wanted = BulkDownload.parse(body) if bulk else SingleDownload.parse(body)
    plan = engine().plan(wanted.request, wanted.api_key)
    if wants_html():
        return Response(pages.bill(engine(), wanted.request, plan), mimetype="text/html")
    return answer(plan.as_json())
