"""``GET /budget`` and ``GET /healthz``: how much of each key's limit is used, and whether all is well."""

from __future__ import annotations

from flask import Blueprint, Response

from redline.web.answers import answer
from redline.web.current import engine

bp = Blueprint("status", __name__)


@bp.get("/budget")
def budget() -> Response:
    """Return one row a key: limit, window, used, seconds to the next slot, requests today."""
    return answer({"keys": engine().budget()})


@bp.get("/healthz")
def healthz() -> Response:
    """Return whether store, jobs and keys answer."""
    return answer(engine().health())
