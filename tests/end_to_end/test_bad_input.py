"""Bad input and bad answers: each a clear error with its own code, and nothing lost. The whole app over real HTTP."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from redline.clock import SystemClock
from redline.config.settings import load
from redline.engine import Engine
from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.request import Adjust, BarsQuery
from redline.testing import Emulator
from redline.web.application import create_app
from tests.end_to_end.conftest import KEY, make_home

BARS = {"path": "/v2/aggs/"}
MINUTES = BarsQuery(("AAPL",), spec=BarSpec(Timespan.MINUTE), adjust=Adjust.NONE)
AUGUST = {"ticker": "AAPL", "start_date": "2020-08-03", "end_date": "2020-08-31"}


def download(client: FlaskClient, **body: object) -> Any:
    wanted = {**AUGUST, **body}
    return client.post("/download", json={name: value for name, value in wanted.items() if value is not ...})


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"ticker": "NOSUCHTICKER"}, 404, "unknown_ticker", None),
        ({"ticker": "aapl"}, 404, "unknown_ticker", None),
        ({"ticker": "NA"}, 404, "unknown_ticker", None),
        ({"ticker": "TRUE"}, 404, "unknown_ticker", None),
        ({"ticker": "BRK/B"}, 400, "bad_name", "ticker"),
        ({"ticker": ".."}, 400, "bad_name", "ticker"),
        ({"ticker": "AA PL"}, 400, "bad_name", "ticker"),
        ({"ticker": "A" * 300}, 400, "bad_name", "ticker"),
        ({"ticker": ["AAPL"]}, 400, "bad_field", "ticker"),
        ({"ticker": ...}, 400, "bad_field", "ticker"),
        ({"start_date": "2020-09-01"}, 400, "bad_field", "end_date"),
        ({"start_date": "2020-08"}, 400, "bad_field", "start_date"),
        ({"end_date": "2999-01-01"}, 400, "bad_field", "end_date"),
        ({"timespan": "fortnight"}, 400, "bad_field", "timespan"),
        ({"multiplier": 0}, 400, "bad_field", "multiplier"),
        ({"adjusted": "perhaps"}, 400, "bad_field", "adjusted"),
        ({"source": "nasdaq"}, 400, "bad_field", "source"),
        ({"dataset": "candles"}, 400, "bad_field", "dataset"),
        ({"format": "pdf"}, 400, "bad_field", "format"),
        ({"api_key": "wrong-key-123456"}, 401, "invalid_api_key", None),
        ({"start_date": "2020-08-01", "end_date": "2020-08-02"}, 404, "no_data", None),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    client: FlaskClient, body: dict[str, object], status: int, code: str, field: str | None
) -> None:
    answer = download(client, **body)

    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    assert answer.json["error"]
    assert answer.json["hint"]
    assert field is None or answer.json["field"] == field
    assert "wrong-key" not in answer.text


@pytest.mark.parametrize(
    ("data", "kind", "status", "code"),
    [
        (b"", "application/json", 400, "invalid_json"),
        (b'{"ticker": "AAPL"', "application/json", 400, "invalid_json"),
        (b'["AAPL"]', "application/json", 400, "invalid_json"),
        (b"ticker: AAPL", "text/yaml", 415, "unsupported_media_type"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    client: FlaskClient, data: bytes, kind: str, status: int, code: str
) -> None:
    answer: Any = client.post("/download", data=data, content_type=kind, headers={"Accept": "application/json"})

    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_without_a_key_the_answer_says_so(tmp_path: Path, demo_vendor: Emulator) -> None:
    env = make_home(tmp_path, MASSIVE_API_BASE_URL=demo_vendor.rest).env
    with Engine(load(env, cwd=tmp_path), SystemClock()) as engine:
        answer = download(create_app(engine).test_client())

    assert answer.status_code == 400
    assert answer.json["code"] == "missing_api_key"
    assert answer.json["error"] == "Massive.com API key required"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (
            {"status": 200, "body": "<html>maintenance</html>", "headers": {"Content-Type": "text/html"}},
            502,
            "not_json",
        ),
        (
            {"status": 200, "body": '{"status":"OK","resultsCount":5,"queryCount":5,"ticker":"AAPL"}'},
            502,
            "malformed_page",
        ),
        (
            {"status": 403, "body": '{"status":"NOT_AUTHORIZED","message":"You are not entitled to this data."}'},
            403,
            "not_entitled",
        ),
    ],
    ids=["html", "count-without-rows", "not-in-plan"],
)
def test_a_bad_answer_is_an_error_and_never_an_empty_result(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator, fault: dict[str, object], status: int, code: str
) -> None:
    demo_vendor.faults([{"match": {**BARS, "times": 0}, "do": fault}])

    answer = download(client, adjusted=False)

    assert (answer.status_code, answer.json["code"]) == (status, code), answer.json
    gaps = engine.gaps("AAPL", DAILY, date(2020, 8, 3), date(2020, 8, 31))
    assert [(one.start, one.end) for one in gaps] == [(date(2020, 8, 3), date(2020, 8, 31))]
    assert gaps[0].state.value in ("failed", "not_entitled")


@pytest.mark.parametrize(
    "fault",
    [{"cut_after": 200}, {"reset": True}, {"status": 503, "body": "<html>busy</html>"}],
    ids=["cut", "reset", "503"],
)
def test_an_outage_lets_the_job_wait_and_say_why_and_its_end_lets_it_finish(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator, fault: dict[str, object]
) -> None:
    demo_vendor.faults([{"match": {**BARS, "times": 0}, "do": fault}])
    job_id = engine.submit(engine.parse_download({**AUGUST, "adjusted": False})).job_id
    heard: set[str] = set()
    while not any("unavailable" in reason for reason in heard):
        job = engine.wait(job_id, 0.1)
        assert not job.ended
        heard |= {job.waiting.reason} if job.waiting else set()
    demo_vendor.clear_faults()

    job = engine.wait(job_id, 60)

    assert (job.complete, job.records) == (True, 21)


def test_a_key_revoked_on_page_three_keeps_the_pages_before(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    two_years = {"timespan": "minute", "start_date": "2019-01-02", "end_date": "2020-12-31", "adjusted": False}
    demo_vendor.faults([{"match": {**BARS, "nth": 3, "times": 0}, "do": {"status": 401, "body": UNKNOWN_KEY}}])

    answer = download(client, **two_years)
    if answer.status_code == 202:
        engine.wait(answer.json["job_id"], 60)

    requests = [one for one in demo_vendor.ledger() if "/v2/aggs/" in one["path"]]
    assert [one["status"] for one in requests] == [200, 200, 401]
    held = engine.held_bars(MINUTES)
    assert 90_000 < held.num_rows <= 100_000
    demo_vendor.clear_faults()

    again = download(client, **two_years)

    job = engine.wait(again.json["job_id"], 90)
    assert job.complete
    whole = engine.held_bars(MINUTES)
    assert len(set(whole["timestamp"].to_pylist())) == whole.num_rows == job.records


UNKNOWN_KEY = '{"status":"ERROR","request_id":"0","error":"Unknown API Key"}'


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, demo_vendor: Emulator) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    home = make_home(tmp_path, MASSIVE_API_BASE_URL=demo_vendor.rest, MASSIVE_API_KEY=KEY)

    done = home.run("download", "AAPL", "--json")

    assert done.returncode == 2
    assert '"code": "store_unwritable"' in done.stdout
    assert os.fspath(tmp_path) not in done.stdout
    assert (tmp_path / "data").read_text() == "a file where the folder should be"
