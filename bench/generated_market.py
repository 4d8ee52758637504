"""Write a market of any size in the emulator's layout, from a seed: daily bars, some minutes, a few splits.

    python bench/generated_market.py FOLDER [--tickers 10000] [--start 2024-01-02] [--end 2024-12-31] [--seed 1]

The other benches make theirs with ``write_market``; ``truth_of`` reads back what the emulator will serve from it.
"""

from __future__ import annotations

import argparse
import json
import string
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parents[1]))

from redline.market.calendar import TradingCalendar, midnight

MINUTES_A_DAY = 390
OPENS = timedelta(hours=9, minutes=30)
DAY_FILE, MINUTE_FILE = "bars_day.parquet", "bars_minute.parquet"


def tickers_of(count: int) -> tuple[str, ...]:
    """Return names of four letters, sorted; there are 17,576 of them."""
    letters = string.ascii_uppercase
    assert count <= len(letters) ** 3
    return tuple(f"Q{letters[n // 676]}{letters[n // 26 % 26]}{letters[n % 26]}" for n in range(count))


def sessions_of(start: date, end: date) -> list[date]:
    """Return the exchange's sessions from ``start`` to ``end``, both inclusive."""
    return list(TradingCalendar(end + timedelta(days=7)).sessions(start, end))


def _prices(rng: np.random.Generator, rows: int) -> dict[str, Any]:
    """Return one row of numbers for each bar: a price of cents that walks, volume in whole shares."""
    opened = np.round(rng.uniform(5, 500, rows), 2)
    closed = np.round(opened * rng.uniform(0.97, 1.03, rows), 2)
    high = np.round(np.maximum(opened, closed) * rng.uniform(1, 1.02, rows), 2)
    low = np.round(np.minimum(opened, closed) * rng.uniform(0.98, 1, rows), 2)
    volume = rng.integers(100, 5_000_000, rows).astype(np.float64)
    return {"open": opened, "high": high, "low": low, "close": closed, "volume": volume}


def write_market(
    folder: Path,
    tickers: Sequence[str],
    start: date,
    end: date,
    seed: int,
    *,
    minutes: Sequence[str] = (),
    minutes_start: date | None = None,
    splits: int = 2,
) -> None:
    """Write the files: each ticker has a bar in each session; ``minutes`` name the tickers with bars by the minute.

    Minutes start at ``minutes_start`` (default: ``start``). The first ``splits`` tickers have one split each, in the
    middle.
    """
    rng, days = np.random.default_rng(seed), sessions_of(start, end)
    folder.mkdir(parents=True, exist_ok=True)
    rows = len(tickers) * len(days)
    dates = np.tile(np.array(days, dtype="datetime64[D]"), len(tickers))
    names = pa.array(np.repeat(np.array(tickers), len(days)))
    table = {"ticker": names, "date": pa.array(dates), **_prices(rng, rows)}
    table |= {"adjusted": pa.array(["none"] * rows), "transactions": rng.integers(1, 9_000, rows)}
    pq.write_table(pa.table(table), folder / DAY_FILE, compression="zstd")
    if minutes:
        _write_minutes(folder / MINUTE_FILE, minutes, [day for day in days if day >= (minutes_start or start)], rng)
    middle = days[len(days) // 2].isoformat()
    results = [
        {"ticker": one, "execution_date": middle, "split_from": 1, "split_to": 2 + at, "id": f"E{at:064x}"}
        for at, one in enumerate(tickers[:splits])
    ]
    (folder / "splits.json").write_text(json.dumps({"status": "OK", "results": results}), "utf-8")


def _write_minutes(path: Path, tickers: Sequence[str], days: Sequence[date], rng: np.random.Generator) -> None:
    first = np.array([int((midnight(day) + OPENS).timestamp()) for day in days], dtype=np.int64)
    starts = (first[:, None] + np.arange(MINUTES_A_DAY)[None, :] * 60).ravel() * 1_000_000_000
    rows = len(tickers) * len(starts)
    table = {
        "ticker": pa.array(np.repeat(np.array(tickers), len(starts))),
        **_prices(rng, rows),
        "window_start": np.tile(starts, len(tickers)),
        "transactions": rng.integers(1, 900, rows),
    }
    pq.write_table(pa.table(table), path, compression="zstd")


def truth_of(folder: Path) -> Any:
    """Return every bar of the folder as a frame: ticker, timespan, day (ordinal since 1970), t (ms), o, h, l, c, v."""
    import pandas as pd

    daily = pq.read_table(folder / DAY_FILE).to_pandas()
    days = pd.to_datetime(daily["date"])
    starts = {day: int(midnight(day.date()).timestamp() * 1000) for day in days.unique()}
    frames = [_frame(daily, "day", days.map(starts).astype("int64"), days)]
    if (folder / MINUTE_FILE).exists():
        bars = pq.read_table(folder / MINUTE_FILE).to_pandas()
        t = bars["window_start"] // 1_000_000
        local = pd.to_datetime(t, unit="ms", utc=True).dt.tz_convert("America/New_York")
        frames.append(_frame(bars, "minute", t, local.dt.tz_localize(None).dt.normalize()))
    return pd.concat(frames, ignore_index=True)


def _frame(bars: Any, timespan: str, t: Any, days: Any) -> Any:
    import pandas as pd

    numbers = {name: bars[name] for name in ("open", "high", "low", "close", "volume")}
    day = days.astype("datetime64[s]").astype("int64") // 86_400
    return pd.DataFrame({"ticker": bars["ticker"], "timespan": timespan, "day": day, "t": t, **numbers})


def main() -> None:
    """Write the folder that the arguments describe."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tickers", type=int, default=10_000)
    parser.add_argument("--start", type=date.fromisoformat, default=date(2024, 1, 2))
    parser.add_argument("--end", type=date.fromisoformat, default=date(2024, 12, 31))
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write_market(given.folder, tickers_of(given.tickers), given.start, given.end, given.seed)


if __name__ == "__main__":
    main()
