"""Two bad half minutes; ``python bench/nemesis.py --seeds 20`` is the same with twenty (P1 to P5)."""

from __future__ import annotations

import pytest

from tests.proof.conftest import Proof


@pytest.mark.parametrize("seed", [1, 2])
def test_a_bad_half_minute_leaves_every_row_once_and_every_job_at_its_end(prove: Proof, seed: int) -> None:
    report = prove("nemesis.py", "--seed", str(seed), "--seconds", "30")

    assert [report[name] for name in ("lost", "doubled", "wrong", "torn", "unverified", "over")] == [0] * 6
    assert report["open"] == []
    assert report["rows"] > 1_000
    fired = [name for name, times in report["fired"].items() if times]
    assert {"kill_server", "kill_worker", "disk_full", "clock_back", "clock_forward"} <= set(fired)
    assert len(fired) >= 15, f"too little went wrong to prove anything: {report['fired']}"
