"""``/settings/tokens``: named bearer tokens for programs. A token is shown once, when it is made."""

from __future__ import annotations

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from redline.web import pages
from redline.web.answers import answer, wants_html
from redline.web.body import form_or_json
from redline.web.current import engine

bp = Blueprint("tokens", __name__, url_prefix="/settings")


@bp.get("/tokens")
def listed() -> Response:
    """List the names of the tokens and when each was made."""
    return answer({"tokens": engine().access.tokens()})


@bp.post("/tokens")
def make() -> Response:
    """Make a token; this answer is the only place where it ever stands."""
    name = str(form_or_json().get("name", ""))
    token = engine().access.make_token(name)
    if wants_html():
        return Response(pages.settings(engine(), made=(name, token)), 201, mimetype="text/html")
    return answer({"name": name, "token": token}, 201)


@bp.delete("/tokens/<name>")
def revoke(name: str) -> Response:
    """Revoke a token: the next request with it is refused."""
    engine().access.revoke_token(name)
    return answer({"name": name, "revoked": True})


@bp.post("/tokens/<name>/delete")
def revoke_by_form(name: str) -> AnyResponse:
    """Revoke a token: forms have no DELETE."""
    engine().access.revoke_token(name)
    return redirect("/settings", 303) if wants_html() else answer({"name": name, "revoked": True})
