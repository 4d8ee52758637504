"""The session cookie: signed, ``HttpOnly``, ``SameSite=Strict``; over https ``Secure`` and under a ``__Host-`` name."""

from __future__ import annotations

from datetime import timedelta

from flask import Flask, has_request_context, request
from flask.sessions import SecureCookieSessionInterface

NAME = "redline"
LIFETIME = timedelta(days=7)


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie, with a name and a ``Secure`` mark that follow the scheme of the request."""

    def get_cookie_name(self, app: Flask) -> str:
        return f"__Host-{NAME}" if self._over_https() else NAME

    def get_cookie_secure(self, app: Flask) -> bool:
        return self._over_https()

    def _over_https(self) -> bool:
        return has_request_context() and request.is_secure


def register(app: Flask, secret: bytes) -> None:
    """Give ``app`` its session cookie, signed with ``secret``."""
    app.secret_key = secret
    app.session_interface = Sessions()
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/",
        SESSION_COOKIE_DOMAIN=None,
        PERMANENT_SESSION_LIFETIME=LIFETIME,
        WTF_CSRF_CHECK_DEFAULT=False,  # The gate asks for the token itself, in its order and with its words.
        WTF_CSRF_TIME_LIMIT=None,  # The token lasts as long as its session: pages stay open overnight.
    )
