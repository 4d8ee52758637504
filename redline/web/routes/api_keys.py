"""``/settings/api-keys``: keys go in, and never come out."""

from __future__ import annotations

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from redline.errors import Busy
from redline.web import pages
from redline.web.answers import answer, is_form, wants_html
from redline.web.body import form_or_json
from redline.web.current import engine, web

bp = Blueprint("api_keys", __name__, url_prefix="/settings/api-keys")
PAGE = "/settings/api-keys"


@bp.get("")
def listed() -> Response:
    """List the keys: last four letters, where each comes from, its limit. No key itself."""
    if wants_html():
        return Response(pages.api_keys(engine()), mimetype="text/html")
    return answer({"keys": [key.as_json() for key in engine().keys()]})  # noqa: SIM118  (no dict)


@bp.post("")
def save() -> AnyResponse:
    """Save a key, encrypted; the placeholder coming back keeps the one that is there."""
    saved = engine().save_key(form_or_json(), form=is_form())
    return redirect(PAGE, 303) if wants_html() else answer(saved.as_json(), 201)


@bp.delete("/<source>")
def delete(source: str) -> Response:
    """Delete the saved key of a source."""
    engine().delete_key(source)
    return answer({"source": source, "deleted": True})


@bp.post("/<source>/delete")
def delete_by_form(source: str) -> AnyResponse:
    """Delete the saved key of a source: forms have no DELETE."""
    engine().delete_key(source)
    return redirect(PAGE, 303) if wants_html() else answer({"source": source, "deleted": True})


@bp.post("/<source>/test")
def test(source: str) -> AnyResponse:
    """Ask the source what the key may do: plan, entitlements, limit. The page shows what was found."""
    with web().waiters.seat() as seated:
        if not seated:
            raise Busy("Too many requests wait for a source.", "Test the key again in a minute.", retry_after_s=30)
        found = engine().test_key(source)
    return redirect(PAGE, 303) if wants_html() else answer(found)
