"""Keys, plans, limits and the vendor's error bodies, word for word."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from redline.testing import Emulator
from tests.emulator.asking import KEY, Asking

DAY = "/v2/aggs/ticker/AAPL/range/1/day"
NOW = "2021-04-21T18:00:00+00:00"  # a Wednesday, 14:00 in New York


@pytest.fixture(scope="module")
def april() -> Iterator[Emulator]:
    with Emulator(now=NOW, key=KEY) as emulator:
        yield emulator


@pytest.fixture
def then(april: Emulator) -> Iterator[Asking]:
    april.reset()
    with Asking(april.rest, KEY) as asking:
        yield asking


def body(response: requests.Response) -> dict[str, object]:
    found: dict[str, object] = response.json()
    assert len(str(found.pop("request_id"))) == 32
    return {"http": response.status_code, **found}


def test_both_ways_of_auth_are_accepted(april: Emulator) -> None:
    bearer = requests.get(f"{april.rest}/v1/marketstatus/now", headers={"Authorization": f"Bearer {KEY}"}, timeout=9)
    query = requests.get(f"{april.rest}/v1/marketstatus/now?apiKey={KEY}", timeout=9)

    assert (bearer.status_code, query.status_code) == (200, 200)


def test_no_key_and_a_wrong_key_are_told_apart(april: Emulator) -> None:
    none = requests.get(f"{april.rest}/v1/marketstatus/now", timeout=9)
    wrong = requests.get(f"{april.rest}/v1/marketstatus/now?apiKey=wrong", timeout=9)
    other_name = requests.get(f"{april.rest}/v1/marketstatus/now?api_key={KEY}", timeout=9)

    assert body(none) == {"http": 401, "status": "ERROR", "error": "API Key was not provided"}
    assert body(wrong) == {"http": 401, "status": "ERROR", "error": "Unknown API Key"}
    assert other_name.status_code == 401


def test_an_unknown_route_is_plain_text(then: Asking) -> None:
    response = then.raw("/v1/sql")

    assert (response.status_code, response.text.strip()) == (404, "404 page not found")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert then.post(f"{then.rest}/v1/marketstatus/now", timeout=9).status_code == 404


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        (f"{DAY}/2021-03-01/2021-02-01", "The parameter 'to' cannot be a time that occurs before 'from'"),
        (
            f"{DAY}/2021-3-1/2021-02-01",
            "Could not parse the time parameter: 'from'. Use YYYY-MM-DD or Unix MS Timestamps",
        ),
        (
            f"{DAY}/2021-02-01/2021-02-30",
            "Could not parse the time parameter: 'to'. Use YYYY-MM-DD or Unix MS Timestamps",
        ),
    ],
)
def test_bad_times_are_refused_in_the_vendor_s_words(then: Asking, path: str, sentence: str) -> None:
    assert body(then.raw(path)) == {"http": 400, "status": "ERROR", "error": sentence}


@pytest.mark.parametrize(
    "path",
    [
        "/v2/aggs/ticker/AAPL/range/0/day/2021-02-01/2021-02-02",
        "/v2/aggs/ticker/AAPL/range/1/fortnight/2021-02-01/2021-02-02",
        f"{DAY}/2021-02-01/2021-02-02?limit=50001",
        f"{DAY}/2021-02-01/2021-02-02?limit=-1",
        f"{DAY}/2021-02-01/2021-02-02?sort=up",
        f"{DAY}/2021-02-01/2021-02-02?adjusted=maybe",
        f"{DAY}/2021-02-01/2021-02-02?cursor=%ff%fe",
        "/stocks/v1/splits?sort=price.asc",
        "/v3/trades/AAPL?timestamp=yesterday",
        "/v3/trades/AAPL?ap=x",
        "/v3/reference/tickers?cursor=YXA9eA",  # ap=x
        "/v2/aggs/grouped/locale/us/market/stocks/0001-01-01",
    ],
)
def test_bad_parameters_are_a_400_with_an_error(then: Asking, path: str) -> None:
    answer = body(then.raw(path))

    assert (answer["http"], answer["status"]) == (400, "ERROR")
    assert answer["error"]


def test_a_basic_plan_has_five_calls_a_minute(then: Asking, april: Emulator) -> None:
    april.plan("basic", window_s=1.0)
    answers = [then.raw("/stocks/v1/splits?ticker=AAPL") for _ in range(6)]
    other = requests.get(f"{april.rest}/stocks/v1/splits", headers={"Authorization": "Bearer other"}, timeout=9)

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert body(answers[-1]) == {
        "http": 429,
        "status": "ERROR",
        "error": "You've exceeded the maximum requests per minute, please wait or upgrade your subscription to "
        "continue. https://polygon.io/pricing",
    }
    assert "Retry-After" not in answers[-1].headers
    assert other.status_code == 401  # only one key is known


TIMEFRAME = "Your plan doesn't include this data timeframe. Please upgrade your plan at https://massive.com/pricing"


@pytest.mark.parametrize(
    ("plan", "floor", "before"),
    [("basic", "2019-04-21", "2019-04-20"), ("starter", "2016-04-20", "2016-04-19")],  # 731 and 1827 days
)
def test_history_ends_at_a_rolling_floor(then: Asking, april: Emulator, plan: str, floor: str, before: str) -> None:
    april.plan(plan, calls=100)

    assert then.raw(f"{DAY}/{floor}/2021-01-01").status_code == 200
    assert body(then.raw(f"{DAY}/{before}/2021-01-01")) == {
        "http": 403,
        "status": "NOT_AUTHORIZED",
        "message": TIMEFRAME,
    }


def test_an_end_of_day_plan_does_not_see_today(then: Asking, april: Emulator) -> None:
    april.plan("basic", calls=100)

    assert len(then.rows(f"{DAY}/2021-04-19/2021-04-21")) == 2
    assert body(then.raw(f"{DAY}/2021-04-21/2021-04-21"))["message"] == TIMEFRAME
    assert then.raw("/v1/open-close/AAPL/2021-04-21").status_code == 403


def test_a_delayed_plan_says_so_and_is_fifteen_minutes_late(then: Asking, april: Emulator) -> None:
    path = "/v2/aggs/ticker/AAPL/range/1/minute/2021-04-21/2021-04-21?limit=50000"
    april.plan("advanced")
    live = then.answer(path)
    april.plan("starter")
    late = then.answer(path)

    assert (live["status"], late["status"]) == ("OK", "DELAYED")
    assert 14 <= live["resultsCount"] - late["resultsCount"] <= 16


def test_trades_quotes_and_seconds_need_their_plan(then: Asking, april: Emulator) -> None:
    paths = {
        "seconds": "/v2/aggs/ticker/AAPL/range/1/second/2021-04-01/2021-04-01",
        "trades": "/v3/trades/AAPL",
        "quotes": "/v3/quotes/AAPL",
    }
    allowed = {}
    for plan in ("basic", "starter", "developer", "advanced"):
        april.plan(plan, calls=100)
        allowed[plan] = {name for name, path in paths.items() if then.raw(path).status_code == 200}
    april.plan("starter")

    assert allowed == {
        "basic": set(),
        "starter": {"seconds"},
        "developer": {"seconds", "trades"},
        "advanced": {"seconds", "trades", "quotes"},
    }
    assert body(then.raw("/v3/quotes/AAPL")) == {
        "http": 403,
        "status": "NOT_AUTHORIZED",
        "message": "You are not entitled to this data. Please upgrade your plan at https://massive.com/pricing",
    }


def test_reference_data_is_in_every_plan(then: Asking, april: Emulator) -> None:
    april.plan("basic", calls=100)

    for path in (
        "/stocks/v1/splits",
        "/stocks/v1/dividends",
        "/v3/reference/tickers/AAPL",
        "/v1/marketstatus/upcoming",
    ):
        assert then.raw(path).status_code == 200


def test_market_status_follows_the_emulator_s_clock(then: Asking) -> None:
    answer = then.raw("/v1/marketstatus/now").json()

    assert (answer["market"], answer["serverTime"][:16]) == ("open", "2021-04-21T14:00")
    holidays = then.raw("/v1/marketstatus/upcoming").json()
    assert holidays[0] == {"date": "2021-05-31", "exchange": "NYSE", "name": "Memorial Day", "status": "closed"}
    early = next(row for row in holidays if row["status"] == "early-close")
    assert (early["date"], early["close"]) == ("2021-11-26", "2021-11-26T18:00:00.000Z")


def test_tickers_are_case_sensitive(then: Asking) -> None:
    assert "results" not in then.answer("/v2/aggs/ticker/aapl/range/1/day/2021-02-01/2021-02-05")
    assert then.answer("/v3/reference/tickers/aapl", status=404)["message"] == "Ticker not found."
