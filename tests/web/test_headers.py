"""The headers of reliability-security.md stand on every answer, and only hashed static files may be cached."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from redline.web.assets import content_hash, static_url
from tests.web.standin import StandInEngine

WANTED = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/jobs", 200),
        ("GET", "/data", 200),
        ("GET", "/settings", 200),
        ("GET", "/settings/api-keys", 200),
        ("GET", "/login", 303),
        ("GET", "/budget", 200),
        ("GET", "/data/bars?ticker=AAPL", 200),
        ("GET", "/data/bars?ticker=AAPL&format=csv", 200),
        ("HEAD", "/data/bars?ticker=AAPL&format=csv", 200),
        ("GET", "/static/style.css", 200),
        ("GET", "/static/none.css", 404),
        ("GET", "/static/../pages.py", 404),
        ("GET", "/no/such", 404),
        ("GET", "/download", 405),
        ("POST", "/download", 400),
    ],
)
def test_every_answer_carries_every_header(client: FlaskClient, method: str, path: str, status: int) -> None:
    with client.open(path, method=method) as answer:
        assert answer.status_code == status
        assert {name: answer.headers[name] for name in WANTED} == WANTED
        assert "Server" not in answer.headers


def test_a_crash_carries_them_too(engine: StandInEngine, app: Flask) -> None:
    engine.budget_breaks = IndexError("broken")

    answer = app.test_client().get("/budget")

    assert answer.status_code == 500
    assert {name: answer.headers[name] for name in WANTED} == WANTED


def test_a_hashed_static_file_may_be_cached(client: FlaskClient) -> None:
    with client.get(static_url("style.css")) as named:
        assert named.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert named.headers["X-Content-Type-Options"] == "nosniff"
    for path in ("/static/style.css?v=0123456789abcdef", "/static/style.css?v=", "/static/none.css?v="):
        with client.get(path) as other:
            assert other.headers["Cache-Control"] == "no-store"


def test_a_hash_leaves_the_static_folder_for_nothing() -> None:
    assert len(content_hash("style.css")) == 16
    assert content_hash("../pages.py") == ""
    assert content_hash("vendor") == ""
    with pytest.raises(FileNotFoundError):
        static_url("none.css")
