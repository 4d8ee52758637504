"""Rebuild the demo market that the emulator ships, from a folder laid out like ``market-data/``.

    python bench/make_demo_market.py ../shared/market-data

Writes ``redline/emulator/market/``: a dozen tickers, daily bars as traded from 2014 on, their splits and dividends.
Only rows with ``source`` alphavantage-sp500 are taken; NOTICE names where they come from.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

OUT = Path(__file__).parents[1] / "redline" / "emulator" / "market"
SOURCE = "alphavantage-sp500"
FIRST_DAY = date(2014, 1, 2)
TICKERS = {
    "AAPL": ("Apple Inc.", "XNAS"),
    "AMZN": ("Amazon.com, Inc.", "XNAS"),
    "DIS": ("The Walt Disney Company", "XNYS"),
    "IBM": ("International Business Machines Corporation", "XNYS"),
    "INTC": ("Intel Corporation", "XNAS"),
    "JNJ": ("Johnson & Johnson", "XNYS"),
    "JPM": ("JPMorgan Chase & Co.", "XNYS"),
    "KO": ("The Coca-Cola Company", "XNYS"),
    "MSFT": ("Microsoft Corporation", "XNAS"),
    "PG": ("The Procter & Gamble Company", "XNYS"),
    "WMT": ("Walmart Inc.", "XNYS"),
    "XOM": ("Exxon Mobil Corporation", "XNYS"),
}


def bars(folder: Path) -> pa.Table:
    """Return the daily bars of the demo, sorted by ticker and date."""
    wanted = [
        ("ticker", "in", list(TICKERS)),
        ("source", "=", SOURCE),
        ("adjusted", "=", "none"),
        ("date", ">=", FIRST_DAY),
    ]
    table = pq.read_table(folder / "bars_day.parquet", filters=wanted)
    return table.sort_by([("ticker", "ascending"), ("date", "ascending")])


def actions(folder: Path, name: str, day: str) -> list[dict[str, Any]]:
    """Return the splits or dividends of the demo's tickers within its days."""
    rows = json.loads((folder / name).read_text("utf-8"))["results"]
    return [row for row in rows if row["ticker"] in TICKERS and row[day] >= FIRST_DAY.isoformat()]


def main() -> None:
    """Write the four files."""
    folder = Path(sys.argv[1])
    OUT.mkdir(exist_ok=True)
    pq.write_table(bars(folder), OUT / "bars_day.parquet", compression="zstd", use_dictionary=True)
    for name, day in (("splits.json", "execution_date"), ("dividends.json", "ex_dividend_date")):
        lines = ",\n".join(json.dumps(row, sort_keys=True) for row in actions(folder, name, day))
        (OUT / name).write_text('{"status":"OK","results":[\n' + lines + "\n]}\n", "utf-8")
    about = [{"ticker": t, "name": n, "primary_exchange": x, "type": "CS"} for t, (n, x) in TICKERS.items()]
    (OUT / "reference.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
