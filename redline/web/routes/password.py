"""``POST /settings/password``: set or change the password of the pages. All other sessions end with it."""

from __future__ import annotations

from flask import Blueprint, redirect, request, session
from werkzeug.wrappers import Response as AnyResponse

from redline.errors import BadField
from redline.web.answers import answer, is_form, wants_html
from redline.web.body import HIDDEN, form_or_json, refuse_secrets
from redline.web.current import engine
from redline.web.login import parse_password

bp = Blueprint("password", __name__, url_prefix="/settings")

FIELDS = frozenset({"password", "current"})


@bp.post("/password")
def change() -> AnyResponse:
    """Save another password: 400 when it is weak, 409 when ``REDLINE_PASSWORD`` sets it; wrong ones count as at /login.

    Who has a password proves it, whatever else lets the request in: an open browser is not its owner.
    """
    body = form_or_json()
    refuse_secrets(body, known=FIELDS)
    new = parse_password(body.get("password"))
    access = engine().access
    access.refuse_change()
    if access.has_password and not access.check_password(parse_password(body.get("current"), "current")):
        raise BadField("current", HIDDEN, "it must be the password that holds now")
    access.set_password(new)
    if is_form() or "Cookie" in request.headers:
        session.clear()
        session["epoch"] = access.sessions_epoch
    return redirect("/settings", 303) if wants_html() else answer({"password": "set"})
