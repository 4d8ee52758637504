"""S12: mutated answers all the way from the socket to the store: typed errors or right rows, and nothing else."""

from __future__ import annotations

import math
import random
import time
from pathlib import Path

import pytest

from redline.clock import SystemClock, Watch
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.errors import RedlineError
from redline.market.part import Part
from redline.market.request import Adjust, BarsQuery, Dataset
from redline.net.budget import Budgets
from redline.query.bars import read_bars
from redline.store import Store
from redline.testing import FakeClock
from tests.downloaders.bodies import DAYS, answer, daily, dumps, part
from tests.downloaders.test_massive_fuzz import mutated
from tests.security.conftest import Vendor
from tests.store.samples import CALENDAR, NOW

CASES = 80  # Each is one or two real requests and commits; the parsers alone have thousands of their own.
ACTION = {
    "id": "E1", "ticker": "ACME", "execution_date": "2020-08-31", "split_from": 1, "split_to": 4,
    "adjustment_type": "forward_split", "historical_adjustment_factor": 0.25,
    "ex_dividend_date": "2020-08-31", "cash_amount": 0.5, "frequency": 4, "pay_date": "2020-09-10",
}  # fmt: skip
BODIES = {
    Dataset.BARS: answer(daily()),
    Dataset.SPLITS: dumps({"status": "OK", "request_id": "x", "results": [ACTION]}),
    Dataset.DIVIDENDS: dumps({"status": "OK", "request_id": "x", "results": [ACTION]}),
}


def walk(downloader: MassiveDownloader, store: Store, asked: Part, batch: str) -> bool:
    """Fetch a part and store it; return whether it was refused with a typed error."""
    try:
        for page in downloader.pages(asked, Watch()):
            store.commit(asked, page, batch, NOW)
    except RedlineError:
        return True
    return False


def check_stored(store: Store, dataset: Dataset) -> int:
    """Check every row that the store holds; return how many."""
    if dataset is not Dataset.BARS:
        table = store.splits_table(("ACME",)) if dataset is Dataset.SPLITS else store.dividends_table(("ACME",))
        rows = table.to_pylist()
        numbers = ("split_from", "split_to") if dataset is Dataset.SPLITS else ("cash_amount",)
        for row in rows:
            assert row["ticker"] == "ACME"
            assert all(math.isfinite(row[name]) and row[name] > 0 for name in numbers), row
        return len(rows)
    rows = read_bars(store, BarsQuery(("ACME",), adjust=Adjust.NONE)).to_pylist()
    assert len({row["timestamp"] for row in rows}) == len(rows)
    for row in rows:
        assert row["ticker"] == "ACME"
        assert DAYS[0] <= row["date"] <= DAYS[-1]
        assert all(math.isfinite(row[name]) and row[name] > 0 for name in ("open", "high", "low", "close")), row
        assert row["high"] >= max(row["open"], row["close"], row["low"])
        assert row["volume"] is None or (math.isfinite(row["volume"]) and row["volume"] >= 0)
    return len(rows)


@pytest.mark.parametrize("dataset", list(BODIES), ids=lambda one: one.value)
def test_a_mutated_answer_is_stored_right_or_refused(tmp_path: Path, vendor: Vendor, dataset: Dataset) -> None:
    rng, asked = random.Random(12), part(dataset=dataset)
    budgets = Budgets(tmp_path / "budgets.db", SystemClock())
    downloader = MassiveDownloader(
        "aKeyThatIsNotReal123", tmp_path, base_url=vendor.origin, rate_limit_per_minute=1_000_000,
        budgets=budgets, clock=FakeClock(), timeout=2.0,
    )  # fmt: skip
    store = Store(tmp_path, FakeClock(), CALENDAR)
    refused, rows, slowest_s = 0, 0, 0.0
    for at in range(CASES):
        vendor.body = mutated(BODIES[dataset], rng)
        since = time.perf_counter()
        refused += walk(downloader, store, asked, f"b{at}")
        slowest_s = max(slowest_s, time.perf_counter() - since)
        if at % 20 == 0:
            rows += check_stored(store, dataset)
    rows += check_stored(store, dataset)
    store.close()
    budgets.close()

    assert 0 < refused < CASES
    assert rows > 0
    assert slowest_s < 5.0
