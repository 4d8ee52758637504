"""Our adjustment of raw rows against the adjusted answer of the vendor, as the emulator gives it."""

from __future__ import annotations

import json
import urllib.request
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from redline.market.request import Adjust, BarsQuery
from redline.query import read_bars
from redline.store import Store
from redline.testing import Emulator, FakeClock
from tests.store.samples import CALENDAR, NOW, bars, page, part, splits, splits_part

MARKET_DATA = Path(__file__).parents[2] / ".." / "shared" / "market-data"


def answer(rest: str, path: str) -> list[dict[str, Any]]:
    request = urllib.request.Request(f"{rest}{path}", headers={"Authorization": "Bearer test"})
    with urllib.request.urlopen(request, timeout=30) as response:
        rows: list[dict[str, Any]] = json.load(response)["results"]
        return rows


@pytest.mark.skipif(not MARKET_DATA.exists(), reason="the shared market data lies beside the checkout, or not at all")
@pytest.mark.parametrize(
    ("start", "end"), [(date(2014, 5, 1), date(2014, 7, 1)), (date(2020, 8, 3), date(2020, 10, 1))]
)
def test_split_adjusted_prices_equal_the_vendors_to_the_cent(tmp_path: Path, start: date, end: date) -> None:
    with Emulator(data=MARKET_DATA, now="2024-06-03T15:00:00Z") as emulator:
        path = f"/v2/aggs/ticker/AAPL/range/1/day/{start}/{end}?limit=50000&adjusted="
        raw, vendors = (answer(emulator.rest, path + flag) for flag in ("false", "true"))
        events = answer(emulator.rest, "/stocks/v1/splits?ticker=AAPL&limit=5000")
    days = CALENDAR.sessions(start, end)
    assert len(raw) == len(days)
    store = Store(tmp_path, FakeClock(), CALENDAR)
    table = bars("AAPL", {day: row["c"] for day, row in zip(days, raw, strict=True)})
    for name, key in (("open", "o"), ("high", "h"), ("low", "l"), ("volume", "v")):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, table.schema.field(at), [[float(row[key]) for row in raw]])
    store.commit(part("AAPL", start, end), page(table, start, end), "b", NOW)
    listed = [(date.fromisoformat(row["execution_date"]), row["split_from"], row["split_to"]) for row in events]
    store.commit(splits_part("AAPL"), splits("AAPL", *listed), "b", NOW)

    ours = read_bars(store, BarsQuery(("AAPL",), adjust=Adjust.SPLITS)).to_pylist()

    for row, vendor in zip(ours, vendors, strict=True):
        for name, key in (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c")):
            assert round(row[name], 2) == round(vendor[key], 2), (row["date"], name)
        assert row["volume"] == pytest.approx(vendor["v"], abs=1)
    store.close()
