"""kill -9 at thirty chosen points; ``python bench/kills.py --kills 1000`` is the same with a thousand (P1)."""

from __future__ import annotations

from tests.proof.conftest import Proof


def test_thirty_kills_at_chosen_points_lose_double_and_tear_nothing(prove: Proof) -> None:
    report = prove("kills.py", "--kills", "30", "--seed", "7", "--recovery", "0")

    assert [report[name] for name in ("lost", "doubled", "wrong", "torn", "unverified")] == [0, 0, 0, 0, 0]
    assert report["n"] >= 30
    assert len(report["kills"]) >= 9, f"too few stages were met: {report['kills']}"
    assert report["rows"] > 0
