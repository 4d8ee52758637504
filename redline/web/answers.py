"""JSON or a page: which one a request wants, and how each is made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from flask import Response, render_template, request

#: Paths whose answer is data by nature: JSON unless a page is asked for by name.
DATA_PATHS = ("/budget", "/healthz", "/data/bars", "/events", "/settings/tokens", "/coverage", "/gaps", "/verify")
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")


def is_form() -> bool:
    """Return whether the body of this request is a form."""
    return request.mimetype in FORM_TYPES


def wants_html() -> bool:
    """Return whether to answer with a page: unless ``Accept`` asks for JSON or the request was JSON (design 4.3)."""
    if request.mimetype == "application/json":
        return False
    named = {kind.lower(): quality for kind, quality in request.accept_mimetypes}
    page = max(named.get("text/html", 0.0), named.get("application/xhtml+xml", 0.0))
    data = max(named.get("application/json", 0.0), named.get("text/event-stream", 0.0))
    if page or data:
        return page > data
    data_only = request.path.startswith(DATA_PATHS) or request.path.endswith("/events")
    return request.method != "DELETE" and not data_only


def answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return ``body`` as JSON and a line end, for terminals; dates and times as ISO 8601, NaN as null."""
    return Response(msgspec.json.encode(body) + b"\n", status, headers, mimetype="application/json")


def render(template: str, context: object = None, status: int = 200) -> Response:
    """Return a page. The template sees the context (a frozen dataclass of ``pages``) as ``page``."""
    return Response(render_template(template, page=context), status, mimetype="text/html")
