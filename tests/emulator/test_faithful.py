"""Judged from outside: the vendor's own client reads every endpoint, and every answer holds to its OpenAPI."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from massive import RESTClient

from redline.emulator.__main__ import DEMO_MARKET
from redline.testing import Emulator
from tests.emulator.asking import KEY, Asking

FACTS: dict[str, Any] = json.loads((Path(__file__).parent / "openapi_facts.json").read_text("utf-8"))
ASKED = {
    "bars": "/v2/aggs/ticker/AAPL/range/1/day/2020-08-01/2020-10-01?limit=3",
    "grouped": "/v2/aggs/grouped/locale/us/market/stocks/2020-08-28",
    "previous": "/v2/aggs/ticker/AAPL/prev",
    "open_close": "/v1/open-close/AAPL/2020-08-28",
    "splits": "/stocks/v1/splits",
    "dividends": "/stocks/v1/dividends",
    "old_splits": "/v3/reference/splits",
    "old_dividends": "/v3/reference/dividends",
    "tickers": "/v3/reference/tickers?limit=5",
    "overview": "/v3/reference/tickers/AAPL",
    "events": "/vX/reference/tickers/AAPL/events",
    "types": "/v3/reference/tickers/types",
    "exchanges": "/v3/reference/exchanges",
    "status_now": "/v1/marketstatus/now",
    "status_upcoming": "/v1/marketstatus/upcoming",
}
TICKS = {"trades": "/v3/trades/IBM?limit=50", "quotes": "/v3/quotes/IBM?limit=50"}
NOT_IN_SPEC = {
    "bars": {"count"},
    "grouped": {"count"},
    "previous": {"count", "T"},
    "events": {"composite_figi", "cik"},
    "exchanges": set(),
}
"""Keys that the live service sends (massive-contract, section 2; recorded bodies) and its OpenAPI does not name."""
SIMPLE: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "array": list,
    "object": dict,
}


def broken(value: Any, schema: dict[str, Any], extra: set[str], where: str = "$") -> list[str]:
    """Return what is wrong with ``value``: a missing or unknown key, a type, a word outside a closed set."""
    kind = schema.get("type") or ("object" if "properties" in schema else None)
    if kind and (not isinstance(value, SIMPLE[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{where}: {value!r} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is not in {schema['enum']}"]
    if isinstance(value, list):
        return [text for one in value for text in broken(one, schema.get("items", {}), extra, f"{where}[]")]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    found = [f"{where}: {name} is missing" for name in schema.get("required", []) if name not in value]
    for name, one in value.items():
        if name in schema["properties"]:
            found += broken(one, schema["properties"][name], extra, f"{where}.{name}")
        elif name not in extra:
            found.append(f"{where}: {name} is not in the OpenAPI")
    return found


@pytest.mark.parametrize("name", sorted(ASKED))
def test_demo_answers_hold_to_the_vendor_s_openapi(ask: Asking, name: str) -> None:
    answer = ask.raw(ASKED[name]).json()

    assert broken(answer, FACTS[name]["schema"], NOT_IN_SPEC.get(name, set())) == []


@pytest.mark.parametrize("name", sorted(ASKED | TICKS))
def test_answers_from_the_shared_folder_hold_to_the_vendor_s_openapi(ask_real: Asking, name: str) -> None:
    answer = ask_real.raw((ASKED | TICKS)[name]).json()

    assert broken(answer, FACTS[name]["schema"], NOT_IN_SPEC.get(name, set())) == []


@pytest.fixture(scope="module")
def starter() -> Iterator[Emulator]:
    with Emulator(plan="starter", key=KEY) as emulator:
        yield emulator


def test_every_path_of_the_facts_is_asked() -> None:
    assert set(FACTS) == set(ASKED) | set(TICKS)


@pytest.mark.parametrize("name", ["200_empty_aggs", "400_bad_time_parameter", "401_no_api_key", "401_unknown_api_key",
                                  "403_not_entitled", "404_data_not_found", "429_rate_limit"])  # fmt: skip
def test_bodies_equal_the_recorded_ones_but_for_the_request_id(starter: Emulator, shared: Path, name: str) -> None:
    recorded = json.loads((shared / "responses" / "massive" / "errors" / f"{name}.json").read_text("utf-8"))
    starter.reset()
    with Asking(starter.rest, KEY) as ask:
        if name == "429_rate_limit":
            starter.plan("basic", calls=0)
        elif name == "401_no_api_key":
            del ask.headers["Authorization"]
        elif name == "401_unknown_api_key":
            ask.headers["Authorization"] = "Bearer other"
        path = {
            "200_empty_aggs": "/v2/aggs/ticker/AAPL/range/1/day/2025-01-04/2025-01-05",
            "400_bad_time_parameter": "/v2/aggs/ticker/AAPL/range/1/day/x/2025-01-05",
            "403_not_entitled": "/v3/trades/AAPL",
            "404_data_not_found": "/v1/open-close/AAPL/2025-01-04",
        }.get(name, "/v1/marketstatus/now")
        response = ask.raw(path)
    answer = response.json()

    assert response.status_code == int(name[:3])
    assert list(answer) == list(recorded)
    plan_s_word = {"status": "DELAYED"} if name == "200_empty_aggs" else {}
    assert answer == recorded | plan_s_word | {"request_id": answer["request_id"]}


def test_a_recorded_page_is_spelled_as_the_emulator_spells(ask: Asking, shared: Path) -> None:
    recorded = (shared / "responses/massive/recorded/aggs_AAPL_day_2023-01-01_2023-01-10_desc.json").read_text("utf-8")
    own = ask.raw("/v2/aggs/ticker/AAPL/range/1/day/2020-08-01/2020-08-10?sort=desc").text

    assert list(json.loads(own)) == list(json.loads(recorded))
    row = list(json.loads(recorded)["results"][0])
    assert [key for key in row if key not in ("vw", "n")] == list(json.loads(own)["results"][0])
    assert 'e+08,"o":' in own


@pytest.fixture
def client(emulator: Emulator) -> Iterator[RESTClient]:
    client = RESTClient(api_key=KEY, base=emulator.rest, retries=0)
    yield client
    client.client.clear()


def test_the_vendor_s_client_pages_through_bars_and_gets_the_folder_s_rows(client: RESTClient) -> None:
    table = pq.read_table(DEMO_MARKET / "bars_day.parquet", filters=[("ticker", "=", "MSFT")])
    bars = list(client.list_aggs("MSFT", 1, "day", "2014-01-01", "2021-12-31", adjusted=False, limit=500))

    assert [(bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars] == list(
        zip(*(table[name].to_pylist() for name in ("open", "high", "low", "close", "volume")), strict=True)
    )
    timestamps = [bar.timestamp for bar in bars]
    assert timestamps == sorted(set(timestamps))


def test_the_vendor_s_client_reads_every_other_endpoint(client: RESTClient, emulator: Emulator) -> None:
    grouped = client.get_grouped_daily_aggs("2020-08-28", adjusted=False)
    day = client.get_daily_open_close_agg("AAPL", "2020-08-28", adjusted=False)
    splits = list(client.list_stocks_splits(ticker="AAPL"))
    dividends = list(client.list_stocks_dividends(limit=40))
    tickers = list(client.list_tickers(limit=5))

    assert len(grouped) == len(tickers) == 12
    assert day.close == 499.23
    assert [(one.execution_date, one.split_from, one.split_to) for one in splits] == [
        ("2020-08-31", 1, 4),
        ("2014-06-09", 1, 7),
    ]
    assert len(dividends) == len(json.loads((DEMO_MARKET / "dividends.json").read_text("utf-8"))["results"])
    assert client.get_previous_close_agg("AAPL")[0].ticker == "AAPL"
    assert [one.ticker for one in client.list_splits(ticker="AAPL")] == ["AAPL", "AAPL"]
    assert len(list(client.list_dividends(ticker="KO", limit=10))) > 20
    assert client.get_ticker_details("AAPL").name == "Apple Inc."
    assert client.get_ticker_events("AAPL").events[0]["type"] == "ticker_change"
    assert {one.code for one in client.get_ticker_types()} >= {"CS", "ETF"}
    assert {one.mic for one in client.get_exchanges()} >= {"XNYS", "XNAS"}
    assert client.get_market_status().exchanges.nyse in ("open", "closed", "extended-hours")
    assert client.get_market_holidays()[0].exchange == "NYSE"
    assert {entry["status"] for entry in emulator.ledger()} == {200}


def test_the_vendor_s_client_reads_trades_and_quotes(real: Emulator) -> None:
    client = RESTClient(api_key=KEY, base=real.rest, retries=0)
    trades = list(client.list_trades("IBM", timestamp="2013-10-08", limit=20_000))
    quotes = list(client.list_quotes("IBM", timestamp="2013-10-08", limit=50_000))
    client.client.clear()

    assert (len(trades), len(quotes)) == (33_381, 62_866)  # the folder's README
    assert trades[0].sip_timestamp > trades[-1].sip_timestamp
