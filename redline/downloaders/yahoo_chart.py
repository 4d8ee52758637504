"""Yahoo's chart: its address, and the bytes of an answer to columns and events. Pure.

Source: recorded answers of 2021 to 2025 (``/v8/finance/chart/{symbol}``). ``period1`` and ``period2`` are seconds and
both count; ``timestamp`` is missing where there are no rows; a value of a row may be null; splits and dividends stand
in ``events``, by the open of their day. Bars may be coarser than asked for (``range=max``): ``dataGranularity`` tells.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from redline.downloaders.yahoo_errors import NAME, not_json
from redline.errors import MalformedPage, UnknownTicker
from redline.net import strict_json

PRICES = ("open", "high", "low", "close")
_COLUMNS = (*PRICES, "volume")
#: What ``dataGranularity`` says of an interval when it is spelt in another way.
_SAME = {"60m": "1h"}
_LAST_S = 2**33
_MOST = 1e300
_SHOWN = 500
_LAST_MINUTE_S = 59 * 60


@dataclass(frozen=True, slots=True)
class SplitEvent:
    """``numerator`` shares came for each ``denominator``, from ``day`` on."""

    day: date
    numerator: float
    denominator: float


@dataclass(frozen=True, slots=True)
class DividendEvent:
    """Cash a share, counted in today's shares, for who held it before ``day``."""

    day: date
    amount: float
    currency: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One answer. ``t_s`` in seconds; ``columns`` by name, NaN where the answer has null.

    ``session``: start and end of the current or last regular session, in seconds, ``market_s`` the last price's time.
    ``hours``: start and end of each session of an answer within a day, where it says.
    """

    currency: str
    kind: str
    zone: ZoneInfo
    name: str
    first_day: date | None
    market_s: int
    session: tuple[int, int]
    hours: tuple[tuple[int, int], ...]
    t_s: Any
    columns: Mapping[str, Any]
    splits: tuple[SplitEvent, ...]
    dividends: tuple[DividendEvent, ...]

    def days(self, zone: ZoneInfo | None = None) -> list[date]:
        """Return the date of each row in a zone, else where it is traded."""
        return [_day(int(t), zone or self.zone) for t in self.t_s]

    def shown(self, at: int) -> str:
        """Return a row as JSON."""
        values = {name: None if math.isnan(column[at]) else float(column[at]) for name, column in self.columns.items()}
        return json.dumps({"timestamp": int(self.t_s[at]), **values})[:_SHOWN]


def url(base: str, symbol: str, interval: str, start_s: int, end_s: int, events: str = "") -> str:
    """Return the address of the bars from ``start_s`` to ``end_s``, both counted, of regular hours."""
    asked = {"period1": start_s, "period2": end_s, "interval": interval, "includePrePost": "false"}
    return (
        f"{base}/v8/finance/chart/{quote(symbol, safe='')}?{urlencode(asked | ({'events': events} if events else {}))}"
    )


def read(body: bytes, what: str, symbol: str, interval: str) -> Chart:
    """Return what an answer says.

    Raises:
        NotJson, MalformedPage: it cannot be trusted: another shape, another symbol, columns of other lengths, coarser
            bars than asked for, an event that makes no sense.
        UnknownTicker: it is about a symbol that differs in case alone.
    """
    if body.lstrip()[:1] != b"{":
        raise not_json(body, what)
    found = _Reader(what)
    chart = found.mapping(strict_json.loads(body, provider=NAME, what=what), "chart")
    if chart.get("error") is not None:
        raise found.wrong(f"has an error: {json.dumps(chart['error'])[:200]}")
    results = chart.get("result")
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], dict):
        raise found.wrong("has not exactly one result")
    result = results[0]
    meta = found.mapping(result, "meta")
    theirs = meta.get("symbol")
    if theirs != symbol:
        if found.text(meta, "symbol").upper() == symbol.upper():
            raise UnknownTicker(NAME, symbol)  # Yahoo does not mind the case; to us these are two tickers
        raise found.wrong(f"is about {json.dumps(theirs)[:60]}, not {symbol}")
    granularity = meta.get("dataGranularity")
    if granularity not in (interval, _SAME.get(interval)):
        raise found.wrong(f"has bars of {json.dumps(granularity)[:20]}; {interval} were asked for")
    zone = found.zone(meta)
    t_s = found.times(result)
    events = result.get("events", {})
    if not isinstance(events, dict):
        raise found.wrong("has events that are no object")
    first = meta.get("firstTradeDate")
    return Chart(
        currency=found.text(meta, "currency"),
        kind=found.text(meta, "instrumentType"),
        zone=zone,
        name=found.text(meta, "longName") or found.text(meta, "shortName"),
        first_day=None if first is None else _day(found.second(first, "firstTradeDate"), zone),
        market_s=found.second(meta.get("regularMarketTime", 0), "regularMarketTime"),
        session=found.session(meta),
        hours=found.hours(meta),
        t_s=t_s,
        columns=found.columns(result, len(t_s)),
        splits=tuple(found.split(one, zone) for one in found.events(events, "splits")),
        dividends=tuple(found.dividend(one, zone) for one in found.events(events, "dividends")),
    )


class _Reader:
    """Reads the parts of an answer; each wrong one is a ``MalformedPage`` that names it."""

    def __init__(self, what: str) -> None:
        self._what = what

    def wrong(self, how: str) -> MalformedPage:
        return MalformedPage(NAME, f"the answer to {self._what} {how}.", "Nothing of it was kept. Retry.")

    def mapping(self, within: object, name: str) -> dict[str, Any]:
        found = within.get(name) if isinstance(within, dict) else None
        if not isinstance(found, dict):
            raise self.wrong(f"has no {name}")
        return found

    def text(self, meta: Mapping[str, object], name: str) -> str:
        value = meta.get(name)
        return value if isinstance(value, str) else ""

    def zone(self, meta: Mapping[str, object]) -> ZoneInfo:
        name = meta.get("exchangeTimezoneName")
        try:
            return ZoneInfo(str(name))
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise self.wrong(f"has the zone {json.dumps(name)[:60]}") from error

    def second(self, value: object, name: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or abs(value) > _LAST_S:
            raise self.wrong(f"has a {name} that is no time in seconds")
        return int(value)

    def number(self, value: object, name: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < _MOST:
            raise self.wrong(f"has a {name} that is no number above 0")
        return float(value)

    def times(self, result: Mapping[str, object]) -> Any:
        listed = result.get("timestamp", [])
        if not isinstance(listed, list):
            raise self.wrong("has a timestamp that is no list")
        return np.array([self.second(one, "timestamp") for one in listed], "i8")

    def columns(self, result: Mapping[str, object], rows: int) -> dict[str, Any]:
        quotes = self.mapping(result, "indicators").get("quote")
        if not isinstance(quotes, list) or len(quotes) != 1 or not isinstance(quotes[0], dict):
            raise self.wrong("has not exactly one quote")
        return {name: self._column(quotes[0].get(name), name, rows) for name in _COLUMNS}

    def _column(self, values: object, name: str, rows: int) -> Any:
        listed = [] if values is None and not rows else values
        if not isinstance(listed, list) or len(listed) != rows:
            has = f"{len(listed):,} values" if isinstance(listed, list) else "no list"
            raise self.wrong(f"has {rows:,} times, and {has} of {name}")
        if not all(one is None or _is_number(one) for one in listed):
            raise self.wrong(f"has a {name} that is no number")
        return np.array([math.nan if one is None else one for one in listed], "f8")

    def session(self, meta: Mapping[str, object]) -> tuple[int, int]:
        if "currentTradingPeriod" not in meta:
            return 0, 0
        return self._period(self.mapping(meta["currentTradingPeriod"], "regular"))

    def hours(self, meta: Mapping[str, object]) -> tuple[tuple[int, int], ...]:
        listed = meta.get("tradingPeriods", [])
        if not isinstance(listed, list) or not all(isinstance(day, list) for day in listed):
            return ()  # with the hours before and after the session it is an object; those were not asked for
        return tuple(self._period(one) for day in listed for one in day)

    def _period(self, period: object) -> tuple[int, int]:
        if not isinstance(period, dict):
            raise self.wrong("has a trading period that is no object")
        start_s = self.second(period.get("start"), "start of a session")
        end_s = self.second(period.get("end"), "end of a session")
        # What trades all day is said to end at 23:59: that is its last minute, which has bars too.
        return start_s, end_s + 60 if end_s % 3_600 == _LAST_MINUTE_S else end_s

    def events(self, events: Mapping[str, object], name: str) -> list[dict[str, Any]]:
        found = events.get(name, {})
        if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
            raise self.wrong(f"has {name} that are no objects")
        return sorted(found.values(), key=lambda one: self.second(one.get("date"), f"date in {name}"))

    def split(self, event: Mapping[str, object], zone: ZoneInfo) -> SplitEvent:
        new, old = (self.number(event.get(name), f"{name} of a split") for name in ("numerator", "denominator"))
        return SplitEvent(_day(self.second(event.get("date"), "date of a split"), zone), new, old)

    def dividend(self, event: Mapping[str, object], zone: ZoneInfo) -> DividendEvent:
        day = _day(self.second(event.get("date"), "date of a dividend"), zone)
        return DividendEvent(
            day, self.number(event.get("amount"), "amount of a dividend"), self.text(event, "currency")
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _MOST


def _day(second: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(second, zone).date()
