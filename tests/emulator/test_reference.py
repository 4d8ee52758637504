"""Corporate actions and reference data: factors, filters, sorting, paging."""

from __future__ import annotations

import pytest

from tests.emulator.asking import Asking


def test_split_factors_are_cumulative_and_have_six_decimals(ask: Asking) -> None:
    rows = ask.rows("/stocks/v1/splits?ticker=AAPL")

    assert [(row["execution_date"], row["historical_adjustment_factor"]) for row in rows] == [
        ("2020-08-31", 0.25),
        ("2014-06-09", 0.035714),  # 1/28
    ]
    assert {row["adjustment_type"] for row in rows} == {"forward_split"}


def test_dividend_factors_multiply_from_the_newest_back(ask: Asking) -> None:
    rows = ask.rows("/stocks/v1/dividends?ticker=KO&sort=ex_dividend_date.desc&limit=5000")
    close = ask.answer("/v1/open-close/KO/2021-03-11?adjusted=false")["close"]

    newest, next_one = rows[0], rows[1]
    assert newest["ex_dividend_date"] == "2021-03-12"
    assert newest["historical_adjustment_factor"] == round(1 - newest["cash_amount"] / close, 6)
    assert next_one["historical_adjustment_factor"] < newest["historical_adjustment_factor"]
    assert (newest["frequency"], newest["distribution_type"], newest["currency"]) == (4, "recurring", "USD")


def test_new_dividends_are_split_adjusted_and_old_ones_are_not(ask: Asking) -> None:
    new = ask.rows("/stocks/v1/dividends?ticker=AAPL&ex_dividend_date=2014-05-08")
    old = ask.rows("/v3/reference/dividends?ticker=AAPL&ex_dividend_date=2014-05-08")

    assert new[0]["split_adjusted_cash_amount"] == round(new[0]["cash_amount"] / 28, 6)
    assert old[0]["cash_amount"] == new[0]["cash_amount"]
    assert "historical_adjustment_factor" not in old[0]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("ticker.any_of=AAPL,KO&execution_date.gte=2020-01-01", 1),
        ("execution_date.gt=2014-06-09", 1),
        ("execution_date.lt=2014-06-09", 0),
        ("execution_date.lte=2014-06-09", 1),
        ("adjustment_type=reverse_split", 0),
        ("ticker=aapl", 0),
    ],
)
def test_filters_cut_what_they_say(ask: Asking, query: str, count: int) -> None:
    assert len(ask.rows(f"/stocks/v1/splits?{query}")) == count


@pytest.mark.parametrize(
    "path", ["/stocks/v1/dividends?limit=17&sort=ticker.desc,ex_dividend_date.asc", "/v3/reference/dividends?limit=31"]
)
def test_pages_of_a_list_hold_each_row_once_in_order(ask: Asking, path: str) -> None:
    rows = ask.rows(path)

    keys = [row["id"] for row in rows]
    assert len(keys) == len(set(keys)) > 100
    if "sort=" in path:
        assert [row["ticker"] for row in rows] == sorted((row["ticker"] for row in rows), reverse=True)
    else:  # the deprecated path lists the newest first
        dates = [row["ex_dividend_date"] for row in rows]
        assert dates == sorted(dates, reverse=True)


def test_defaults_of_sort_and_limit_are_the_vendor_s(ask: Asking) -> None:
    new, old = ask.answer("/stocks/v1/dividends"), ask.answer("/v3/reference/dividends")

    assert (len(new["results"]), len(old["results"])) == (100, 10)
    assert new["results"][0]["ticker"] == "AAPL"


def test_tickers_are_searched_filtered_and_counted(ask: Asking) -> None:
    by_name = ask.answer("/v3/reference/tickers?search=coca")
    by_exchange = ask.rows("/v3/reference/tickers?exchange=XNAS&limit=2")
    backwards = ask.rows("/v3/reference/tickers?order=desc&limit=5")

    assert [(row["ticker"], row["name"]) for row in by_name["results"]] == [("KO", "The Coca-Cola Company")]
    assert by_name["count"] == 1
    assert [row["ticker"] for row in by_exchange] == ["AAPL", "AMZN", "INTC", "MSFT"]
    assert [row["ticker"] for row in backwards][:2] == ["XOM", "WMT"]
    assert ask.rows("/v3/reference/tickers?active=false") == []
    assert ask.rows("/v3/reference/tickers?date=2010-01-01") == []  # before the demo's first day


def test_the_overview_says_that_demo_minutes_are_simulated(ask: Asking) -> None:
    results = ask.answer("/v3/reference/tickers/AAPL")["results"]

    assert "simulated" in results["description"]
    assert (results["list_date"], results["active"], results["type"]) == ("2014-01-02", True, "CS")
    assert ask.answer("/v3/reference/tickers/NOPE", status=404)["message"] == "Ticker not found."


def test_events_name_renames_newest_first(ask_real: Asking) -> None:
    events = ask_real.answer("/vX/reference/tickers/BAC/events")["results"]["events"]

    assert [event["ticker_change"]["ticker"] for event in events] == ["BAC", "NB"]
