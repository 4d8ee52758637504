"""Custom bars, grouped daily, previous day and open-close (massive-contract, section 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from redline.emulator.asks import Ask, parse_bound
from redline.emulator.eastern import HOUR_MS, date_of, day_start_ms, epoch_day
from redline.emulator.exceptions import BadParameter, DataNotFound, NotEntitled, ReversedRange, TimeframeNotInPlan
from redline.emulator.models.bars import Bars
from redline.emulator.models.folder import MarketFolder
from redline.emulator.models.windows import TIMESPANS, Window
from redline.emulator.wire import Block, Body, Reply, bars_json, compact

DEFAULT_LIMIT, MAX_LIMIT = 5_000, 50_000
LAST_MS = 2_840_000_000_000  # in 2059: beyond it New York's rules are not tabled
OPEN_MS, CLOSE_MS = 9 * HOUR_MS + HOUR_MS // 2, 16 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Cut:
    """Base rows ``first`` to ``last``, exclusive, that one page is made of; ``rest`` says whether more follow."""

    first: int
    last: int
    rest: bool


def aggregates(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}``."""
    window = _window(ask)
    if window.base == "second" and "seconds" not in ask.plan.extras:
        raise NotEntitled
    start, end = parse_bound("from", ask.path["from"], end=False), parse_bound("to", ask.path["to"], end=True)
    if end < start:
        raise ReversedRange
    _check_timeframe(ask, start)
    adjusted, descending = ask.flag("adjusted", True), ask.choice("sort", ("asc", "desc")) == "desc"
    limit = ask.limit(DEFAULT_LIMIT, MAX_LIMIT)
    ticker = ask.path["ticker"]
    base = market.between(ticker, window.base, *_bounds(ask, window, start, end), limit, descending)
    cut = _page(base, window, limit, descending)
    bars = _made(market, ticker, base.span(cut.first, cut.last), window, adjusted)
    if descending:
        bars = _reversed(bars)
    key = (ticker, window, adjusted, descending, *bars.t[:1], *bars.t[-1:])
    block = market.blocks.get(key, lambda: bars_json(bars))
    body = _envelope(ask, {"ticker": ticker}, adjusted, cut.last - cut.first, len(bars), block)
    if cut.rest:
        url = _next_url(ask, window, base, cut, limit, adjusted, descending)
        body = Body(body.head, body.block, body.tail[:-1] + b',"next_url":' + compact(url) + b"}")
    return Reply(200, body, served=bars.t)


def grouped(ask: Ask, market: MarketFolder) -> Reply:
    """Answer the whole market of one day; ``t`` is 16:00 New York, as in the vendor's sample."""
    day = ask.day("date", ask.path["date"])
    _check_timeframe(ask, day_start_ms(day))
    adjusted = ask.flag("adjusted", True)
    ask.flag("include_otc", False)
    names, bars = market.grouped(day)
    block = market.blocks.get(
        ("grouped", day, adjusted), lambda: bars_json(_grouped_bars(market, names, bars, day, adjusted), names)
    )
    return Reply(200, _envelope(ask, {}, adjusted, len(names), len(names), block), served=names)


def previous(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v2/aggs/ticker/{ticker}/prev``: the newest day before today that the plan may see."""
    ticker, adjusted = ask.path["ticker"], ask.flag("adjusted", True)
    base = market.bars(ticker, "day")
    seen_until = min(ask.plan.horizon_ms(ask.now), day_start_ms(date_of(int(ask.now.timestamp() * 1000))))
    last = int(np.searchsorted(base.t, seen_until))
    bars = _made(market, ticker, base.span(max(0, last - 1), last), Window(1, "day"), adjusted)
    rows = bars_json(_at_close(bars), [ticker] * len(bars))
    block = Block(rows)
    return Reply(200, _envelope(ask, {"ticker": ticker}, adjusted, len(bars), len(bars), block), served=bars.t)


def open_close(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v1/open-close/{ticker}/{date}``, with pre-market and after-hours prices where minutes are held."""
    ticker, day = ask.path["ticker"], ask.day("date", ask.path["date"])
    _check_timeframe(ask, day_start_ms(day))
    adjusted = ask.flag("adjusted", True)
    base = market.bars(ticker, "day")
    at = int(np.searchsorted(base.t, day_start_ms(day)))
    if at == len(base) or base.t[at] != day_start_ms(day) or base.t[at] >= ask.plan.horizon_ms(ask.now):
        raise DataNotFound
    bar = _made(market, ticker, base.span(at, at + 1), Window(1, "day"), adjusted)
    answer: dict[str, object] = {"status": "OK", "from": day.isoformat(), "symbol": ticker}
    columns = {"open": bar.o, "high": bar.h, "low": bar.l, "close": bar.c, "volume": bar.v}
    answer |= {name: _plain(float(column[0])) for name, column in columns.items()}
    return Reply.json(200, answer | _extended_hours(market, ticker, day, adjusted), served=bar.t)


def _window(ask: Ask) -> Window:
    text, timespan = ask.path["multiplier"], ask.path["timespan"]
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= 100_000:
        raise BadParameter("The parameter 'multiplier' must be a positive integer")
    if timespan not in TIMESPANS:
        raise BadParameter(f"The parameter 'timespan' must be one of: {', '.join(TIMESPANS)}")
    return Window(int(text), timespan)


def _check_timeframe(ask: Ask, start_ms: int) -> None:
    """Refuse a start below the plan's floor; a late plan refuses one that it may not see yet, too."""
    floor = ask.plan.floor(ask.now)
    if floor is not None and start_ms < day_start_ms(floor):
        raise TimeframeNotInPlan
    if ask.plan.delay_min != 0 and start_ms >= ask.plan.horizon_ms(ask.now):
        raise TimeframeNotInPlan


def _bounds(ask: Ask, window: Window, start: int, end: int) -> tuple[int, int]:
    """Return the snapped range that the plan may see, [start, end) in ms."""
    from_ms = window.start_of(min(max(start, 0), LAST_MS))
    to_ms = window.start_of(min(max(end, 0), LAST_MS), 1)
    return from_ms, min(to_ms, ask.plan.horizon_ms(ask.now))


def _page(base: Bars, window: Window, limit: int, descending: bool) -> Cut:
    """Return the rows of the page: at most ``limit`` base bars, cut between two windows.

    A single window of more than ``limit`` base bars is served whole, or no page would ever get past it (I).
    """
    size = len(base)
    if size <= limit:
        return Cut(0, size, False)
    index = window.index(base.t)
    if descending:
        edge = int(np.searchsorted(index, index[size - limit - 1], side="right"))
        edge = edge if edge < size else int(np.searchsorted(index, index[-1]))
        return Cut(edge, size, edge > 0)
    edge = int(np.searchsorted(index, index[limit]))
    edge = edge or int(np.searchsorted(index, index[0], side="right"))
    return Cut(0, edge, edge < size)


def _next_url(ask: Ask, window: Window, base: Bars, cut: Cut, limit: int, adjusted: bool, descending: bool) -> str:
    """Return the next page's address: the path's ``from`` moved on (``to`` moved back when descending (I))."""
    parts = ask.raw_path.split("/")
    if descending:
        parts[-1] = str(window.start_of(int(base.t[cut.first])) - 1)
    else:
        parts[-2] = str(window.start_of(int(base.t[cut.last])))
    cursor: dict[str, object] = {"limit": limit, "sort": "desc" if descending else "asc"}
    if not adjusted:
        cursor = {"adjusted": "false", **cursor}
    return ask.next_url("/".join(parts), cursor)


def _made(market: MarketFolder, ticker: str, bars: Bars, window: Window, adjusted: bool) -> Bars:
    if adjusted:
        bars = bars.adjusted(market.splits.factors(ticker))
    return bars.gathered(window)


def _reversed(bars: Bars) -> Bars:
    return bars.picked(np.arange(len(bars) - 1, -1, -1))


def _grouped_bars(market: MarketFolder, names: list[str], bars: Bars, day: date, adjusted: bool) -> Bars:
    bars = _at_close(bars)
    if not adjusted:
        return bars
    factors = [market.splits.factors(name) for name in names]
    at = [int(np.searchsorted(one.days, epoch_day(day), side="right")) for one in factors]
    new = np.array([one.new[place] for one, place in zip(factors, at, strict=True)])
    old = np.array([one.old[place] for one, place in zip(factors, at, strict=True)])
    return bars.scaled(new, old)


def _at_close(bars: Bars) -> Bars:
    """Return the bars stamped at 16:00 New York, as grouped and previous-day answers are."""
    return bars.stamped(np.array([day_start_ms(date_of(int(t))) for t in bars.t], dtype=np.int64) + CLOSE_MS)


def _envelope(ask: Ask, head: dict[str, object], adjusted: bool, queried: int, returned: int, block: Any) -> Body:
    """Return the answer with the vendor's order of keys; ``results`` is missing when it is empty."""
    head = head | {"queryCount": queried, "resultsCount": returned, "adjusted": adjusted}
    tail = compact({"status": ask.plan.word, "request_id": ask.request_id, "count": returned})[1:]
    if not returned:
        return Body(compact(head)[:-1] + b",", None, tail)
    return Body(compact(head)[:-1] + b',"results":[', block, b"]," + tail)


def _extended_hours(market: MarketFolder, ticker: str, day: date, adjusted: bool) -> dict[str, object]:
    midnight = day_start_ms(day)
    minutes = market.between(ticker, "minute", midnight, day_start_ms(day + timedelta(days=1)))
    opened, closed = np.searchsorted(minutes.t, [midnight + OPEN_MS, midnight + CLOSE_MS])
    made = _made(market, ticker, minutes, Window(1, "minute"), adjusted)
    found: dict[str, object] = {}
    if closed < len(made):
        found["afterHours"] = _plain(float(made.c[-1]))
    if opened > 0:
        found["preMarket"] = _plain(float(made.o[0]))
    return found


def _plain(value: float) -> float | int:
    return int(value) if value.is_integer() else value
