"""Many tickers cost few calls, and what is lost comes back; ``python bench/bulk.py`` is the same with thousands."""

from __future__ import annotations

from tests.proof.conftest import Proof

SMALL = ("--counts-only", "--start", "2024-12-16", "--holes", "3")


def test_the_cheapest_route_is_taken_nothing_is_asked_twice_and_lost_sessions_come_back(prove: Proof) -> None:
    report = prove("bulk.py", "--only", "calls", "--tickers", "40", *SMALL)

    lines = report["lines"]
    assert lines["40 tickers x 11 sessions: calls"] < 40 / 2
    assert lines["asked for once more: calls"] == 0
    assert lines["3 sessions, of all tickers, repaired: rows"] == 120
    assert lines["rows lost, doubled, wrong; files torn, unverified"] == 0


def test_the_whole_market_costs_a_call_a_session_and_a_big_job_a_call_a_ticker(prove: Proof) -> None:
    report = prove("bulk.py", "--only", "market", "job", "--market", "300", "--job", "60", "--runs", "1", *SMALL)

    assert report["lines"]["300 tickers x 11 sessions: rows"] == 3_300
    assert report["lines"]["job of 60 tickers: runs that are not complete"] == 0
