"""Requests as the ledger keeps them: they come back as they were, and what says nothing changes no key."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from redline.jobs.codec import natural_key, part_of, part_text, request_of, request_text
from redline.market.part import Part
from redline.market.request import Dataset, DownloadRequest

ONE = DownloadRequest(("AAPL",), date(2024, 1, 2), date(2024, 1, 31))
BULK = [
    pytest.param(replace(ONE, universe="held"), id="universe"),
    pytest.param(replace(ONE, universe="us_stocks", as_of=date(2024, 1, 5)), id="as_of"),
    pytest.param(replace(ONE, repair=True), id="repair"),
    pytest.param(replace(ONE, refused=(("B/A", "no"), ("A/B", "no"))), id="refused"),
]


@pytest.mark.parametrize("request_", BULK)
def test_a_request_comes_back_and_is_another_one_than_the_plain(request_: DownloadRequest) -> None:
    assert request_of(request_text(request_)) == request_
    assert natural_key(request_) != natural_key(ONE)


def test_what_is_not_said_is_not_written() -> None:
    assert request_text(ONE) == (
        '{"adjusted":true,"dataset":"bars","end_date":"2024-01-31","multiplier":1,"source":"massive",'
        '"start_date":"2024-01-02","tickers":["AAPL"],"timespan":"day"}'
    )


def test_a_list_of_the_source_is_one_request_whether_its_tickers_are_known_or_not() -> None:
    known = replace(ONE, universe="us_stocks", as_of=date(2024, 1, 5))

    assert natural_key(known) == natural_key(replace(known, tickers=()))
    assert natural_key(replace(ONE, universe="held")) != natural_key(replace(ONE, universe="held", tickers=("MSFT",)))


def test_the_part_that_asks_for_a_list_comes_back() -> None:
    part = Part("massive", Dataset.TICKERS, "us_stocks", date(2024, 1, 5), date(2024, 1, 5))

    assert part_of(part_text(part)) == part
