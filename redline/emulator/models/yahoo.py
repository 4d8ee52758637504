"""Bars of a folder as Yahoo has them: in today's shares, stamped in its way, the session under way as a live row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from redline.emulator.eastern import DAY_MS, HOUR_MS, Millis, date_of, epoch_day, utc, wall
from redline.emulator.models.bars import Bars, Numbers
from redline.emulator.models.folder import MarketFolder
from redline.emulator.models.windows import Window
from redline.emulator.models.yahoo_market import Instrument

_OPEN_MS = 9 * HOUR_MS + HOUR_MS // 2


@dataclass(frozen=True, slots=True)
class Quotes:
    """Rows by time: ``t_s`` in seconds, prices and volume in shares of today, ``dividends`` their further factor."""

    t_s: Millis
    open: Numbers
    high: Numbers
    low: Numbers
    close: Numbers
    volume: Numbers
    dividends: Numbers

    def __len__(self) -> int:
        return len(self.t_s)

    def between(self, start_s: int, end_s: int) -> Quotes:
        """Return the rows with ``start_s <= t <= end_s``."""
        kept = slice(*np.searchsorted(self.t_s, [start_s, end_s + 1]))
        return Quotes(*(getattr(self, name)[kept] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class FromOpen(Window):
    """Windows within a session that count from 09:30 New York."""

    def index(self, utc_ms: Millis) -> Millis:
        return (wall(utc_ms) - _OPEN_MS) // (60_000 * self.multiplier)

    def start(self, index: Millis) -> Millis:
        return utc(index * (60_000 * self.multiplier) + _OPEN_MS)


def day_quotes(market: MarketFolder, found: Instrument, interval: str, now_s: int) -> Quotes:
    """Return all rows of whole days (or longer) up to now; the live one last."""
    days = market.bars(found.ticker, "day")
    today = datetime.fromtimestamp(now_s, found.zone).date()
    dates = [date_of(int(t)) for t in days.t]
    done = sum(day < today or (day == today and now_s >= found.closes_s(day)) for day in dates)
    begun = done < len(dates) and dates[done] == today and now_s >= found.opens_s(today)
    bars = days.span(0, done)
    t_s = [found.opens_s(day) for day in dates[:done]]
    if begun:
        live = _live(market, found, days.span(done, done + 1), now_s)
        bars = _joined(bars, live)
        t_s.append(now_s)
    stamped = bars.stamped(np.array([epoch_day(day) * DAY_MS for day in dates[: len(t_s)]], dtype=np.int64))
    quotes = _in_todays_shares(market, found, bars, np.array(t_s, dtype=np.int64), today)
    return quotes if interval == "1d" else _months(quotes, stamped.t, found)


def intraday_quotes(market: MarketFolder, found: Instrument, minutes: int, start_s: int, now_s: int) -> Quotes:
    """Return the rows of so many minutes from a day before ``start_s`` up to now, in regular hours.

    They count from the open of the session, and from midnight where it trades all day.
    """
    base = market.between(found.ticker, "minute", (start_s - 86_400) * 1000, now_s * 1000)
    if not found.all_day:
        base = base.picked(np.flatnonzero(_regular(base.t, found)))
    bars = base.gathered(Window(minutes, "minute") if found.all_day else FromOpen(minutes, "minute"))
    today = datetime.fromtimestamp(now_s, found.zone).date()
    return _in_todays_shares(market, found, bars, bars.t // 1000, today)


def _regular(t: Millis, found: Instrument) -> Any:
    days = wall(t) // DAY_MS
    inside = np.zeros(len(t), dtype=np.bool_)
    for day in np.unique(days):
        which = date.fromordinal(int(day) + 719_163)
        if found.is_session(which):
            inside |= (t >= found.opens_s(which) * 1000) & (t < found.closes_s(which) * 1000)
    return inside


def _live(market: MarketFolder, found: Instrument, day: Bars, now_s: int) -> Bars:
    """Return the day so far; only its open where no minutes are known."""
    minutes = market.between(found.ticker, "minute", int(day.t[0]), now_s * 1000)
    if not len(minutes):
        nothing = np.zeros(1)
        return Bars(t=day.t, o=day.o, h=day.o, l=day.o, c=day.o, v=nothing, raw=day.raw)
    high, low, volume = np.max(minutes.h), np.min(minutes.l), np.sum(minutes.v)
    o, h, low_, c, v = (np.array([value]) for value in (minutes.o[0], high, low, minutes.c[-1], volume))
    return Bars(day.t, o, h, low_, c, v, day.raw)


def _joined(bars: Bars, more: Bars) -> Bars:
    return Bars(**{name: np.concatenate([getattr(bars, name), getattr(more, name)]) for name in (*"tohlcv", "raw")})


def _in_todays_shares(market: MarketFolder, found: Instrument, bars: Bars, t_s: Millis, today: date) -> Quotes:
    factors = market.splits.factors(found.ticker)
    at, now = factors.position(bars.t), int(np.searchsorted(factors.days, epoch_day(today), side="right"))
    new, old = factors.new[at] / factors.new[now], factors.old[at] / factors.old[now]
    ratio = np.where(bars.raw, old / new, 1.0)
    return Quotes(
        t_s,
        open=bars.o * ratio,
        high=bars.h * ratio,
        low=bars.l * ratio,
        close=bars.c * ratio,
        # Of crypto the volume is in money (recorded: 18,565,664,997 for BTC-USD on 2020-01-01).
        volume=np.round(bars.v * bars.c if found.kind == "CRYPTOCURRENCY" else bars.v / ratio),
        dividends=_dividend_factors(market, found.ticker, bars.t),
    )


def _dividend_factors(market: MarketFolder, ticker: str, t: Millis) -> Numbers:
    rows = market.dividends.new_shape(ticker)
    days = np.array([epoch_day(date.fromisoformat(row["ex_dividend_date"])) for row in rows], dtype=np.int64)
    factors = np.array([row["historical_adjustment_factor"] for row in rows] + [1.0])
    picked: Numbers = factors[np.searchsorted(days, wall(t) // DAY_MS, side="right")]
    return picked


def _months(quotes: Quotes, day_ms: Millis, found: Instrument) -> Quotes:
    """Return one row a month, stamped at midnight of its first day."""
    if not len(quotes):
        return quotes
    months = (day_ms // DAY_MS).astype("datetime64[D]").astype("datetime64[M]")
    first = np.flatnonzero(np.diff(months.astype(np.int64), prepend=-1))
    last = np.append(first[1:], len(months)) - 1
    days = months[first].astype("datetime64[D]").tolist()
    starts = [datetime.combine(day, datetime.min.time(), found.zone) for day in days]
    return Quotes(
        np.array([int(at.astimezone(UTC).timestamp()) for at in starts], dtype=np.int64),
        quotes.open[first],
        np.maximum.reduceat(quotes.high, first),
        np.minimum.reduceat(quotes.low, first),
        quotes.close[last],
        np.add.reduceat(quotes.volume, first),
        quotes.dividends[last],
    )
