"""Many tickers: one job, its bill, what of each is missing and why; holes listed, explained and fetched again."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from redline.engine import Engine
from redline.testing import Emulator
from tests.end_to_end.conftest import KEY

MONTH = {"start_date": "2020-08-03", "end_date": "2020-08-31"}
SESSIONS = 21
STOCKS = ["AAPL", "AMZN", "DIS", "IBM", "INTC", "JNJ", "JPM", "KO", "MSFT", "PG", "WMT", "XOM"]
WANTED = {"Accept": "application/json"}


@pytest.fixture(autouse=True)
def fast(engine: Engine) -> None:
    """The key's limit is far away: what a limit does has tests of its own."""
    engine.save_key({"source": "massive", "api_key": KEY, "rate_limit_per_minute": 60_000})


def bulk(client: FlaskClient, **body: object) -> Any:
    return client.post("/download/bulk", json={**MONTH, **body})


def finished(engine: Engine, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    engine.wait(answer.get_json()["job_id"], 60)
    return dict(engine.job(answer.get_json()["job_id"]).as_json())


def calls(vendor: Emulator) -> int:
    return len([row for row in vendor.ledger() if row["path"].startswith(("/v2", "/v3", "/stocks"))])


def test_many_tickers_are_one_job_and_the_bill_is_what_it_costs(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    planned = client.post("/download/plan", json={**MONTH, "tickers": STOCKS}).get_json()
    answer = bulk(client, tickers=", ".join(STOCKS))
    job = finished(engine, answer)

    assert answer.headers["Location"] == f"/jobs/{job['job_id']}"
    assert set(answer.get_json()) >= {"job_id", "state", "plan", "links"}
    assert planned["route"] == "pages"
    assert {one["route"] for one in planned["alternatives"]} == {"grouped", "flat_files"}
    assert (job["state"], job["records"]) == ("complete", SESSIONS * len(STOCKS))
    assert job["requests"] == planned["calls"] == calls(demo_vendor)

    again = finished(engine, bulk(client, tickers=STOCKS))
    assert (again["state"], again["requests"], again["plan"]["calls"]) == ("complete", 0, 0)


def test_few_sessions_of_many_tickers_come_in_answers_for_the_whole_market(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    wanted = {"tickers": STOCKS, "start_date": "2020-08-27", "end_date": "2020-08-31"}
    planned = client.post("/download/plan", json=wanted).get_json()
    job = finished(engine, client.post("/download/bulk", json=wanted))

    assert planned["route"] == "grouped"
    assert (job["state"], job["records"], job["requests"]) == ("complete", 3 * len(STOCKS), planned["calls"])
    years = engine.today().year - 2020 + 1  # The splits of the whole market come by years.
    assert planned["calls"] == calls(demo_vendor) == 3 + years < 2 * len(STOCKS)
    assert [row["path"] for row in demo_vendor.ledger() if "/grouped/" in row["path"]]


def test_one_bad_ticker_spoils_nothing(client: FlaskClient, engine: Engine) -> None:
    answer = bulk(client, tickers=["AAPL", "NOSUCH", "BRK/B", "MSFT", "AAPL", 7])
    job = finished(engine, answer)

    assert [one["ticker"] for one in answer.get_json()["refused"]] == ["BRK/B", "7"]
    assert job["state"] == "incomplete"
    assert {name: one["complete"] for name, one in job["tickers"].items()} == {
        "AAPL": True,
        "NOSUCH": False,
        "MSFT": True,
        "BRK/B": False,
        "7": False,
    }
    assert 'does not know the ticker "NOSUCH"' in job["tickers"]["NOSUCH"]["reason"]
    assert job["tickers"]["AAPL"]["records"] == SESSIONS


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "tickers"),
        ({"tickers": []}, "tickers"),
        ({"tickers": " , ; "}, "tickers"),
        ({"tickers": 7}, "tickers"),
        ({"tickers": ["../x"]}, "tickers"),
        ({"tickers": [f"T{n}" for n in range(20_001)]}, "tickers"),
        ({"tickers": ["AAPL"], "universe": "held"}, "universe"),
        ({"universe": "held"}, "universe"),
        ({"universe": "us_bonds"}, "universe"),
        ({"universe": "us_stocks", "as_of": "2999-01-01"}, "as_of"),
        ({"tickers": ["AAPL"], "as_of": "2020-01-01"}, "as_of"),
        ({"tickers": ["AAPL"], "ticker": "MSFT"}, "ticker"),
        ({"tickers": ["AAPL"], "save_as": "../x"}, "save_as"),
        ({"tickers": ["AAPL"], "save_as": "x", "update_at": "25:00"}, "update_at"),
        ({"tickers": ["AAPL"], "update_at": "22:00"}, "save_as"),
        ({"tickers": ["AAPL"], "api_keys": "secret"}, "api_keys"),
    ],
)
def test_bad_bodies_are_400_by_the_name_of_the_field(
    client: FlaskClient, engine: Engine, body: dict[str, object], field: str
) -> None:
    answer = bulk(client, **body)

    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["field"]) == (400, "bad_field", field)
    assert engine.jobs() == []
    assert engine.collections() == []


def test_twenty_thousand_tickers_are_planned(client: FlaskClient, engine: Engine) -> None:
    planned = client.post("/download/plan", json={**MONTH, "tickers": [f"T{n}" for n in range(20_000)]})

    assert planned.status_code == 200
    assert planned.get_json()["route"] == "grouped"
    assert planned.get_json()["calls"] == SESSIONS + engine.today().year - 2020 + 1


def test_a_form_takes_typed_tickers_and_a_file(client: FlaskClient, engine: Engine) -> None:
    page = client.get("/", headers={"Accept": "text/html"}).text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    form = {**MONTH, "csrf_token": token, "tickers": "AAPL msft", "universe": "", "save_as": "mine"}
    same = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    sent = client.post(
        "/download/bulk",
        data={**form, "tickers_file": (io.BytesIO(b"Symbol,Name\nKO,Coca-Cola\nIBM,IBM\n"), "list.csv")},
        headers=same,
    )
    refused = client.post(
        "/download/bulk", data={**form, "tickers_file": (io.BytesIO(b"\x00\x01\xff"), "x.csv")}, headers=same
    )

    assert sent.status_code == 303, sent.text
    job = engine.wait(sent.headers["Location"].rsplit("/", 1)[1], 60)
    assert [one.ticker for one in job.tickers] == ["AAPL", "msft", "KO", "IBM"]
    assert refused.status_code == 400
    assert "it must be text in UTF-8" in refused.text
    assert [(one.name, one.last_job) for one in engine.collections()] == [("mine", job.job_id)]


def test_a_universe_is_looked_up_by_the_job_and_known_to_the_next(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    wanted = {"universe": "us_stocks", "as_of": "2020-08-31", "start_date": "2020-08-27", "end_date": "2020-08-31"}
    job = finished(engine, client.post("/download/bulk", json=wanted))

    assert (job["state"], job["tickers_count"]) == ("complete", len(STOCKS))
    assert job["records"] == 3 * len(STOCKS)
    assert len([row for row in demo_vendor.ledger() if row["path"] == "/v3/reference/tickers"]) == 1

    held = client.post("/download/plan", json={**wanted, "universe": "held", "as_of": ""}).get_json()
    assert (held["calls"], held["held"]) == (0, 3 * len(STOCKS))


def test_collections_are_kept_updated_and_forgotten(client: FlaskClient, engine: Engine) -> None:
    body = {"name": "mine", "tickers": ["AAPL", "KO"], "start_date": "2021-04-01", "update_at": "22:30"}
    saved = client.post("/collections", json=body)
    job = finished(engine, client.post("/collections/mine/update", json={}))
    listed = client.get("/collections", headers=WANTED).get_json()["collections"]

    assert saved.status_code == 201
    assert {name: one["records"] > 0 for name, one in job["tickers"].items()} == {"AAPL": True, "KO": True}
    assert [(one["name"], one["update_at"], one["last_job"]) for one in listed] == [("mine", "22:30", job["job_id"])]
    assert listed[0]["request"]["tickers"] == ["AAPL", "KO"]
    assert "end_date" not in listed[0]["request"]
    assert client.get("/collections/mine", headers=WANTED).get_json() == listed[0]
    assert client.delete("/collections/mine", headers=WANTED).status_code == 200
    assert client.get("/collections/mine", headers=WANTED).status_code == 404
    assert client.post("/collections/mine/update", json={}).status_code == 404


def test_a_hole_is_listed_explained_and_fetched_again_and_nothing_else(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    demo_vendor.faults([{"match": {"path": "/v2/aggs/ticker/KO/"}, "do": {"set": {"adjusted": True}}}])
    job = finished(engine, bulk(client, tickers=["AAPL", "KO"]))
    assert job["state"] == "incomplete"
    gaps = client.get("/gaps?ticker=AAPL,KO", headers=WANTED).get_json()["gaps"]
    assert [(one["ticker"], one["start"], one["end"], one["state"]) for one in gaps] == [
        ("KO", "2020-08-03", "2020-08-31", "failed")
    ]
    story = client.get("/explain?ticker=KO&date=2020-08-05", headers=WANTED).get_json()
    assert (story["state"], story["of_whom"], story["job_id"]) == ("failed", "Massive.com", None)
    assert story["what_to_do"] == "Fetch it again: python -m redline repair KO"
    browser = client.application.test_client()
    page = browser.get("/explain?ticker=KO&date=2020-08-05", headers={"Accept": "text/html"})
    assert (page.status_code, "asked for" in page.text, 'action="/repair"' in page.text) == (200, True, True)

    demo_vendor.clear_faults()
    before = calls(demo_vendor)
    repaired = client.post("/repair", json={}).get_json()
    (started,) = repaired["jobs"]
    engine.wait(started["job_id"], 60)

    assert calls(demo_vendor) - before == repaired["calls"] == 1
    assert client.get("/gaps", headers=WANTED).get_json() == {"gaps": []}
    covered = client.get("/coverage?dataset=bars&ticker=KO", headers=WANTED).get_json()
    assert {(one["state"], one["rows"], one["source"]) for one in covered["sessions"]} == {("stored", 1, "massive")}
    assert len(covered["sessions"]) == SESSIONS
    assert client.post("/repair", json={}).get_json() == {"taken_out": [], "jobs": [], "calls": 0}


def test_a_damaged_file_is_found_taken_out_and_its_rows_come_back(client: FlaskClient, engine: Engine) -> None:
    finished(engine, bulk(client, tickers=["AAPL", "KO"]))
    assert client.post("/verify", json={}).get_json() == {"ok": True, "damaged": []}
    file = next(Path(engine.settings.home / "store" / "bars").rglob("*.parquet"))
    file.write_bytes(file.read_bytes()[:-9] + b"x" * 9)

    found = client.post("/verify", json={}).get_json()
    repaired = client.post("/repair", json={"tickers": ["AAPL", "KO"]})
    engine.wait(repaired.get_json()["jobs"][0]["job_id"], 60)

    assert (found["ok"], [one["code"] for one in found["damaged"]]) == (False, ["corrupt_partition"])
    assert repaired.status_code == 202
    assert client.post("/verify", json={}).get_json()["ok"]
    assert client.get("/gaps", headers=WANTED).get_json() == {"gaps": []}
    assert client.get("/data/bars?ticker=KO").get_json()["rows"][0][0] == "KO"


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        ("/coverage", "bad_field", "ticker"),
        ("/coverage?ticker=AAPL,MSFT", "bad_field", "ticker"),
        ("/coverage?ticker=AAPL&dataset=splits", "unsupported", "dataset"),
        ("/coverage?ticker=AAPL&source=nobody", "bad_field", "source"),
        ("/gaps?ticker=../x", "bad_name", "ticker"),
        ("/gaps?start=2020-08-31&end=2020-08-01", "bad_field", "end"),
        ("/gaps?timespan=fortnight", "bad_field", "timespan"),
        ("/explain?ticker=AAPL", "bad_field", "date"),
        ("/explain?ticker=AAPL&date=2020-02-30", "bad_field", "date"),
        ("/explain?ticker=AAPL&date=2020-02-03&source=nobody", "bad_field", "source"),
    ],
)
def test_bad_questions_are_400_by_the_name_of_the_argument(
    client: FlaskClient, path: str, code: str, field: str
) -> None:
    answer = client.get(path, headers=WANTED)

    assert (answer.status_code, answer.get_json()["code"], answer.get_json()["field"]) == (400, code, field)
