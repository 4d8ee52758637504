"""``/login`` and ``/logout``: one password, one session cookie."""

from __future__ import annotations

import re

from flask import Blueprint, Response, redirect, request, session
from werkzeug.wrappers import Response as AnyResponse

from redline.errors import BadField, Conflict, SignedOut
from redline.market.request import parse_flag
from redline.web import pages
from redline.web.answers import answer, wants_html
from redline.web.body import HIDDEN, arguments, form_or_json
from redline.web.current import engine

bp = Blueprint("login", __name__)

_OWN_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")


@bp.get("/login")
def form() -> AnyResponse:
    """Show the sign-in form; ``next`` says where to go from there."""
    if not engine().access.has_password:
        return redirect("/", 303)
    return Response(pages.login(own_path(arguments().get("next"))), mimetype="text/html")


@bp.post("/login")
def sign_in() -> AnyResponse:
    """Sign in with the password; 401 when it is wrong, 429 from the 11th wrong one in a minute on."""
    body = form_or_json()
    target = own_path(body.get("next"))
    if not engine().access.has_password:
        raise Conflict("No password is set, so there is nothing to sign in to.", "Open the Download page, /.")
    if not engine().access.check_password(parse_password(body.get("password"))):
        raise SignedOut("That is not the password.", "It is the one in REDLINE_PASSWORD or set in Settings.")
    session.clear()
    session["epoch"] = engine().access.sessions_epoch
    return redirect(target, 303) if wants_html() else answer({"signed_in": True})


@bp.post("/logout")
def sign_out() -> AnyResponse:
    """End the session of this browser; with ``everywhere``, those of all browsers."""
    if request.content_length and parse_flag(form_or_json().get("everywhere", False), "everywhere"):
        engine().access.end_sessions()
    session.clear()
    return redirect("/login", 303) if wants_html() else answer({"signed_in": False})


def parse_password(was: object, field: str = "password") -> str:
    """Return the password of a body; a message about a wrong one never repeats it."""
    if isinstance(was, str) and 0 < len(was) <= 1_024:
        return was
    raise BadField(field, HIDDEN, "it must be text")


def own_path(was: object) -> str:
    """Return ``was`` if it is a path of this server, else ``/``: a sign-in never leads to another site."""
    return was if isinstance(was, str) and len(was) < 2_048 and _OWN_PATH.fullmatch(was) else "/"
