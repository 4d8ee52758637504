"""A storm of 429s over one key, in minutes of three seconds; ``bench/storm.py --window 60`` takes real ones (P4)."""

from __future__ import annotations

from tests.proof.conftest import Proof


def test_a_storm_of_429s_breaks_no_limit_and_costs_next_to_nothing(prove: Proof) -> None:
    report = prove("storm.py")

    assert report["over"] == 0
    assert report["used"] >= 0.95
    assert report["process_shares"][0] >= 0.15
    assert report["refused_most"] <= 10
    assert min(report["refused"]) > 0, "the vendor never said no to anybody"
