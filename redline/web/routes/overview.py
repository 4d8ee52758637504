"""``GET /``, ``/data`` and ``/settings``: the pages that have no JSON twin."""

from __future__ import annotations

from flask import Blueprint

from redline.web import pages
from redline.web.body import arguments
from redline.web.current import engine

bp = Blueprint("overview", __name__)


@bp.get("/")
def download() -> str:
    """Show the Download page; the arguments fill its form."""
    return pages.download(engine(), arguments())


@bp.get("/data")
def data() -> str:
    """Show what is held, or the chart and rows of one ticker."""
    return pages.data(engine(), arguments())


@bp.get("/settings")
def settings() -> str:
    """Show what is set: keys, access, storage, about."""
    return pages.settings(engine())
