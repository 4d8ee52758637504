"""Whatever goes wrong leaves the house in one shape: sentence, code, hint; as JSON, or as a page of the same words."""

from __future__ import annotations

import logging
import math
import secrets
from collections.abc import Mapping

from flask import Flask, Response, g, request
from markupsafe import escape
from werkzeug.exceptions import HTTPException

from redline.errors import RedlineError, SignedOut
from redline.web import pages
from redline.web.answers import answer, wants_html
from redline.web.assets import static_url
from redline.web.current import engine

log = logging.getLogger(__name__)

#: Sentence, code and hint of what Flask itself refuses.
HTTP_WORDS = {
    400: ("The request cannot be read.", "bad_request", "Check its form and ask again."),
    404: ("There is no such page.", "not_found", "Start at the Download page, /."),
    405: (
        "This address does not take that method.",
        "method_not_allowed",
        "The Allow header lists what it takes; the Download page is at /.",
    ),
    413: ("The body is too big.", "too_large", "A request has at most 1 MB."),
    415: ("The body is neither JSON nor a form.", "unsupported_media_type", "Send it as application/json."),
}


def register(app: Flask) -> None:
    """Make ``app`` answer every error in the one shape."""
    app.register_error_handler(RedlineError, known)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unexpected)


def known(error: Exception) -> Response:
    """Answer a deliberate error with its own status, fields and, where it says when to come back, ``Retry-After``."""
    assert isinstance(error, RedlineError)  # noqa: S101  (what register() promises; keeps the types honest)
    headers = {}
    wait_s = error.fields.get("retry_after_s")
    if isinstance(wait_s, int | float):
        headers["Retry-After"] = str(max(1, math.ceil(wait_s)))
    if isinstance(error, SignedOut):
        headers["WWW-Authenticate"] = "Bearer"
    if wants_html() and isinstance(error, SignedOut) and request.endpoint != "login.sign_in":
        after = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return Response(pages.login(after), error.status, headers, mimetype="text/html")
    return shaped(error.as_json(), error.status, headers)


def http(error: Exception) -> Response:
    """Answer what Flask refuses; ``Allow`` and the like are kept."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status = error.code or 500
    sentence, code, hint = HTTP_WORDS.get(status, ("The request was refused.", "refused", "Check it and ask again."))
    headers = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return shaped({"error": sentence, "code": code, "hint": hint}, status, headers)


def unexpected(error: Exception) -> Response:
    """Answer a bug with an incident id, and log the traceback under it; nothing of it is shown."""
    incident = secrets.token_hex(4)
    log.error("incident %s in %s", incident, request.endpoint, exc_info=error)
    body = {
        "error": "Something unforeseen happened; nothing was lost.",
        "code": "internal_error",
        "hint": f"Look for incident {incident} in the log.",
        "incident": incident,
    }
    try:
        return shaped(body, 500, {})
    except Exception:  # The page of the error has one of its own; the words still have to arrive.
        log.exception("incident %s: its page could not be made", incident)
        return answer(body, 500)


def shaped(body: Mapping[str, object], status: int, headers: dict[str, str]) -> Response:
    """Return an error as a page or as JSON, as the request wants; a key that got into its words is masked."""
    body = {name: engine().masked(said) if isinstance(said, str) else said for name, said in body.items()}
    if not wants_html():
        return answer(body, status, headers)
    page = pages.error(body, status) if g.get("known") else pages.signing_in(body) or bare_page(body, status)
    return Response(page, status, headers, mimetype="text/html")


def bare_page(body: Mapping[str, object], status: int) -> str:
    """Return an error page for those who did not pass the gate: nothing of what the house holds stands around it."""
    sentence, hint, code = (escape(str(body[name])) for name in ("error", "hint", "code"))
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{sentence}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="{static_url("style.css")}"></head><body><main class="quiet-page narrow">'
        f"<h1>{sentence}</h1><p>{hint}</p><p>{code} · {status}</p></main></body></html>"
    )
