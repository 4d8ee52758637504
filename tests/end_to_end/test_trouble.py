"""Trouble in the middle of a bulk download: each is said in words, the app stays up, and nothing is lost or doubled."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from redline.clock import SystemClock
from redline.config.settings import load
from redline.engine import Engine
from redline.testing import Emulator
from redline.web.application import create_app
from tests.end_to_end.conftest import KEY, make_home

STOCKS = ["AAPL", "AMZN", "DIS", "IBM", "INTC", "JNJ", "JPM", "KO", "MSFT", "PG", "WMT", "XOM"]
MONTH = {"tickers": STOCKS, "start_date": "2020-08-03", "end_date": "2020-08-31"}
SESSIONS = 21
SLOW = {"match": {"path": "/v2/aggs/"}, "do": {"delay_s": 0.4}}


@pytest.fixture
def engine(tmp_path: Path, demo_vendor: Emulator) -> Iterator[Engine]:
    """An installation whose key is saved, not in the environment: it can be deleted."""
    demo_vendor.reset()
    env = make_home(tmp_path, MASSIVE_API_BASE_URL=demo_vendor.rest).env
    with Engine(load(env, cwd=tmp_path), SystemClock()) as made:
        made.save_key({"source": "massive", "api_key": KEY, "rate_limit_per_minute": 60_000})
        yield made


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return create_app(engine).test_client(use_cookies=False)


def submit(client: FlaskClient, **changed: object) -> str:
    answer = client.post("/download/bulk", json={**MONTH, **changed})
    assert answer.status_code == 202, answer.text
    return str(answer.get_json()["job_id"])


def ended(engine: Engine, job_id: str) -> dict[str, Any]:
    job = engine.wait(job_id, 60)
    assert job.ended, job
    return job.as_json()


def rows_of(client: FlaskClient, ticker: str) -> list[str]:
    """The sessions that are held of a ticker, doubles and all."""
    answer = client.get(f"/data/bars?ticker={ticker}&start=2020-08-03&end=2020-08-31&adjust=none").get_json()
    return [row[answer["columns"].index("date")] for row in answer["rows"]]


def test_jobs_that_overlap_double_no_row(client: FlaskClient, engine: Engine, demo_vendor: Emulator) -> None:
    demo_vendor.faults([SLOW])
    jobs = [submit(client, tickers=STOCKS[at : at + 8]) for at in (0, 2, 4)]
    jobs.append(submit(client, tickers=STOCKS[:8], start_date="2020-08-10"))

    assert {ended(engine, one)["state"] for one in jobs} == {"complete"}
    for ticker in STOCKS:
        held = rows_of(client, ticker)
        assert len(held) == len(set(held)) == SESSIONS
    assert engine.verify().ok


def test_the_same_request_twice_at_once_is_one_job(client: FlaskClient, engine: Engine, demo_vendor: Emulator) -> None:
    demo_vendor.faults([SLOW])
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(submit(client))) for _ in range(6)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert len(found) == 6
    assert len(set(found)) == 1
    assert ended(engine, found[0])["state"] == "complete"


def test_a_key_deleted_in_mid_job_is_said_and_a_new_one_finishes_it(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    demo_vendor.faults([SLOW])
    job_id = submit(client)
    engine.job_events(job_id, 1, 5.0)
    client.delete("/settings/api-keys/massive", headers={"Accept": "application/json"})
    stopped = ended(engine, job_id)

    assert stopped["state"] in ("failed", "incomplete")
    assert stopped["error"]["code"] == "missing_api_key"
    assert stopped["parts"]["failed"] > 0

    demo_vendor.clear_faults()
    engine.save_key({"source": "massive", "api_key": KEY, "rate_limit_per_minute": 60_000})
    client.post(f"/jobs/{job_id}/retry", headers={"Accept": "application/json"})
    assert ended(engine, job_id)["state"] == "complete"
    assert all(len(rows_of(client, one)) == SESSIONS for one in STOCKS)


def test_a_store_that_is_removed_is_said_and_not_made_anew(client: FlaskClient, engine: Engine) -> None:
    ended(engine, submit(client, tickers=STOCKS[:2]))
    store = engine.settings.home / "store"
    shutil.move(store, store.with_name("elsewhere"))

    for answer in (
        client.get("/data/bars?ticker=AAPL"),
        client.post("/download/bulk", json=MONTH),
        client.post("/verify", json={}),
    ):
        assert (answer.status_code, answer.get_json()["code"]) == (503, "store_gone"), answer.text
    assert client.get("/", headers={"Accept": "text/html"}).status_code == 200
    assert client.get("/jobs", headers={"Accept": "text/html"}).status_code == 200
    assert client.get("/data", headers={"Accept": "text/html"}).status_code == 503
    assert not store.exists()

    shutil.move(store.with_name("elsewhere"), store)
    assert len(rows_of(client, "AAPL")) == SESSIONS
    assert ended(engine, submit(client))["state"] == "complete"


def test_a_store_that_is_removed_in_mid_job_rests_the_job_until_it_is_back(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    demo_vendor.faults([SLOW])
    job_id = submit(client)
    store = engine.settings.home / "store"
    shutil.move(store, store.with_name("elsewhere"))
    stopped = engine.wait(job_id, 3.0).as_json()

    assert stopped["state"] in ("waiting", "failed", "incomplete", "running")
    assert not store.exists()

    shutil.move(store.with_name("elsewhere"), store)
    found = engine.wait(job_id, 60).as_json()
    if found["state"] != "complete":
        client.post(f"/jobs/{job_id}/retry", headers={"Accept": "application/json"})
        found = ended(engine, job_id)
    assert found["state"] == "complete"
    assert all(len(rows_of(client, one)) == SESSIONS for one in STOCKS)


def test_a_damaged_budget_file_costs_a_pause_and_no_call_too_many(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    demo_vendor.faults([SLOW])
    job_id = submit(client)
    file = engine.settings.state_dir / "budgets.db"
    file.write_bytes(b"no database" * 100)
    found = engine.wait(job_id, 8.0)

    assert found.state.value in ("waiting", "running", "complete")
    assert client.get("/budget").status_code == 200
    assert client.post(f"/jobs/{job_id}/cancel", headers={"Accept": "application/json"}).status_code in (200, 409)
