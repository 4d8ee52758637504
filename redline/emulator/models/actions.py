"""Splits and dividends of a folder, with the vendor's cumulative adjustment factors."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from redline.emulator.eastern import epoch_day
from redline.emulator.models.bars import SplitFactors

Row = dict[str, Any]
FACTOR_DIGITS = 6
"""The vendor's published samples of ``historical_adjustment_factor`` have six decimals: 0.017857 for 1/56, 0.997899."""

NO_SPLITS = SplitFactors(np.array([], dtype=np.int64), np.ones(1), np.ones(1))
CloseBefore = Callable[[str, date], float | None]
"""(ticker, date) to the close as traded of the last session before that date."""


def read_results(path: Path) -> list[Row]:
    """Return ``results`` of a JSON file in the vendor's envelope; nothing when the file is not there."""
    if not path.exists():
        return []
    rows: list[Row] = json.loads(path.read_text("utf-8"))["results"]
    return rows


def by_ticker(rows: Iterable[Row], day: str) -> dict[str, list[Row]]:
    """Return rows grouped by ticker, each group oldest first."""
    grouped: defaultdict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row[day]):
        grouped[row["ticker"]].append(row)
    return dict(grouped)


class Splits:
    """Splits in both of the vendor's shapes, and the factors that bars are adjusted by."""

    def __init__(self, rows: list[Row]) -> None:
        self._by_ticker = by_ticker(rows, "execution_date")
        self._factors = {ticker: _factors(rows) for ticker, rows in self._by_ticker.items()}
        self.old_shape = [_pick(row, ("execution_date", "id", "split_from", "split_to", "ticker")) for row in rows]
        self.new_shape = [row for ticker in self._by_ticker for row in self._with_factors(ticker)]

    def factors(self, ticker: str) -> SplitFactors:
        """Return the cumulative ratios of one ticker."""
        return self._factors.get(ticker, NO_SPLITS)

    def factor_after(self, ticker: str, day: date) -> float:
        """Return what a price of ``day`` is multiplied by: all splits executed strictly after it."""
        factors = self.factors(ticker)
        at = bisect_right(factors.days, epoch_day(day))
        return float(factors.old[at] / factors.new[at])

    def _with_factors(self, ticker: str) -> Iterable[Row]:
        factors = self._factors[ticker]
        for at, row in enumerate(self._by_ticker[ticker]):
            grew = row["split_to"] > row["split_from"]
            yield {
                "id": row["id"],
                "ticker": ticker,
                "execution_date": row["execution_date"],
                "split_from": row["split_from"],
                "split_to": row["split_to"],
                "adjustment_type": row.get("adjustment_type", "forward_split" if grew else "reverse_split"),
                "historical_adjustment_factor": _rounded(float(factors.old[at] / factors.new[at])),
            }


class Dividends:
    """Cash dividends in both of the vendor's shapes.

    A dividend's own factor is 1 - cash / close as traded of the session before the ex-date; the published one is the
    product of it and all later ones. Where no close is known the own factor is 1.
    """

    def __init__(self, rows: list[Row], splits: Splits, close_before: CloseBefore) -> None:
        self._by_ticker = by_ticker(rows, "ex_dividend_date")
        self._splits, self._close_before = splits, close_before
        self._new: dict[str, list[Row]] = {}
        self._rows = rows

    @property
    def old_shape(self) -> list[Row]:
        return [{**row, "frequency": row.get("frequency", self._frequency(row))} for row in self._rows]

    def tickers(self) -> list[str]:
        return sorted(self._by_ticker)

    def new_shape(self, ticker: str) -> list[Row]:
        """Return the dividends of one ticker, oldest first, with their factors."""
        if ticker not in self._new:
            self._new[ticker] = self._with_factors(ticker)
        return self._new[ticker]

    def _with_factors(self, ticker: str) -> list[Row]:
        found, factor = [], 1.0
        for row in reversed(self._by_ticker.get(ticker, [])):
            ex_date = date.fromisoformat(row["ex_dividend_date"])
            close = self._close_before(ticker, ex_date)
            if close and row["cash_amount"] < close:
                factor *= 1 - row["cash_amount"] / close
            found.append(self._one(row, ex_date, factor))
        return found[::-1]

    def _one(self, row: Row, ex_date: date, factor: float) -> Row:
        cash = row["cash_amount"]
        frequency = row.get("frequency", self._frequency(row))
        special = row.get("dividend_type") == "SC"
        return {
            **_pick(row, ("id", "ticker", "ex_dividend_date", "declaration_date", "record_date", "pay_date")),
            "cash_amount": cash,
            "split_adjusted_cash_amount": round(cash * self._splits.factor_after(row["ticker"], ex_date), 6),
            "currency": row.get("currency", "USD"),
            "frequency": 0 if special else frequency,
            "distribution_type": "special" if special else "recurring" if frequency else "unknown",
            "historical_adjustment_factor": _rounded(factor),
        }

    def _frequency(self, row: Row) -> int:
        """Return payments a year, guessed from how many fell into the year around this one; 0 for one alone."""
        days = [epoch_day(date.fromisoformat(one["ex_dividend_date"])) for one in self._by_ticker[row["ticker"]]]
        here = epoch_day(date.fromisoformat(row["ex_dividend_date"]))
        near = bisect_left(days, here + 183) - bisect_left(days, here - 182)
        if len(days) == 1:
            return 0
        return 12 if near > 6 else 4 if near > 2 else near


def _factors(rows: list[Row]) -> SplitFactors:
    days = [epoch_day(date.fromisoformat(row["execution_date"])) for row in rows]
    new = np.cumprod([1.0, *(float(row["split_to"]) for row in reversed(rows))])[::-1].astype(np.float64)
    old = np.cumprod([1.0, *(float(row["split_from"]) for row in reversed(rows))])[::-1].astype(np.float64)
    return SplitFactors(np.array(days, dtype=np.int64), new, old)


def _pick(row: Row, names: tuple[str, ...]) -> Row:
    return {name: row[name] for name in names if row.get(name) is not None}


def _rounded(factor: float) -> float:
    """Round as the vendor's samples are, but never to nothing: extreme ratios (2e+06 to 1) keep six digits."""
    return round(factor, FACTOR_DIGITS) if factor >= 0.001 else float(f"{factor:.6g}")
