"""One line a request: method, path, status, milliseconds. Never the query, a header or a body."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request

from redline.web.current import engine

log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Log each request of ``app``."""
    app.before_request(begin)
    app.after_request(finish)


def begin() -> None:
    """Note when the request came."""
    g.since = engine().clock.since_boot()


def finish(response: Response) -> Response:
    """Write the line; line breaks and the like in a path are escaped, so that nobody forges another line."""
    spent_ms = 1_000 * (engine().clock.since_boot() - g.since)
    path = request.path.encode("unicode_escape").decode("ascii")[:200]
    log.info("%s %s %d %.0f ms", request.method, path, response.status_code, spent_ms)
    return response
