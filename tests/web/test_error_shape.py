"""Every error leaves the house in one shape; bad input is named, and nothing secret stands in it."""

from __future__ import annotations

import contextlib
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from redline.errors import InvalidJson
from redline.web.strict_json import MAX_DEPTH, parse_object
from tests.web.bodies import body_of
from tests.web.standin import StandInEngine

DEEP = b'{"ticker":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def assert_shape(body: dict[str, Any]) -> None:
    assert set(body) >= {"error", "code", "hint"}
    assert all(isinstance(body[name], str) for name in ("error", "code", "hint"))
    assert body["error"].endswith(".") or body["code"] == "missing_api_key"  # design 4.3 fixes that one
    assert str(Path(__file__).parents[2]) not in str(body)
    assert "Traceback" not in str(body)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_json"),
        (b"   ", "invalid_json"),
        (b"{", "invalid_json"),
        (b"[]", "invalid_json"),
        (b'"AAPL"', "invalid_json"),
        (b"null", "invalid_json"),
        (b'{"ticker": "AAPL", "ticker": "IBM"}', "invalid_json"),
        (b'{"multiplier": NaN}', "invalid_json"),
        (b'{"multiplier": -Infinity}', "invalid_json"),
        (b'{"multiplier": 1e999}', "invalid_json"),
        (b'{"multiplier": ' + b"9" * 5_000 + b"}", "invalid_json"),
        (b'{"ticker": "\\ud800"}', "invalid_json"),
        (b'{"ticker": "AA\xffPL"}', "invalid_json"),
        (b'\xef\xbb\xbf{"ticker": "AAPL"}', "invalid_json"),
        (DEEP, "invalid_json"),
        (b'{"ticker": ["AAPL"]}', "bad_field"),
        (b'{"ticker": 7}', "bad_field"),
        (b'{"ticker": ""}', "bad_field"),
        (b'{"ticker": "../x"}', "bad_name"),
        (b'{"ticker": "BRK/B"}', "bad_name"),
        (b'{"ticker": "AAPL", "timespan": "fortnight"}', "bad_field"),
        (b'{"ticker": "AAPL", "multiplier": 0}', "bad_field"),
        (b'{"ticker": "AAPL", "start_date": "2024-06"}', "bad_field"),
        (b'{"ticker": "AAPL", "start_date": "2024-06-07", "end_date": "2024-06-03"}', "bad_field"),
        (b'{"ticker": "AAPL", "end_date": "2999-01-01"}', "bad_field"),
        (b'{"ticker": "AAPL", "format": "docx"}', "bad_field"),
        (b'{"ticker": "AAPL", "format": 1}', "bad_field"),
        (b'{"ticker": "AAPL", "api_key": 1}', "bad_field"),
        (b'{"ticker": "AAPL", "api_key": ""}', "bad_field"),
        (b'{"ticker": "AAPL", "dataset": "splits", "format": "csv"}', "unsupported"),
        (b'{"ticker": "KEYLESS"}', "missing_api_key"),
    ],
    ids=lambda value: repr(value)[:50],
)
def test_bad_input_is_a_400_that_says_what_is_wrong(client: FlaskClient, body: bytes, code: str) -> None:
    answer = client.post("/download", data=body, content_type="application/json")

    assert (answer.status_code, body_of(answer)["code"]) == (400, code)
    assert_shape(body_of(answer))


def test_the_missing_key_says_what_the_contract_says(client: FlaskClient) -> None:
    assert body_of(client.post("/download", json={"ticker": "KEYLESS"}))["error"] == "Massive.com API key required"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/no/such", 404, "not_found"),
        ("GET", "/jobs/none", 404, "not_found"),
        ("GET", "/jobs/none/events", 404, "not_found"),
        ("GET", "/events", 400, "bad_field"),
        ("GET", "/events?jobs=none", 404, "not_found"),
        ("POST", "/jobs/none/pause", 404, "not_found"),
        ("GET", "/data/bars", 400, "bad_field"),
        ("GET", "/data/bars?ticker=IBM", 404, "no_data"),
        ("GET", "/data/bars?ticker=AAPL&ticker=IBM", 400, "bad_field"),
        ("GET", "/data/bars?ticker=AAPL&format=docx", 400, "bad_field"),
        ("GET", "/data/bars?ticker=AAPL&adjust=half", 400, "bad_field"),
        ("GET", "/data/bars?ticker=AAPL&colour=red", 400, "bad_field"),
        ("DELETE", "/settings/api-keys/massive", 404, "not_found"),
        ("POST", "/settings/api-keys/massive/test", 400, "missing_api_key"),
        ("DELETE", "/settings/tokens/none", 404, "not_found"),
        ("GET", "/download", 405, "method_not_allowed"),
        ("POST", "/login", 400, "invalid_json"),
    ],
)
def test_every_error_has_the_one_shape(client: FlaskClient, method: str, path: str, status: int, code: str) -> None:
    answer = client.open(path, method=method, headers={"Accept": "application/json"})

    assert (answer.status_code, body_of(answer)["code"]) == (status, code)
    assert_shape(body_of(answer))


def test_an_error_is_a_page_for_a_browser(client: FlaskClient) -> None:
    page = client.get("/jobs/<script>alert(1)</script>", headers={"Accept": "text/html,*/*;q=0.8"})

    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "<script>alert" not in page.text
    assert "not_found" in page.text


def test_a_body_that_is_too_big_is_413(client: FlaskClient, engine: StandInEngine) -> None:
    fits = b'{"ticker": "AAPL", "api_key": "' + b"k" * 1_000_000 + b'"}'
    answer = client.post("/download", data=b" " * 1_048_577, content_type="application/json")

    assert (answer.status_code, body_of(answer)["code"]) == (413, "too_large")
    assert not engine.calls
    assert client.post("/download", data=fits, content_type="application/json").status_code == 400


def test_rate_limited_says_when_to_come_back(client: FlaskClient) -> None:
    answer = client.post("/download", json={"ticker": "LIMITED"})

    assert (answer.status_code, body_of(answer)["code"], answer.headers["Retry-After"]) == (429, "rate_limited", "12")


def test_a_bug_shows_an_incident_and_nothing_else(
    app: Flask, engine: StandInEngine, caplog: pytest.LogCaptureFixture
) -> None:
    engine.budget_breaks = RuntimeError(f"canary key in {Path(__file__)}")
    with caplog.at_level(logging.ERROR):
        answer = app.test_client().get("/budget")
        page = app.test_client().get("/budget", headers={"Accept": "text/html"})

    assert (answer.status_code, body_of(answer)["code"]) == (500, "internal_error")
    assert_shape(body_of(answer))
    assert body_of(answer)["incident"] in caplog.text
    assert "canary key" in caplog.text
    assert "canary" not in answer.text + page.text
    assert page.status_code == 500


@pytest.mark.parametrize("name", ["apikey", "API_KEY", "secret", "password", "token"])
def test_a_misspelt_secret_is_not_repeated(client: FlaskClient, name: str) -> None:
    for path in ("/download", "/download/plan"):
        answer = client.post(path, json={"ticker": "AAPL", name: "canary12345"})

        assert (answer.status_code, body_of(answer)["field"]) == (400, name)
        assert "canary" not in answer.text


def test_the_log_names_path_and_status_and_no_query(client: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get("/data/bars?ticker=AAPL&api_key=canary12345")
        client.get("/jobs/a%0aFORGED%20LINE")

    assert "GET /data/bars 400" in caplog.text
    assert "canary" not in caplog.text
    assert "\nFORGED" not in caplog.text
    assert "GET /jobs/a\\nFORGED LINE 404" in caplog.text


# -- the strict parser ------------------------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4))
def test_whatever_json_writes_is_read_back(value: dict[str, Any]) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=False).encode()) == value
    assert parse_object(json.dumps(value).encode()) == value


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_invalid_json(body: bytes) -> None:
    with contextlib.suppress(InvalidJson):
        assert isinstance(parse_object(body), dict)


def test_depth_is_counted_outside_strings() -> None:
    assert parse_object(b'{"a": "' + b"[" * 1_000 + b'\\"[{"}') == {"a": "[" * 1_000 + '"[{'}
    assert parse_object(b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}")
    with pytest.raises(InvalidJson):
        parse_object(b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}")
