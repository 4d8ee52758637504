"""What each address answers, as JSON and as a page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from redline.web.files import safe_name
from tests.web.bodies import body_of, csrf_of
from tests.web.conftest import BROWSER
from tests.web.standin import SESSIONS, StandInEngine

ASK = {"ticker": "AAPL", "start_date": "2024-06-03", "end_date": "2024-06-27"}
ASYNC = {"Prefer": "respond-async"}
JSON = {"Accept": "application/json"}
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_a_download_that_is_done_is_200_with_the_result(client: FlaskClient) -> None:
    answer = client.post("/download", json=ASK)

    assert answer.status_code == 200
    wanted = {"ticker", "source", "dataset", "records", "columns", "date_range", "complete", "gaps", "requests"}
    assert set(body_of(answer)) >= wanted | {"preview", "job_id", "links", "message"}
    assert body_of(answer)["records"] == len(SESSIONS)


@pytest.mark.parametrize("prefer", ["respond-async", "Respond-Async", "wait=10, respond-async", "respond-async; x=1"])
def test_who_prefers_not_to_wait_gets_202_with_the_job(client: FlaskClient, prefer: str) -> None:
    answer = client.post("/download", json=ASK, headers={"Prefer": prefer})

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/jobs/{body_of(answer)['job_id']}"
    assert set(body_of(answer)) >= {"job_id", "plan", "links"}
    assert body_of(client.get(answer.headers["Location"], headers=JSON))["job_id"] == body_of(answer)["job_id"]


def test_a_quarter_of_the_threads_wait_and_the_next_gets_202_at_once(
    app: Flask, client: FlaskClient, engine: StandInEngine
) -> None:
    engine.hold()
    seats = app.extensions["redline"].waiters
    assert [seats.take() for _ in range(5)] == [True, True, True, True, False]  # 16 threads

    assert client.post("/download", json=ASK).status_code == 202
    seats.leave()
    app.extensions["redline"].stopping.set()  # Who waits is sent on when the server stops.
    assert client.post("/download", json=ASK).status_code == 202


def test_a_key_of_one_request_is_handed_on_and_shown_nowhere(client: FlaskClient, engine: StandInEngine) -> None:
    answer = client.post("/download", json={**ASK, "api_key": "canary12345"})

    assert answer.status_code == 200
    assert engine.keys_given == ["canary12345"]
    assert "canary" not in answer.text


@pytest.mark.parametrize("fmt", ["csv", "parquet", "feather", "xlsx", "duckdb"])
def test_a_format_answers_with_a_file_that_is_gone_afterwards(
    client: FlaskClient, engine: StandInEngine, fmt: str
) -> None:
    for answer in (
        client.post("/download", json={**ASK, "format": fmt}),
        client.get(f"/data/bars?ticker=AAPL&format={fmt}"),
    ):
        with answer:
            assert answer.status_code == 200
            assert answer.headers["Content-Disposition"] == f"attachment; filename=AAPL_1day.{fmt}"
            assert answer.data == b"ticker\nAAPL"
            assert answer.headers["Content-Type"].count("charset") == (fmt == "csv")
    assert list(engine.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("AAPL_1day.csv", "AAPL_1day.csv"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ('a"; filename="b.exe', "a_filename_b.exe"),
        ("C:EURUSD.csv", "C_EURUSD.csv"),
        ("a\r\nX: y.csv", "a_X_y.csv"),
        ("", "export"),
    ],
)
def test_the_name_of_a_file_is_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_the_plan_is_a_bill_and_fetches_nothing(client: FlaskClient, engine: StandInEngine) -> None:
    answer = client.post("/download/plan", json={**ASK, "api_key": "canary12345", "format": "csv"})

    assert answer.status_code == 200
    assert set(body_of(answer)) == {
        "route", "calls", "bytes", "minutes", "parts", "sessions", "held", "refused", "not_in_plan", "alternatives",
        "possible", "why",
    }  # fmt: skip
    assert not engine.calls


def test_bars_are_columns_and_rows(client: FlaskClient) -> None:
    answer = client.get("/data/bars?ticker=AAPL&start=2024-06-03&end=2024-06-27")

    assert body_of(answer)["columns"] == [
        "ticker", "timestamp", "date", "open", "high", "low", "close", "volume", "vwap", "transactions", "source"
    ]  # fmt: skip
    first, last = body_of(answer)["rows"][0], body_of(answer)["rows"][-1]
    assert first == [
        "AAPL", "2024-06-03T04:00:00Z", "2024-06-03", 100.0, 102.0, 99.0, 101.0, 1e6, 100.5, 1000, "massive"
    ]  # fmt: skip
    assert len(body_of(answer)["rows"]) == len(SESSIONS)
    assert last[8] is None  # NaN is no JSON


def test_jobs_are_listed_shown_and_changed(client: FlaskClient, engine: StandInEngine) -> None:
    engine.hold()
    job_id = body_of(client.post("/download", json=ASK, headers=ASYNC))["job_id"]

    listed = body_of(client.get("/jobs", headers=JSON))["jobs"]
    assert [job["job_id"] for job in listed] == [job_id]
    for verb, state in (("pause", "paused"), ("resume", "running"), ("retry", "running"), ("cancel", "cancelled")):
        answer = client.post(f"/jobs/{job_id}/{verb}", headers=JSON)
        assert (answer.status_code, body_of(answer)["state"]) == (200, state)
    ended = client.post(f"/jobs/{job_id}/pause", headers=JSON)
    assert (ended.status_code, body_of(ended)["code"]) == (409, "conflict")


def events_of(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for piece in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in piece.splitlines() if not line.startswith((":", "retry")))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


def test_events_tell_a_job_from_its_start_to_its_end(client: FlaskClient) -> None:
    job_id = body_of(client.post("/download", json=ASK))["job_id"]

    answer = client.get(f"/jobs/{job_id}/events")

    assert answer.mimetype == "text/event-stream"
    assert [(kind, data.get("text")) for kind, data in events_of(answer.text)] == [
        ("state", "running"), ("state", "complete"), ("end", None)
    ]  # fmt: skip


def test_a_reader_who_comes_back_misses_nothing_and_reads_nothing_twice(client: FlaskClient) -> None:
    first, second = (body_of(client.post("/download", json=ASK))["job_id"] for _ in range(2))

    answer = client.get(f"/events?jobs={first},{second}", headers={"Last-Event-ID": f"{first}:1,{second}:2"})

    told = [(data["job_id"], kind, data.get("seq")) for kind, data in events_of(answer.text)]
    assert told == [(first, "state", 2), (first, "end", None), (second, "end", None)]


def test_streams_are_few_and_their_seats_come_back(app: Flask, client: FlaskClient) -> None:
    job_id = body_of(client.post("/download", json=ASK))["job_id"]
    seats = app.extensions["redline"].streams
    taken = [seats.take() for _ in range(4)]

    refused = client.get(f"/jobs/{job_id}/events")
    assert taken == [True] * 4
    assert (refused.status_code, body_of(refused)["code"], refused.headers["Retry-After"]) == (503, "busy", "5")

    seats.leave()
    for _ in range(3):
        with client.get(f"/jobs/{job_id}/events") as answer:
            assert answer.status_code == 200
        with client.head(f"/jobs/{job_id}/events") as answer:
            assert answer.status_code == 200


def test_keys_go_in_and_never_come_out(app: Flask, engine: StandInEngine) -> None:
    client = app.test_client()
    saved = client.post("/settings/api-keys", json={"source": "massive", "api_key": "canary12345"}, headers=BROWSER)
    assert saved.status_code == 201

    answers = [
        saved,
        client.get("/settings/api-keys", headers=JSON),
        client.post("/settings/api-keys/massive/test", headers={**BROWSER, **JSON}),
        client.get("/settings/api-keys", headers=PAGE),
        client.get("/settings", headers=PAGE),
        client.get("/", headers=PAGE),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200]
    assert all("canary" not in answer.text for answer in answers)
    assert body_of(answers[1])["keys"][0]["last_four"] == "2345"
    assert body_of(client.delete("/settings/api-keys/massive", headers=BROWSER)) == {
        "source": "massive",
        "deleted": True,
    }
    assert body_of(client.get("/settings/api-keys", headers=JSON)) == {"keys": []}


def test_a_key_form_that_is_wrong_comes_back_without_the_key(app: Flask) -> None:
    client = app.test_client()
    form = {"source": "nowhere", "api_key": "canary12345", "csrf_token": csrf_of(client.get("/").text)}

    answer = client.post("/settings/api-keys", data=form, headers={**BROWSER, **PAGE})

    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert "canary" not in answer.text


def test_forms_lead_back_to_their_pages(app: Flask, engine: StandInEngine) -> None:
    engine.hold()
    client = app.test_client()
    token = csrf_of(client.get("/").text)

    def send(path: str, **fields: str) -> tuple[int, str]:
        answer = client.post(path, data={**fields, "csrf_token": token}, headers={**BROWSER, **PAGE})
        return answer.status_code, answer.headers.get("Location", "")

    assert send("/download", **ASK, timespan="", adjusted="true") == (303, "/jobs/j0001")
    assert send("/jobs/j0001/pause") == (303, "/jobs/j0001")
    assert send("/settings/api-keys", source="massive", api_key="abcd1234") == (303, "/settings/api-keys")
    assert send("/settings/api-keys/massive/test") == (303, "/settings/api-keys")
    assert send("/settings/api-keys/massive/delete") == (303, "/settings/api-keys")
    assert send("/settings/tokens", name="script") == (201, "")
    assert send("/settings/tokens/script/delete") == (303, "/settings")


def test_a_token_is_shown_once(client: FlaskClient) -> None:
    made = client.post("/settings/tokens", json={"name": "script"})

    assert (made.status_code, body_of(made)) == (201, {"name": "script", "token": "rl_script_token_text"})
    assert "token_text" not in client.get("/settings/tokens").text + client.get("/settings").text


@pytest.mark.parametrize("path", ["/jobs", "/settings/api-keys"])
def test_json_is_answered_where_accept_asks_for_it_and_a_page_otherwise(client: FlaskClient, path: str) -> None:
    def kind(accept: str) -> str:
        return str(client.get(path, headers={"Accept": accept}).mimetype)

    assert kind("application/json") == "application/json"
    assert kind("application/json, text/html;q=0.5") == "application/json"
    assert kind("text/html, application/json;q=0.5") == "text/html"
    assert kind(PAGE["Accept"]) == "text/html"
    assert kind("*/*") == "text/html"


def test_budget_and_health_are_json(client: FlaskClient) -> None:
    assert set(body_of(client.get("/budget"))["keys"][0]) == {
        "source",
        "limit",
        "window_s",
        "used",
        "next_slot_s",
        "today",
    }
    assert body_of(client.get("/healthz")) == {"status": "ok"}


def test_every_route_stands_in_the_docs(app: Flask) -> None:
    text = (Path(__file__).parents[2] / "docs" / "http-api.md").read_text()
    calls = [
        f"{method} {rule.rule.replace('<job_id>', '<id>')}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint != "static"
    ]

    assert len(calls) > 20
    for call in calls:
        assert f"`{call}`" in text or f"`{call}?" in text, call
