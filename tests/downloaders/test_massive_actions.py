"""Splits and dividends: one answer's bytes to rows."""

from __future__ import annotations

from datetime import date
from urllib.parse import parse_qs, urlsplit

import pytest

from redline.downloaders import massive_actions, massive_listing
from redline.errors import MalformedPage
from redline.market.part import Listing
from redline.market.request import Dataset
from redline.market.schema import DIVIDENDS_WIRE, SPLITS_WIRE
from tests.downloaders.bodies import dumps, part

SPLIT = {
    "id": "E90a77bdf742661741ed7c8fc086415f0457c2816c45899d73aaa88bdc8ff6025",
    "ticker": "ACME",
    "execution_date": "2005-02-28",
    "split_from": 1,
    "split_to": 2,
    "adjustment_type": "forward_split",
    "historical_adjustment_factor": 0.017857,
}
DIVIDEND = {
    "id": "E8e3c4f794613e9205e2f178a36c53fcc57cdabb55e1988c87b33f9e52e221444",
    "ticker": "ACME",
    "ex_dividend_date": "2025-08-11",
    "declaration_date": "2025-07-31",
    "record_date": "2025-08-11",
    "pay_date": "2025-08-14",
    "cash_amount": 0.26,
    "split_adjusted_cash_amount": 0.26,
    "currency": "USD",
    "frequency": 4,
    "distribution_type": "recurring",
    "historical_adjustment_factor": 0.997899,
}
SPLITS, DIVIDENDS = part(dataset=Dataset.SPLITS), part(dataset=Dataset.DIVIDENDS)


def listed(*rows: object, **more: object) -> bytes:
    return dumps({"status": "OK", "request_id": 1, "results": list(rows), **more})


def test_the_address_asks_for_the_whole_list_of_a_ticker() -> None:
    url = urlsplit(massive_actions.first_url("http://h:1", SPLITS))

    assert url.path == "/stocks/v1/splits"
    assert parse_qs(url.query) == {"ticker": ["ACME"], "sort": ["execution_date.asc"], "limit": ["5000"]}


def test_a_split_keeps_the_vendor_s_names() -> None:
    table = massive_actions.parse_page(listed(SPLIT), SPLITS).table

    assert table.schema == SPLITS_WIRE
    assert table.to_pylist() == [
        {**SPLIT, "execution_date": date(2005, 2, 28), "split_from": 1.0, "split_to": 2.0, "source": "massive"}
    ]


def test_a_dividend_may_lack_all_but_its_day_and_amount() -> None:
    bare = {"ticker": "ACME", "ex_dividend_date": "2025-08-11", "cash_amount": 0.26, "pay_date": ""}

    table = massive_actions.parse_page(listed(DIVIDEND, bare), DIVIDENDS).table

    assert table.schema == DIVIDENDS_WIRE
    assert table.column("frequency").to_pylist() == [4, None]
    assert table.column("pay_date").to_pylist() == [date(2025, 8, 14), None]


@pytest.mark.parametrize(
    "changed",
    [
        {"split_to": "2"},
        {"split_to": 0},
        {"split_from": -1},
        {"split_to": None},
        {"execution_date": "2005-02-30"},
        {"execution_date": "20050228"},
        {"execution_date": 20050228},
        {"ticker": "OTHER"},
        {"ticker": None},
        {"id": 7},
        {"historical_adjustment_factor": True},
    ],
)
def test_a_bad_row_is_set_aside_and_the_others_are_kept(changed: dict[str, object]) -> None:
    parsed = massive_actions.parse_page(listed(SPLIT, {**SPLIT, **changed}, "x"), SPLITS)

    assert parsed.table.num_rows == 1
    assert len(parsed.set_aside) == 2


@pytest.mark.parametrize("body", [listed(), dumps({"status": "OK", "request_id": "x"})])
def test_no_splits_are_an_answer(body: bytes) -> None:
    assert massive_actions.parse_page(body, SPLITS).table.num_rows == 0


@pytest.mark.parametrize(
    "body",
    [
        listed({**SPLIT, "ticker": "OTHER"}),
        listed(SPLIT, count=2),
        listed(SPLIT, status="ERROR"),
        listed(SPLIT, next_url=1),
        dumps({"status": "OK", "results": {"a": 1}}),
        b"[]",
        b"<html></html>",
    ],
)
def test_a_list_that_cannot_be_trusted_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPage):
        massive_actions.parse_page(body, SPLITS)


def test_an_overview_tells_name_and_first_day() -> None:
    body = dumps({"status": "OK", "results": {"ticker": "ACME", "name": "Acme", "list_date": "1980-12-12"}})

    assert massive_listing.parse_overview(body, "ACME") == Listing(known=True, name="Acme", listed=date(1980, 12, 12))


def test_a_ticker_that_is_listed_no_more_tells_its_last_day() -> None:
    rows = [
        {"ticker": "ACME", "name": "Old Acme", "delisted_utc": "2003-01-02T05:00:00Z"},
        {"ticker": "ACME", "name": "Acme", "delisted_utc": "2019-03-04T05:00:00Z"},
        {"ticker": "ACMEW", "name": "Acme warrants"},
    ]

    assert massive_listing.parse_list(listed(*rows), "ACME").delisted == date(2019, 3, 4)
    assert massive_listing.parse_list(listed(), "ACME") == Listing(known=False)


@pytest.mark.parametrize("results", [None, [], "x", {"ticker": "OTHER"}])
def test_an_overview_of_something_else_is_refused(results: object) -> None:
    with pytest.raises(MalformedPage):
        massive_listing.parse_overview(dumps({"status": "OK", "results": results}), "ACME")


@pytest.mark.parametrize("changed", [{"results": "x"}, {"results": ["x"]}, {"status": "ERROR"}])
def test_a_list_of_tickers_of_the_wrong_shape_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(MalformedPage):
        massive_listing.parse_list(listed(**changed), "ACME")
