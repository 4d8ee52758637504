"""Yahoo's chart, ``/v8/finance/chart/{symbol}``, as recorded 2021 to 2025; its limits as its users quote them.

Prices are adjusted for splits known on the day of the request, and are 32-bit numbers written as 64-bit ones. A day is
stamped at the open of its session; the one that is under way comes as a row stamped now (recorded by many clients).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from redline.emulator.eastern import epoch_day
from redline.emulator.models.folder import MarketFolder
from redline.emulator.models.yahoo import Quotes, day_quotes, intraday_quotes
from redline.emulator.models.yahoo_market import Instrument, instrument
from redline.emulator.sides import SideAsk
from redline.emulator.wire import Reply

_PATH = re.compile(r"/v8/finance/chart/([^/]+)")
_MINUTES = {"1m": 1, "2m": 2, "5m": 5, "15m": 15, "30m": 30, "60m": 60, "1h": 60, "90m": 90}
_DAYS = ("1d", "1mo")
_RANGES = {"1d": 1, "5d": 7, "1mo": 31, "3mo": 92, "6mo": 183, "1y": 366, "2y": 731, "5y": 1827, "10y": 3653}
VALID_RANGES = [*_RANGES, "ytd", "max"]
MOST_MINUTE_DAYS = 8
NOT_FOUND = ("Not Found", "No data found, symbol may be delisted")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks for: [start, end] in seconds, the interval, and ``coarse`` bars for the range ``max``."""

    start_s: int
    end_s: int
    interval: str
    range: str
    coarse: bool


def chart(ask: SideAsk, market: MarketFolder) -> Reply | None:
    """Answer with the bars, splits and dividends of one symbol."""
    path = _PATH.fullmatch(ask.path)
    if path is None:
        return None
    found = instrument(path.group(1), market.ticker_set)
    if found is None:
        return _error(404, *NOT_FOUND)
    wanted = _wanted(ask)
    if isinstance(wanted, str):
        return _error(422, "Unprocessable Entity" if "data not" in wanted else "Bad Request", wanted)
    first = market.first_day(found.ticker)
    if first is not None and wanted.end_s < found.opens_s(first):
        text = f"Data doesn't exist for startDate = {wanted.start_s}, endDate = {wanted.end_s}"
        return _error(400, "Bad Request", text)
    return _answer(ask, market, found, wanted)


def _wanted(ask: SideAsk) -> Wanted | str:
    """Return what is asked, or the vendor's sentence on why it is not served."""
    interval, span, now_s = ask.query.get("interval", "1d"), ask.query.get("range", ""), int(ask.now.timestamp())
    if interval not in _MINUTES and interval not in _DAYS:
        return (
            f"Invalid input - interval={interval} is not supported. Valid intervals: [{', '.join([*_MINUTES, *_DAYS])}]"
        )
    if "period1" in ask.query:
        start_s, end_s = int(ask.query["period1"]), int(ask.query.get("period2", now_s))
        span = ""
    else:
        span = span or "1d"
        start_s, end_s = now_s - 86_400 * _RANGES.get(span, 20_000), now_s
    if interval in _MINUTES:
        refused = _too_old(interval, start_s, end_s, now_s)
        if refused:
            return f"{interval} data not available for startTime={start_s} and endTime={end_s}. {refused}"
    return Wanted(start_s, end_s, interval, span, span == "max")


def _too_old(interval: str, start_s: int, end_s: int, now_s: int) -> str:
    minutes = _MINUTES[interval]
    days = 30 if minutes == 1 else 730 if minutes == 60 else 60
    if minutes == 1 and end_s - start_s > MOST_MINUTE_DAYS * 86_400:
        return f"Only {MOST_MINUTE_DAYS} days worth of 1m granularity data are allowed to be fetched per request."
    if now_s - start_s >= days * 86_400:
        return f"The requested range must be within the last {days} days."
    return ""


def _answer(ask: SideAsk, market: MarketFolder, found: Instrument, wanted: Wanted) -> Reply:
    now_s = int(ask.now.timestamp())
    minutes = _MINUTES.get(wanted.interval)
    if minutes:
        quotes = intraday_quotes(market, found, minutes, wanted.start_s, now_s)
    else:
        quotes = day_quotes(market, found, "1mo" if wanted.coarse else wanted.interval, now_s)
    quotes = quotes.between(wanted.start_s, wanted.end_s)
    granularity = "1mo" if wanted.coarse else "1h" if minutes == 60 else wanted.interval
    result: dict[str, Any] = {"meta": _meta(market, found, wanted, granularity, ask.now)}
    if len(quotes):
        result["timestamp"] = quotes.t_s.tolist()
    events = _events(ask, market, found, wanted)
    if events:
        result["events"] = events
    result["indicators"] = _indicators(quotes, daily=not minutes)
    body = {"chart": {"result": [result], "error": None}}
    return Reply.json(200, body, served=quotes.t_s)


def _indicators(quotes: Quotes, *, daily: bool) -> dict[str, Any]:
    if not len(quotes):
        return {"quote": [{}], **({"adjclose": [{}]} if daily else {})}
    quote = {"open": quotes.open, "high": quotes.high, "low": quotes.low, "close": quotes.close}
    columns: dict[str, Any] = {name: column.astype("f4").astype("f8").tolist() for name, column in quote.items()}
    columns["volume"] = quotes.volume.astype("i8").tolist()
    adjusted = {"adjclose": [{"adjclose": (quotes.close * quotes.dividends).astype("f4").astype("f8").tolist()}]}
    return {"quote": [columns], **(adjusted if daily else {})}


def _events(ask: SideAsk, market: MarketFolder, found: Instrument, wanted: Wanted) -> dict[str, Any]:
    asked = ask.query.get("events", "").replace(",", "|").split("|")
    factors = market.splits.factors(found.ticker)
    known = int(np.searchsorted(factors.days, epoch_day(ask.now.astimezone(found.zone).date()), side="right"))
    events: dict[str, dict[str, Any]] = {}

    def inside(day: str) -> int | None:
        at_s = found.opens_s(date.fromisoformat(day))
        return at_s if wanted.start_s <= at_s <= min(wanted.end_s, int(ask.now.timestamp())) else None

    if "split" in asked or "splits" in asked:
        for row in market.splits.old_shape:
            at_s = inside(row["execution_date"]) if row["ticker"] == found.ticker else None
            if at_s is not None:
                new, old = float(row["split_to"]), float(row["split_from"])
                ratio = f"{new:g}:{old:g}"
                split = {"date": at_s, "numerator": new, "denominator": old, "splitRatio": ratio}
                events.setdefault("splits", {})[str(at_s)] = split
    if "div" in asked:
        for row in market.dividends.new_shape(found.ticker):
            at_s = inside(row["ex_dividend_date"])
            if at_s is not None:
                day = epoch_day(date.fromisoformat(row["ex_dividend_date"]))
                at = int(np.searchsorted(factors.days, day, side="right"))
                per_share = row["cash_amount"] * factors.old[at] / factors.new[at]
                amount = round(float(per_share * factors.new[known] / factors.old[known]), 6)
                events.setdefault("dividends", {})[str(at_s)] = {"amount": amount, "date": at_s}
    return events


def _meta(market: MarketFolder, found: Instrument, wanted: Wanted, granularity: str, now: datetime) -> dict[str, Any]:
    day, now_s = found.session_of(now), int(now.timestamp())
    opens, closes = found.opens_s(day), found.closes_s(day)
    last = min(now_s, closes + 1) if now_s >= opens else found.closes_s(found.session_before(day)) + 1
    offset = int((now.astimezone(found.zone).utcoffset() or timedelta()).total_seconds())
    name = now.astimezone(found.zone).tzname()
    first = market.first_day(found.ticker)

    def period(start: int, end: int) -> dict[str, Any]:
        return {"timezone": name, "start": start, "end": end, "gmtoffset": offset}

    periods = {"pre": period(opens, opens), "regular": period(opens, closes), "post": period(closes, closes)}
    meta = {
        "currency": "USD",
        "symbol": found.symbol,
        "exchangeName": found.exchange,
        "fullExchangeName": found.exchange,
        "instrumentType": found.kind,
        "firstTradeDate": None if first is None else found.opens_s(first),
        "regularMarketTime": last,
        "hasPrePostMarketData": found.kind == "EQUITY",
        "gmtoffset": offset,
        "timezone": name,
        "exchangeTimezoneName": str(found.zone),
        "longName": market.about.get(found.ticker, {}).get("name", found.symbol),
        "priceHint": 2,
        "currentTradingPeriod": periods,
        "dataGranularity": granularity,
        "range": wanted.range,
        "validRanges": VALID_RANGES,
    }
    if wanted.interval in _MINUTES:
        meta["tradingPeriods"] = [[period(*hours)] for hours in found.hours_between(wanted.start_s, wanted.end_s)]
    return meta


def _error(status: int, code: str, description: str) -> Reply:
    return Reply.json(status, {"chart": {"result": None, "error": {"code": code, "description": description}}})
