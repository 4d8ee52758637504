"""One folder of market data, laid out like ``market-data/``: every file optional, read on first use."""

from __future__ import annotations

import json
from datetime import date
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from redline.emulator.eastern import DAY_MS, date_of, day_start_ms, utc
from redline.emulator.models.actions import Dividends, Row, Splits, read_results
from redline.emulator.models.bars import Bars
from redline.emulator.models.simulated import simulated_day
from redline.emulator.models.tables import TickerTable
from redline.emulator.wire import BlockCache

DAY_FILES = ("bars_day.parquet", "bars_day_market.parquet")
SHORTEST_SESSION = 210
"""Minutes of regular hours on a day of early close."""
INTRADAY_FILES = {"minute": "bars_minute.parquet", "second": "bars_second.parquet"}


class MarketFolder:
    """Bars, corporate actions and reference data of a folder.

    With ``simulate_intraday`` minutes are made up inside each real day's range. ``blocks`` keeps pages ready.
    """

    def __init__(self, path: Path, *, simulate_intraday: bool = False) -> None:
        self.path = path
        self.simulated = simulate_intraday
        self.blocks = BlockCache()
        self._days = [TickerTable(path / name) for name in DAY_FILES]
        self._intraday = {timespan: TickerTable(path / name) for timespan, name in INTRADAY_FILES.items()}
        self.ticks = {name: TickerTable(path / f"{name}.parquet") for name in ("trades", "quotes")}
        self.bars = lru_cache(maxsize=512)(self._bars)
        self._simulated_day = lru_cache(maxsize=4096)(self._simulate)
        self.grouped = lru_cache(maxsize=32)(self._grouped)

    @cached_property
    def tickers(self) -> list[str]:
        """Every ticker with a bar, sorted by bytes."""
        tables = [*self._days, *self._intraday.values()]
        return sorted({ticker for table in tables for ticker in table.tickers()})

    @cached_property
    def ticker_set(self) -> frozenset[str]:
        return frozenset(self.tickers)

    @cached_property
    def delisted(self) -> dict[str, str]:
        """Last trading day (ISO) of the tickers that are known to have one."""
        return {row["lean_map_file"]: row["delisted"] for row in self.events if row.get("delisted")}

    @cached_property
    def splits(self) -> Splits:
        return Splits(read_results(self.path / "splits.json"))

    @cached_property
    def dividends(self) -> Dividends:
        return Dividends(read_results(self.path / "dividends.json"), self.splits, self._close_before)

    @cached_property
    def events(self) -> list[Row]:
        """Renames and delistings: see ``ticker_events.json``."""
        return self._json_list("ticker_events.json")

    @cached_property
    def about(self) -> dict[str, Row]:
        """What ``reference.json`` says of a ticker (name, exchange, type), by ticker."""
        return {row["ticker"]: row for row in self._json_list("reference.json")}

    def _json_list(self, name: str) -> list[Row]:
        path = self.path / name
        rows: list[Row] = json.loads(path.read_text("utf-8")) if path.exists() else []
        return rows

    def _bars(self, ticker: str, base: str) -> Bars:
        """Return all bars of one ticker in ``base`` (second, minute, day), oldest first; empty when there are none."""
        if base == "day":
            return _joined([_day_bars(table.rows(ticker)) for table in self._days])
        return _joined([_intraday_bars(self._intraday[base].rows(ticker))])

    def between(
        self, ticker: str, base: str, start_ms: int, until_ms: int, wanted: int | None = None, newest: bool = False
    ) -> Bars:
        """Return the bars with ``start_ms <= t < until_ms``; minutes are simulated where the folder says so.

        Of simulated minutes at least ``wanted`` and one more are made, where there are so many, from the ``newest`` on.
        """
        if self.simulated and base == "minute":
            days = self.between(ticker, "day", start_ms - DAY_MS, until_ms).t
            if wanted is not None:
                many = wanted // SHORTEST_SESSION + 3
                days = days[-many:] if newest else days[:many]
            bars = _joined([self._simulated_day(ticker, int(t)) for t in days])
        else:
            bars = self.bars(ticker, base)
        first, last = np.searchsorted(bars.t, [start_ms, max(start_ms, until_ms)])
        return bars.span(int(first), int(last))

    def _simulate(self, ticker: str, day_ms: int) -> Bars:
        days = self.bars(ticker, "day")
        at = int(np.searchsorted(days.t, day_ms))
        return simulated_day(ticker, days.span(at, at + 1))

    def _grouped(self, day: date) -> tuple[list[str], Bars]:
        """Return the tickers with a bar on ``day``, sorted by bytes, and their bars in the same order."""
        tables = [table.where("date", day) for table in self._days if table.tickers()]
        names = [name for table in tables for name in table["ticker"].to_pylist()]
        parts = [bars for table in tables if (bars := _day_bars(table)) is not None]
        order = sorted(range(len(names)), key=lambda at: names[at].encode())
        return [names[at] for at in order], _stack(parts, np.array(order, dtype=np.int64))

    def first_day(self, ticker: str) -> date | None:
        """Return the New York date of the oldest bar."""
        return self._first_days.get(ticker)

    @cached_property
    def _first_days(self) -> dict[str, date]:
        """First day of every ticker with bars; day bars say it where there are any."""
        minutes = self._intraday["minute"].oldest("window_start")
        found = {ticker: date_of(stamp // 1_000_000) for ticker, stamp in minutes.items()}
        of_days: dict[str, date] = {}
        for table in self._days:
            for ticker, day in table.oldest("date").items():
                of_days[ticker] = min(day, of_days.get(ticker, day))
        return found | of_days

    def _close_before(self, ticker: str, day: date) -> float | None:
        bars = self.bars(ticker, "day")
        at = int(np.searchsorted(bars.t, day_start_ms(day))) - 1
        return float(bars.c[at]) if at >= 0 and bars.raw[at] else None


def _floats(table: Any, name: str) -> Any:
    return table[name].to_numpy().astype(np.float64)


def _day_bars(table: Any) -> Bars | None:
    if table is None or not table.num_rows:
        return None
    days = table["date"].to_numpy().astype("datetime64[D]").astype(np.int64)
    return _columns(table, utc(days * DAY_MS))


def _intraday_bars(table: Any) -> Bars | None:
    if table is None or not table.num_rows:
        return None
    return _columns(table, table["window_start"].to_numpy().astype(np.int64) // 1_000_000)


def _columns(table: Any, t: Any) -> Bars:
    names = table.column_names
    raw = np.ones(len(t), dtype=np.bool_)
    if "adjusted" in names:
        raw = np.array(table["adjusted"].to_pylist(), dtype=object) == "none"
    count = None
    if "transactions" in names and table["transactions"].null_count < table.num_rows:
        count = np.nan_to_num(_floats(table, "transactions"), nan=-1).astype(np.int64)
    return Bars(
        t=t,
        o=_floats(table, "open"),
        h=_floats(table, "high"),
        l=_floats(table, "low"),
        c=_floats(table, "close"),
        v=np.nan_to_num(_floats(table, "volume")),
        raw=raw,
        vw=_floats(table, "vwap") if "vwap" in names else None,
        n=count,
    )


def _joined(parts: list[Bars | None]) -> Bars:
    """Return the rows of all parts by time, the first part's row where two have the same time."""
    known = [part for part in parts if part is not None]
    t = np.concatenate([part.t for part in known]) if known else np.array([], dtype=np.int64)
    _, order = np.unique(t, return_index=True)
    return _stack(known, order)


def _stack(parts: list[Bars], order: Any) -> Bars:
    if not parts:
        empty = np.array([], dtype=np.float64)
        return Bars(empty.astype(np.int64), empty, empty, empty, empty, empty, empty.astype(np.bool_))
    if len(parts) == 1 and np.array_equal(order, np.arange(len(parts[0]))):
        return parts[0]

    def column(name: str) -> Any:
        return np.concatenate([getattr(part, name) for part in parts])[order]

    def optional(name: str, unknown: Any) -> Any:
        if all(getattr(part, name) is None for part in parts):
            return None
        whole = [np.full(len(part), unknown) if getattr(part, name) is None else getattr(part, name) for part in parts]
        return np.concatenate(whole)[order]

    columns = {name: column(name) for name in (*"tohlcv", "raw")}
    return Bars(**columns, vw=optional("vw", np.nan), n=optional("n", -1))
