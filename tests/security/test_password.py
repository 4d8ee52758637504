"""The password: set and changed on the page or by JSON, sessions ended, guesses counted, tokens untouched."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from redline.config.settings import load
from redline.engine import Engine
from redline.testing import FakeClock
from redline.web.application import create_app
from tests.web.bodies import csrf_of

FIRST, SECOND = "violet tractor 91 soup", "seven quiet harbours"
OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def engine_at(folder: Path, clock: FakeClock, **given: object) -> Engine:
    places = {name: str(folder / name) for name in ("home", "state_dir", "config_dir")}
    environ = {"HOME": str(folder / "user")}
    return Engine(load(environ, arguments={**places, **given}, cwd=folder), clock, work=False)


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> Flask:
    return create_app(engine_at(tmp_path, clock))


def browser(app: Flask, password: str = "") -> FlaskClient:
    """Return a browser, signed in when there is a password."""
    client = app.test_client()
    if password:
        form = {"password": password, "csrf_token": csrf_of(client.get("/login").text)}
        assert client.post("/login", data=form, headers=OWN).status_code == 303
    return client


def change(client: FlaskClient, **fields: str) -> int:
    """Send the form of the page and return the status."""
    form = {**fields, "csrf_token": csrf_of(client.get("/settings").text)}
    return client.post("/settings/password", data=form, headers=OWN).status_code


def test_the_first_password_is_set_by_form_and_this_browser_stays_signed_in(app: Flask) -> None:
    mine = browser(app)

    assert 'name="current"' not in mine.get("/settings").text
    assert change(mine, password=FIRST) == 303
    assert mine.get("/settings").status_code == 200
    assert 'name="current"' in mine.get("/settings").text
    assert browser(app).get("/jobs").status_code == 401
    assert browser(app, FIRST).get("/jobs").status_code == 200


def test_another_password_ends_all_other_sessions_and_no_token(app: Flask) -> None:
    mine, program = browser(app), app.test_client(use_cookies=False)
    token = {"Authorization": f"Bearer {program.post('/settings/tokens', json={'name': 'x'}).get_json()['token']}"}
    change(mine, password=FIRST)
    other = browser(app, FIRST)

    assert change(mine, password=SECOND, current=FIRST) == 303
    assert (mine.get("/jobs").status_code, other.get("/jobs").status_code) == (200, 401)
    assert program.get("/jobs", headers=token).status_code == 200
    wrong = program.post("/login", json={"password": FIRST})
    right = program.post("/login", json={"password": SECOND})
    assert (wrong.status_code, right.status_code) == (401, 200)


def test_by_json_the_current_password_is_needed_and_wrong_ones_are_counted(app: Flask, clock: FakeClock) -> None:
    program = app.test_client(use_cookies=False)
    token = {"Authorization": f"Bearer {program.post('/settings/tokens', json={'name': 'x'}).get_json()['token']}"}
    answer = program.post("/settings/password", json={"password": FIRST})
    assert (answer.status_code, answer.get_json()) == (200, {"password": "set"})
    assert "Set-Cookie" not in answer.headers
    assert program.post("/settings/password", json={"password": SECOND}).status_code == 401

    for given in ({}, {"current": SECOND}, {"current": 5}, {"current": ""}):
        answer = program.post("/settings/password", json={"password": SECOND, **given}, headers=token)
        assert (answer.status_code, answer.get_json()["field"]) == (400, "current")
        assert SECOND not in answer.text
    for _ in range(9):
        program.post("/settings/password", json={"password": SECOND, "current": "no"}, headers=token)
    full = program.post("/settings/password", json={"password": SECOND, "current": FIRST}, headers=token)
    assert full.status_code == 429
    assert int(full.headers["Retry-After"]) > 0
    clock.advance(61)
    done = program.post("/settings/password", json={"password": SECOND, "current": FIRST}, headers=token)
    assert done.status_code == 200


@pytest.mark.parametrize("weak", ["", "short", "password1", "aaaaaaaaaaaa", "12345678", "changeme changeme", 5, None])
def test_a_weak_password_is_refused_by_name_of_the_field(app: Flask, weak: object) -> None:
    answer = app.test_client().post("/settings/password", json={"password": weak})

    assert (answer.status_code, answer.get_json()["field"]) == (400, "password")
    assert app.test_client().get("/jobs").status_code == 200


def test_a_wrong_field_of_the_form_is_marked_and_nothing_typed_comes_back(app: Flask) -> None:
    mine = browser(app)
    change(mine, password=FIRST)
    token = csrf_of(mine.get("/settings").text)
    form = {"password": SECOND, "current": "not this one", "csrf_token": token}
    page = mine.post("/settings/password", data=form, headers={**OWN, "Accept": "text/html"})

    assert page.status_code == 400
    assert 'id="f-current-e"' in page.text
    assert SECOND not in page.text
    assert "not this one" not in page.text


def test_a_password_from_outside_is_changed_there(tmp_path: Path, clock: FakeClock) -> None:
    app = create_app(engine_at(tmp_path, clock, password=FIRST))
    mine = browser(app, FIRST)

    assert change(mine, password=SECOND, current=FIRST) == 409
    assert "REDLINE_PASSWORD" in mine.get("/settings").text


def test_signing_out_everywhere_ends_every_session(app: Flask) -> None:
    mine = browser(app)
    change(mine, password=FIRST)
    other, third = browser(app, FIRST), browser(app, FIRST)

    assert third.post("/logout", data={"csrf_token": csrf_of(third.get("/").text)}, headers=OWN).status_code == 303
    assert [one.get("/jobs").status_code for one in (mine, other, third)] == [200, 200, 401]
    form = {"csrf_token": csrf_of(mine.get("/").text), "everywhere": "true"}
    assert mine.post("/logout", data=form, headers=OWN).status_code == 303
    assert [one.get("/jobs").status_code for one in (mine, other)] == [401, 401]
    assert browser(app, FIRST).get("/jobs").status_code == 200


def test_another_page_changes_no_password(app: Flask) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        assert (
            app.test_client().post("/settings/password", json={"password": FIRST}, headers=headers).status_code == 403
        )
    assert app.test_client().get("/settings/password").status_code == 405
    assert app.test_client().get(f"/settings?password={FIRST}").status_code == 400
    assert app.test_client().get("/jobs").status_code == 200
