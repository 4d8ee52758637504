"""The rules of reliability-security.md, "Requests": each refusal has a twin that must succeed."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.web.bodies import body_of, csrf_of
from tests.web.conftest import BROWSER
from tests.web.standin import PASSWORD, StandInEngine

ASK = {"ticker": "AAPL"}
LAN = {"base_url": "http://192.168.7.7:8080"}
LAN_ORIGIN = "http://192.168.7.7:8080"


def signed_in(app: Flask) -> tuple[FlaskClient, str]:
    """Return a browser on the LAN that has signed in, and its CSRF token."""
    client = app.test_client()
    token = csrf_of(client.get("/login", **LAN).text)
    form = {"password": PASSWORD, "csrf_token": token}
    answer = client.post("/login", data=form, headers={"Origin": LAN_ORIGIN}, **LAN)
    assert answer.status_code == 303, answer.text
    return client, csrf_of(client.get("/", **LAN).text)


# -- Host -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:1"])
def test_listed_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/budget", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.nip.io",
        "localhost, evil.example",
        "user@localhost",
        "localhost.",
        "0.0.0.0:8080",
        "127.1",
        "",
        "local host",
        "[::ffff:127.0.0.1]",
        "proxy.example",
    ],
)
def test_other_names_are_refused_on_every_route(client: FlaskClient, host: str) -> None:
    for path in ("/", "/budget", "/healthz", "/jobs", "/static/style.css", "/no/such", "/login"):
        answer = client.get(path, headers={"Host": host, "Accept": "application/json"})

        assert answer.status_code in (400, 421), path
        assert set(body_of(answer)) >= {"error", "code", "hint"}


def test_a_rebound_name_changes_nothing(client: FlaskClient, engine: StandInEngine) -> None:
    same = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}

    assert client.post("/download", json=ASK, headers=same).status_code == 421
    assert not engine.calls


def test_a_target_in_absolute_form_counts_as_host(client: FlaskClient) -> None:
    assert client.get("/budget", environ_overrides={"REQUEST_URI": "http://evil.example/budget"}).status_code == 421
    assert client.get("/budget", environ_overrides={"REQUEST_URI": "http://127.0.0.1:8080/budget"}).status_code == 200


def test_who_did_not_pass_the_gate_sees_nothing_of_the_house(app: Flask, locked_client: FlaskClient) -> None:
    strangers = [
        app.test_client().get("/jobs", headers={"Host": "evil.example"}),
        locked_client.get("/static/none.css", **LAN),
        locked_client.post("/login", data={"password": "x"}, **LAN),
        locked_client.get("/jobs", **LAN),
    ]

    assert [answer.status_code for answer in strangers] == [421, 404, 403, 401]
    for answer in strangers:
        assert answer.mimetype == "text/html"
        assert "Massive" not in answer.text
    assert "Massive" in app.test_client().get("/no/such").text


def test_an_added_name_is_answered(locked: StandInEngine, locked_client: FlaskClient) -> None:
    token = {"Authorization": f"Bearer {locked.access.make_token('script')}"}

    assert locked_client.get("/budget", base_url="http://proxy.example", headers=token).status_code == 200
    assert locked_client.get("/budget", base_url="http://other.example", headers=token).status_code == 421


# -- methods ----------------------------------------------------------------------------------------------------------

CHANGES = ["/download", "/download/plan", "/jobs/j0001/pause", "/jobs/j0001/resume", "/jobs/j0001/cancel"]
CHANGES += ["/jobs/j0001/retry", "/settings/api-keys/massive/delete", "/settings/api-keys/massive/test", "/logout"]


@pytest.mark.parametrize("path", CHANGES)
def test_a_change_by_get_is_405_and_says_what_is_allowed(client: FlaskClient, path: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_other_methods_are_405(client: FlaskClient, engine: StandInEngine, method: str) -> None:
    assert client.open("/download", method=method, json=ASK).status_code == 405
    assert not engine.calls


def test_an_override_header_changes_no_method(client: FlaskClient, engine: StandInEngine) -> None:
    assert client.get("/download", headers={"X-HTTP-Method-Override": "POST"}).status_code == 405
    assert not engine.calls


@pytest.mark.parametrize("headers", [{}, BROWSER, {"Origin": "http://evil.example"}])
def test_no_answer_allows_another_origin(client: FlaskClient, headers: dict[str, str]) -> None:
    asked = {"Access-Control-Request-Method": "POST", **headers}

    for answer in (client.get("/budget", headers=asked), client.options("/download", headers=asked)):
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


# -- bodies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_json_is_read(client: FlaskClient, kind: str) -> None:
    assert client.post("/download", data=b'{"ticker": "AAPL"}', content_type=kind).status_code == 200


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/json", "application/x-json", "application/jsonp", "text/plain; application/json", "", "*/*"],
)
def test_other_bodies_are_415(client: FlaskClient, engine: StandInEngine, kind: str) -> None:
    answer = client.post("/download", data=b'{"ticker": "AAPL"}', headers={"Content-Type": kind})

    assert answer.status_code == 415
    assert not engine.calls


def test_a_packed_body_is_415(client: FlaskClient) -> None:
    packed = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    assert client.post("/download", data=b"\x1f\x8b", headers=packed).status_code == 415


def test_a_form_needs_its_token(app: Flask, engine: StandInEngine) -> None:
    browser = app.test_client()
    token = csrf_of(browser.get("/").text)

    refused = browser.post("/download", data=ASK, headers=BROWSER)
    foreign = app.test_client().post("/download", data={**ASK, "csrf_token": token}, headers=BROWSER)
    assert (refused.status_code, foreign.status_code) == (403, 403)
    assert not engine.calls

    passed = browser.post("/download", data={**ASK, "csrf_token": token}, headers=BROWSER)
    assert passed.status_code == 303
    assert passed.headers["Location"] == "/jobs/j0001"


def test_a_program_cannot_send_a_form_without_its_token(client: FlaskClient, engine: StandInEngine) -> None:
    assert client.post("/download", data=ASK).status_code == 403
    assert client.post("/download", data=ASK, content_type="multipart/form-data").status_code == 403
    assert not engine.calls


def test_an_action_of_a_program_needs_no_body(client: FlaskClient, engine: StandInEngine) -> None:
    engine.hold()
    job_id = body_of(client.post("/download", json=ASK, headers={"Prefer": "respond-async"}))["job_id"]

    answer = client.post(f"/jobs/{job_id}/pause", headers={"Accept": "application/json"})

    assert (answer.status_code, body_of(answer)["state"]) == (200, "paused")


# -- where it comes from ----------------------------------------------------------------------------------------------

REFUSED: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": ""},
    {"Sec-Fetch-Site": "same-origin, cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
    {"Sec-Fetch-Mode": "cors"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:9000"},
    {"Origin": "https://localhost"},
    {"Origin": "http://localhost"},
    {"Cookie": "a=b"},
    {"Cookie": "a=b", "Origin": "http://localhost"},
    {"Cookie": ""},
]


@pytest.mark.parametrize("headers", REFUSED, ids=str)
def test_what_another_page_may_have_sent_reaches_no_handler(
    client: FlaskClient, engine: StandInEngine, headers: dict[str, str]
) -> None:
    for path in ("/download", "/settings/api-keys", "/no/such"):
        assert client.post(path, json=ASK, headers=headers).status_code == 403, path
    assert not engine.calls


@pytest.mark.parametrize(
    "headers",
    [{}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "same-origin", "Cookie": "a=b"}, BROWSER],
    ids=str,
)
def test_programs_and_own_pages_pass(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/download", json=ASK, headers=headers).status_code == 200


def test_own_origin_passes_with_a_good_token_only(app: Flask, engine: StandInEngine) -> None:
    browser = app.test_client()
    token = csrf_of(browser.get("/").text)
    own, other = {"Origin": "http://localhost"}, {"Origin": "http://localhost:81"}

    assert browser.post("/download", json=ASK, headers=own).status_code == 403
    assert browser.post("/download", json=ASK, headers={**own, "X-CSRFToken": token + "x"}).status_code == 403
    assert browser.post("/download", json=ASK, headers={**other, "X-CSRFToken": token}).status_code == 403
    assert browser.post("/download", json=ASK, headers={"X-CSRFToken": token}).status_code == 403
    assert not engine.calls
    assert browser.post("/download", json=ASK, headers={**own, "X-CSRFToken": token}).status_code == 200


@pytest.mark.parametrize("path", ["/jobs/j0001/events", "/events?jobs=j0001"])
def test_streams_obey_the_rule_for_changes(client: FlaskClient, path: str) -> None:
    client.post("/download", json=ASK)

    assert client.get(path).status_code == 200
    assert client.get(path, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200
    for headers in REFUSED:
        assert client.get(path, headers=headers).status_code == 403, headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost"}, 200),
    ],
    ids=str,
)
def test_other_pages_may_link_here_but_not_read(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    assert client.get("/data/bars?ticker=AAPL", headers=headers).status_code == status


@pytest.mark.parametrize("name", ["api_key", "apiKey", "token", "password", "access_token", "csrf_token", "secret"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/data/bars?ticker=AAPL&{name}=canary12345")

    assert answer.status_code == 400
    assert "canary" not in answer.text


# -- password, tokens, sessions ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/jobs", "/budget", "/healthz", "/data/bars?ticker=AAPL", "/no/such", "/settings"]
)
def test_without_credentials_everything_is_401(locked_client: FlaskClient, path: str) -> None:
    answer = locked_client.get(path, headers={"Accept": "application/json"}, **LAN)

    assert (answer.status_code, body_of(answer)["code"]) == (401, "signed_out")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_without_credentials_a_browser_sees_the_sign_in_page(locked_client: FlaskClient) -> None:
    page = locked_client.get("/jobs?state=failed", headers={"Accept": "text/html"}, **LAN)

    assert page.status_code == 401
    assert 'name="password"' in page.text
    assert 'value="/jobs?state=failed"' in page.text
    assert locked_client.get("/login", **LAN).status_code == 200
    with locked_client.get("/static/style.css", **LAN) as style:
        assert style.status_code == 200


def test_a_program_without_credentials_changes_nothing(locked: StandInEngine, locked_client: FlaskClient) -> None:
    assert locked_client.post("/download", json=ASK, **LAN).status_code == 401
    assert not locked.calls


def test_a_bearer_token_passes_without_a_cookie_only(locked: StandInEngine, locked_client: FlaskClient) -> None:
    token = {"Authorization": f"Bearer {locked.access.make_token('script')}"}

    def post(**more: str) -> int:
        return locked_client.post("/download", json=ASK, headers={**token, **more}, **LAN).status_code

    assert post() == 200
    assert post(Cookie="a=b") == 403
    assert post(Cookie="a=b", **{"Sec-Fetch-Site": "same-origin"}) == 200
    assert post(**{"Sec-Fetch-Site": "cross-site"}) == 403
    assert post(Authorization="Bearer wrong") == 401
    assert post(Authorization="Basic dXNlcjpwYXNz") == 401


def test_a_revoked_token_is_refused(locked: StandInEngine, locked_client: FlaskClient) -> None:
    token = {"Authorization": f"Bearer {locked.access.make_token('script')}"}
    assert locked_client.get("/budget", headers=token, **LAN).status_code == 200

    assert locked_client.delete("/settings/tokens/script", headers=token, **LAN).status_code == 200

    assert locked_client.get("/budget", headers=token, **LAN).status_code == 401


def test_a_wrong_token_is_refused_where_none_is_needed(client: FlaskClient) -> None:
    assert client.get("/budget", headers={"Authorization": "Bearer wrong"}).status_code == 401


def test_a_session_changes_things_from_its_own_pages_only(locked: StandInEngine, locked_app: Flask) -> None:
    browser, token = signed_in(locked_app)

    def post(**headers: str) -> int:
        return browser.post("/download", json=ASK, headers=headers, **LAN).status_code

    assert post() == 403
    assert post(Origin=LAN_ORIGIN) == 403
    assert post(Origin="http://192.168.7.7:9090", **{"X-CSRFToken": token}) == 403
    assert post(**{"Sec-Fetch-Site": "same-site"}) == 403
    assert not locked.calls
    assert post(Origin=LAN_ORIGIN, **{"X-CSRFToken": token}) == 200
    assert post(**{"Sec-Fetch-Site": "same-origin"}) == 200


def test_a_new_password_ends_all_sessions(locked: StandInEngine, locked_app: Flask) -> None:
    browser, _ = signed_in(locked_app)
    assert browser.get("/budget", **LAN).status_code == 200

    locked.access.set_password("another long password")

    assert browser.get("/budget", **LAN).status_code == 401


def test_signing_out_ends_the_session(locked_app: Flask) -> None:
    browser, token = signed_in(locked_app)

    answer = browser.post("/logout", data={"csrf_token": token}, headers={"Origin": LAN_ORIGIN}, **LAN)

    assert answer.status_code == 303
    assert browser.get("/budget", **LAN).status_code == 401


def test_the_eleventh_wrong_password_in_a_minute_is_429(locked_client: FlaskClient) -> None:
    def knock(password: str) -> Any:
        return locked_client.post("/login", json={"password": password}, **LAN)

    assert [knock("wrong").status_code for _ in range(10)] == [401] * 10
    eleventh = knock(PASSWORD)

    assert eleventh.status_code == 429
    assert eleventh.headers["Retry-After"] == "60"


def test_a_program_signs_in_with_json(locked_client: FlaskClient) -> None:
    answer = locked_client.post("/login", json={"password": PASSWORD}, **LAN)

    assert answer.status_code == 200
    assert "redline=" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize("headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}])
def test_another_page_cannot_try_passwords(
    locked: StandInEngine, locked_client: FlaskClient, headers: dict[str, str]
) -> None:
    assert locked_client.post("/login", json={"password": "wrong"}, headers=headers, **LAN).status_code == 403
    assert locked.access.wrong == 0


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:1", "", "x"]
)
def test_signing_in_leads_to_no_other_site(locked_app: Flask, target: str) -> None:
    client = locked_app.test_client()
    token = csrf_of(client.get("/login", **LAN).text)
    form = {"password": PASSWORD, "csrf_token": token, "next": target}

    answer = client.post("/login", data=form, headers={"Origin": LAN_ORIGIN}, **LAN)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


@pytest.mark.parametrize(
    ("scheme", "name", "secure"), [("http", "redline=", False), ("https", "__Host-redline=", True)]
)
def test_the_session_cookie_is_strict(client: FlaskClient, scheme: str, name: str, secure: bool) -> None:
    cookie = client.get("/", base_url=f"{scheme}://localhost").headers["Set-Cookie"]

    assert cookie.startswith(name)
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert ("Secure" in cookie.split("; ")) is secure
    assert "Domain" not in cookie


def test_there_is_no_console(client: FlaskClient) -> None:
    assert client.get("/console").status_code == 404
