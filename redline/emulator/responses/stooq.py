"""Stooq's CSV, ``/q/d/l/``, and the ways in which it says no with status 200, as its users quote them (2026-04 to 08).

``o`` holds seven marks: a 1 leaves out the adjustment for splits, dividends and five kinds of rights; without it prices
are adjusted for all. Which day a week's or a month's row bears is inferred: its last session, the last of the month.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from redline.emulator.calendar import close_minute, session_kind
from redline.emulator.eastern import DAY_MS, NEW_YORK, date_of, epoch_day, wall
from redline.emulator.models.bars import Bars, Numbers
from redline.emulator.models.folder import MarketFolder
from redline.emulator.sides import SideAsk
from redline.emulator.wire import Body, Reply, number

NO_DATA = b"No data"
GET_KEY = (
    b"Get your apikey:\r\n\r\n1. Open https://stooq.com/q/d/?s=aapl.us&get_apikey\r\n2. Enter the captcha code.\r\n"
    b"3. Copy the CSV download link at the bottom of the page - it will contain the <apikey> variable.\r\n"
)
CRLF = "\r\n"


def csv(ask: SideAsk, market: MarketFolder) -> Reply | None:
    """Answer with the rows of one symbol, oldest first."""
    if ask.path.rstrip("/") != "/q/d/l":
        return None
    if not ask.key or (ask.only_key is not None and ask.key != ask.only_key):
        return _text(GET_KEY)
    ticker = _ticker(ask.query.get("s", ""), market)
    rows = _rows(ask, market, ticker) if ticker else None
    if rows is None or not len(rows.days):
        return _text(NO_DATA)
    served = [day.isoformat() for day in rows.days]
    return Reply(200, Body(_body(rows).encode()), "text/csv", served=served)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows by their date; ``volume`` is missing where the vendor's file has no such column."""

    days: list[date]
    prices: tuple[Numbers, Numbers, Numbers, Numbers]
    volume: Numbers | None


def _ticker(symbol: str, market: MarketFolder) -> str | None:
    """Return the folder's ticker of a symbol: ``brk-b.us``, ``abr_a.us``, ``^spx``, ``btcusd``, ``eurusd``."""
    name, dot, country = symbol.upper().partition(".")
    if country == "US":
        root, mark, rest = name.partition("_")
        candidates = [f"{root}p{rest}" if mark else name.replace("-", ".")]
    elif name.startswith("^"):
        candidates = ["I:COMP" if name == "^NDQ" else f"I:{name[1:]}"]
    elif not dot:
        candidates = [f"{kind}:{pair}" for kind in "CX" for pair in (name, f"{name[:3]}-{name[3:]}")]
    else:
        return None
    return next((one for one in candidates if one in market.ticker_set), None)


def _rows(ask: SideAsk, market: MarketFolder, ticker: str) -> _Rows | None:
    bars = market.bars(ticker, "day")
    today = ask.now.astimezone(NEW_YORK)
    closed = today.hour * 60 + today.minute >= close_minute(session_kind(today.date()))
    last = today.date() if closed else today.date() - timedelta(days=1)
    days = np.array([epoch_day(date_of(int(t))) for t in bars.t], dtype=np.int64)
    kept = np.flatnonzero(days <= epoch_day(last))
    factor, shares = _factors(market, ticker, bars, last, ask.query.get("o", "0000000"))
    prices = tuple(np.round(column * factor, 6)[kept] for column in (bars.o, bars.h, bars.l, bars.c))
    rows = days[kept], prices, np.round(bars.v * shares)[kept]
    dates, columns, volume = _gathered(*rows, ask.query.get("i", "d"))
    first, until = ask.query.get("d1", "00010101"), ask.query.get("d2", "99991231")
    inside = [at for at, day in enumerate(dates) if first <= day.strftime("%Y%m%d") <= until]
    chosen = tuple(column[inside] for column in columns)
    pair = ticker.startswith(("C:", "X:"))
    return _Rows([dates[at] for at in inside], chosen, None if pair else volume[inside])


def _factors(market: MarketFolder, ticker: str, bars: Bars, last: date, skipped: str) -> tuple[Numbers, Numbers]:
    """Return what prices and volumes are multiplied by."""
    price, shares = np.ones(len(bars)), np.ones(len(bars))
    if skipped[:1] != "1":
        splits = market.splits.factors(ticker)
        at, now = splits.position(bars.t), int(np.searchsorted(splits.days, epoch_day(last), side="right"))
        shares = splits.new[at] / splits.new[now] * splits.old[now] / splits.old[at]
        price = price / shares
    if skipped[1:2] != "1":
        rows = market.dividends.new_shape(ticker)
        ex_days = np.array([epoch_day(date.fromisoformat(row["ex_dividend_date"])) for row in rows], dtype=np.int64)
        steps = np.array([row["historical_adjustment_factor"] for row in rows] + [1.0])
        price = price * steps[np.searchsorted(ex_days, wall(bars.t) // DAY_MS, side="right")]
    return np.where(bars.raw, price, 1.0), np.where(bars.raw, shares, 1.0)


def _gathered(days: Any, prices: Any, volume: Any, interval: str) -> tuple[list[date], tuple[Any, ...], Any]:
    """Return the rows of days put together to weeks (Monday to Sunday) or months."""
    dates = [date.fromordinal(int(day) + 719_163) for day in days]
    if interval == "d" or not dates:
        return dates, prices, volume
    keys = [day.isocalendar()[:2] if interval == "w" else (day.year, day.month) for day in dates]
    first = [at for at, key in enumerate(keys) if at == 0 or key != keys[at - 1]]
    last = [*(at - 1 for at in first[1:]), len(keys) - 1]
    opens, highs, lows, closes = prices
    made = opens[first], np.maximum.reduceat(highs, first), np.minimum.reduceat(lows, first), closes[last]
    stamps = [dates[at] if interval == "w" else _month_end(dates[at]) for at in last]
    return stamps, made, np.add.reduceat(volume, first)


def _month_end(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)


def _body(rows: _Rows) -> str:
    names = ["Date", "Open", "High", "Low", "Close", *(["Volume"] if rows.volume is not None else [])]
    columns = [[number(float(value)) for value in column] for column in rows.prices]
    if rows.volume is not None:
        columns.append([str(int(value)) for value in rows.volume])
    lines = [",".join((day.isoformat(), *values)) for day, *values in zip(rows.days, *columns, strict=True)]
    return CRLF.join([",".join(names), *lines, ""])


def _text(body: bytes) -> Reply:
    return Reply(200, Body(body), "text/plain; charset=utf-8")
