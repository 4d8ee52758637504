"""Who may come in: the rules of reliability-security.md, "Requests", in the order in which they are asked.

Host, then secrets in the address, then who is calling, then where the request comes from, then its body. They run
before any route, and for addresses that do not exist too, so a refused request reaches no handler at all.
"""

from __future__ import annotations

import ipaddress
import re
from enum import Enum
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request, session
from flask_wtf.csrf import CSRFProtect, validate_csrf
from wtforms.validators import ValidationError

from redline.errors import Refused, RequestError, SignedOut, TooLarge, WrongBodyType, WrongHost
from redline.web.answers import is_form
from redline.web.body import SECRET_NAME
from redline.web.current import engine

MAX_BODY_BYTES = 1_048_576
SAFE = ("GET", "HEAD")
OPEN = ("static", "login.form", "login.sign_in")
STREAMS = ("jobs.events", "jobs.job_events")
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
_HOST = re.compile(r"([a-z0-9_.-]{1,253}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Caller(Enum):
    """How a request says who it is."""

    TOKEN = "bearer token"  # noqa: S105  (a word, no secret)
    SESSION = "session"
    ANYBODY = "nobody in particular: no password is set"
    NOBODY = "not signed in"


def register(app: Flask) -> None:
    """Put the gate before every request of ``app``."""
    CSRFProtect(app)
    app.config["REDLINE_HOSTS"] = listed_hosts(app.extensions["redline"].engine.settings)
    app.before_request(check)


def listed_hosts(settings: object) -> frozenset[str]:
    """Return the names that the server answers to, in lower case: loopback, the bound address, and those listed."""
    bound = bracketed(str(getattr(settings, "host", "127.0.0.1")))
    names = {*LOOPBACK, bound, *(bracketed(str(name)) for name in getattr(settings, "server_names", ()))}
    return frozenset(name.lower() for name in names) - {"0.0.0.0", "[::]"}  # noqa: S104  (taken out, not bound)


def bracketed(name: str) -> str:
    """Return a host name as it stands in a URL: an IPv6 address gets its brackets."""
    try:
        return f"[{name}]" if ipaddress.ip_address(name).version == 6 else name
    except ValueError:
        return name


def check() -> None:
    """Let the request in, or raise.

    Raises:
        WrongHost: the Host, or the target in absolute form, is not listed.
        RequestError: a secret in the address.
        SignedOut: a password is set and nothing proves who is calling, or the token does not hold.
        Refused: it may come from another web page; or a form without its token.
        WrongBodyType, TooLarge: the body.
    """
    check_host()
    check_address()
    caller = who()
    g.known = caller is not Caller.NOBODY
    if caller is Caller.NOBODY and request.endpoint not in OPEN:
        raise SignedOut("A password is set here.", "Sign in at /login, or send a bearer token made in Settings.")
    check_source(caller)
    if request.method not in SAFE:
        check_body()


def check_host() -> None:
    """Refuse names that are not listed: that is what stops a page that rebinds its own name to this address."""
    target = request.environ.get("REQUEST_URI", "/")
    asked = [request.environ.get("HTTP_HOST", "")]
    if not target.startswith("/"):
        asked.append(urlsplit(target).netloc)
    if not all(is_listed(host) for host in asked):
        raise WrongHost(
            "This server does not answer to that name.",
            "Use http://127.0.0.1 with its port, or add the name to REDLINE_SERVER_NAMES.",
        )


def is_listed(host: str) -> bool:
    """Return whether a Host (with or without a port) is one of the listed names."""
    found = _HOST.fullmatch(host.lower())
    return found is not None and found[1] in current_app.config["REDLINE_HOSTS"]


def check_address() -> None:
    """Refuse secrets in the address: it would stand in histories, proxies and logs."""
    for name in request.args:
        if SECRET_NAME.search(name):
            raise RequestError(
                f"A secret does not belong into an address ({name[:40]}).",
                "Send it in the body, or a bearer token in the Authorization header.",
                field=name[:40],
            )
    if engine().knows_secret(f"{request.path}?{' '.join(request.args.values())}"):
        raise RequestError(
            "An API key does not belong into an address.", "Save it under Settings → API Keys, and make it new."
        )


def who() -> Caller:
    """Return who is calling. A bearer token that does not hold is an error, whatever else the request carries."""
    access = engine().access
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        if access.check_token(token.strip()) is None:
            raise SignedOut("The bearer token does not hold.", "Make one in Settings; a revoked one stays revoked.")
        return Caller.TOKEN
    if not access.has_password:
        return Caller.ANYBODY
    return Caller.SESSION if session.get("epoch") == access.sessions_epoch else Caller.NOBODY


def check_source(caller: Caller) -> None:
    """Refuse what another web page may have sent. Streams obey the rule for changes: they hold a thread."""
    reads = request.method in SAFE and request.endpoint not in STREAMS
    if not (may_read() if reads else may_change(caller)):
        raise Refused(
            "The request does not come from a page of this app.",
            "Programs send a bearer token (Settings → Access) and no cookie; pages send their own Origin.",
        )


def may_read() -> bool:
    """Whether a GET may be answered: from our pages, from an address bar, a link followed, or a program."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is None:
        return "Origin" not in request.headers or is_own_origin()
    navigation = ("navigate", "document")
    followed = (request.headers.get("Sec-Fetch-Mode"), request.headers.get("Sec-Fetch-Dest")) == navigation
    return site in ("same-origin", "none") or followed


def may_change(caller: Caller) -> bool:
    """Whether a change (or a stream) may be asked for; ``Sec-Fetch-Site`` decides wherever it is present."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    if caller is Caller.TOKEN and "Cookie" not in request.headers:
        return True
    if caller is Caller.ANYBODY and engine().settings.is_loopback and is_program():
        return True
    if request.endpoint == "login.sign_in" and "Origin" not in request.headers and not fetch_headers():
        return True  # No browser posts without an Origin; a program that knows the password proves itself by it.
    return is_own_origin() and has_good_token()


def is_program() -> bool:
    """Whether the client is no browser: neither cookie nor Origin nor any ``Sec-Fetch-*``."""
    return not ("Cookie" in request.headers or "Origin" in request.headers or fetch_headers())


def fetch_headers() -> list[str]:
    """Return the names of the ``Sec-Fetch-*`` headers sent; browsers send them to trustworthy addresses."""
    return [name for name in request.headers.keys() if name.lower().startswith("sec-fetch-")]  # noqa: SIM118


def is_own_origin() -> bool:
    """Whether ``Origin`` equals this server in scheme, host and port."""
    return request.headers.get("Origin", "").lower() == f"{request.scheme}://{request.environ['HTTP_HOST']}".lower()


def has_good_token() -> bool:
    """Whether the request carries the CSRF token of its session, as a field or as ``X-CSRFToken``."""
    token = request.form.get("csrf_token") if is_form() else None
    try:
        validate_csrf(token or request.headers.get("X-CSRFToken"))
    except ValidationError:
        return False
    return True


def check_body() -> None:
    """Refuse bodies that are too big, neither JSON nor a form, packed, or a form without its token."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise TooLarge("The body is too big.", "A request has at most 1 MB.")
    if is_form():
        if not has_good_token():
            raise Refused("The form came without its token.", "Load the page again and send the form from there.")
        return
    bare = not request.content_type and not request.content_length and "Transfer-Encoding" not in request.headers
    if request.headers.get("Content-Encoding") or not (bare or request.mimetype == "application/json"):
        raise WrongBodyType("The body is neither JSON nor a form.", "Send it as application/json, unpacked.")
