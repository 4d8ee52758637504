"""Another program deletes and changes rows of a Delta table; exactly what it took comes back, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from flask.testing import FlaskClient

from redline.engine import Engine
from redline.testing import Emulator
from tests.end_to_end.test_bulk import STOCKS, WANTED, bulk, calls, fast, finished

__all__ = ["fast"]
GONE = {("AAPL", "2020-08-04"), ("AAPL", "2020-08-05"), ("KO", "2020-08-31"), ("XOM", "2020-08-03")}


def bars(engine: Engine) -> DeltaTable:
    return DeltaTable(Path(engine.settings.home) / "store" / "bars")


def listed(client: FlaskClient) -> set[tuple[str, str, str]]:
    found = client.get("/gaps", headers=WANTED).get_json()["gaps"]
    return {(one["ticker"], one["start"], one["end"]) for one in found}


def repaired(client: FlaskClient, engine: Engine) -> dict[str, Any]:
    answer = client.post("/repair", json={}).get_json()
    for one in answer["jobs"]:
        engine.wait(one["job_id"], 60)
    return dict(answer)


def closes(client: FlaskClient, ticker: str) -> list[list[Any]]:
    return list(client.get(f"/data/bars?ticker={ticker}").get_json()["rows"])


def test_exactly_the_sessions_that_were_deleted_come_back(
    client: FlaskClient, engine: Engine, demo_vendor: Emulator
) -> None:
    finished(engine, bulk(client, tickers=STOCKS))
    before = {one: closes(client, one) for one in STOCKS}
    for ticker, day in sorted(GONE):
        bars(engine).delete(f"ticker = '{ticker}' AND date = DATE '{day}'")

    assert listed(client) == {
        ("AAPL", "2020-08-04", "2020-08-05"),
        ("KO", "2020-08-31", "2020-08-31"),
        ("XOM", "2020-08-03", "2020-08-03"),
    }
    story = client.get("/explain?ticker=KO&date=2020-08-31", headers=WANTED).get_json()
    assert (story["state"], story["answer"]) == (
        "failed",
        "The bar is gone: another program's change to the table took them out.",
    )
    assert client.post("/verify", json={}).get_json() == {"ok": True, "damaged": []}
    sent = calls(demo_vendor)
    answer = repaired(client, engine)

    asked = [row["path"] for row in demo_vendor.ledger() if row["path"].startswith("/v2")][-answer["calls"] :]
    assert calls(demo_vendor) - sent == answer["calls"] == 3
    assert sorted(path.rpartition("/range/1/day/")[2] for path in asked) == [
        "2020-08-03/2020-08-03",
        "2020-08-04/2020-08-05",
        "2020-08-31/2020-08-31",
    ]
    assert listed(client) == set()
    assert {one: closes(client, one) for one in STOCKS} == before


@pytest.mark.parametrize("compacted", [False, True], ids=["as it was", "compacted"])
def test_a_changed_price_is_reported_and_fetched_again(client: FlaskClient, engine: Engine, compacted: bool) -> None:
    finished(engine, bulk(client, tickers=["AAPL", "KO"]))
    before = closes(client, "KO")
    bars(engine).update(predicate="ticker = 'KO' AND date = DATE '2020-08-05'", updates={"close": "1.0"})
    if compacted:
        bars(engine).optimize.compact()

    [found] = client.post("/verify", json={}).get_json()["damaged"]
    assert (found["code"], found["ticker"], found["start"], found["end"]) == (
        "corrupt_partition",
        "KO",
        "2020-08-05",
        "2020-08-05",
    )
    assert repaired(client, engine)["calls"] == 1
    assert client.post("/verify", json={}).get_json()["ok"]
    assert closes(client, "KO") == before
