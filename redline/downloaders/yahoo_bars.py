"""A chart of Yahoo's to bars, splits and dividends in wire schemas. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import numpy as np
import pyarrow as pa

from redline.downloaders import yahoo_raw as raw
from redline.downloaders.pager import Parsed
from redline.downloaders.yahoo_chart import PRICES, Chart, SplitEvent
from redline.downloaders.yahoo_errors import NAME
from redline.errors import MalformedPage
from redline.market.bar import BarSpec, Timespan
from redline.market.normalize import BAR_RECORD, bars, zone
from redline.market.part import Part, SetAside
from redline.market.schema import DIVIDENDS_WIRE, SPLITS_WIRE

#: The bars that Yahoo has, and its word for them.
INTERVALS = {
    BarSpec(Timespan.DAY): "1d",
    BarSpec(Timespan.HOUR): "60m",
    **{BarSpec(Timespan.MINUTE, minutes): f"{minutes}m" for minutes in (1, 2, 5, 15, 30)},
}
#: Yahoo's last price may be so old when a session ends: until then its day is not over.
LATE_S = 20 * 60
_NO_PRICES = "Yahoo has null for a price"
_LIVE = "it is a price of a session under way, no bar"
_AGAIN = "a later row of the same day came with it"
_CLOSED = "it is outside of regular hours"
_PAIRS = ("CRYPTOCURRENCY", "CURRENCY")
_LENGTHS_S = {Timespan.MINUTE: 60, Timespan.HOUR: 3_600}


def bars_of(chart: Chart, part: Part, splits: Sequence[SplitEvent], now_s: int) -> Parsed:
    """Return the bars of a part: those of its dates, in the prices that were printed when ``splits`` are all since.

    Without ``splits`` prices stay in today's shares. Rows outside of the dates were not asked for and are left out.

    Raises:
        MalformedPage: there are rows, and each of them is bad; or a split is not in the prices.
    """
    intraday, pair = part.spec.timespan.intraday, _is_pair(chart, part)
    # Days are those of where it trades; a time within a day is of the day that it was asked for by.
    days = np.array(chart.days(zone(part.ticker) if intraday else None), "datetime64[D]")
    forgotten = raw.not_applied((*splits, *chart.splits), days, chart.columns["open"], chart.columns["close"])
    if forgotten is not None:
        raise MalformedPage(
            NAME,
            f"its split of {part.ticker} on {forgotten.day} is not in its prices for {part.what}.",
            "Nothing of it was kept, for it cannot be told what they stand for. Take another source.",
        )
    inside = np.flatnonzero((days >= np.datetime64(part.start)) & (days <= np.datetime64(part.end)))
    reasons = _reasons(chart, part, days, inside, now_s)
    kept = np.array([at for at in inside if at not in reasons], "i8")
    records = np.full(len(kept), -1, BAR_RECORD)
    ratio = raw.ratios(splits, days[kept])
    records["t"] = chart.t_s[kept] * 1000 if intraday else _midnights(days[kept], part.ticker)
    for name in PRICES:
        records[name] = raw.prices(chart.columns[name][kept], ratio)
    # Of a currency Yahoo writes 0, and of crypto what changed hands everywhere in money: no number of coins.
    records["volume"] = np.nan if pair else raw.volumes(chart.columns["volume"][kept], ratio)
    records["vwap"] = np.nan
    table, bad = bars(records, part, lambda at: chart.shown(int(kept[at])))
    if bad and len(bad) == len(inside):
        raise MalformedPage(
            NAME,
            f"not one of {len(bad):,} rows for {part.what} can be used: {bad[0].reason}.",
            f"The first was {bad[0].row[:200]}",
        )
    aside = tuple(SetAside(reason, chart.shown(at)) for at, reason in sorted(reasons.items()))
    return Parsed(table, aside + bad)


def splits_of(chart: Chart, part: Part) -> Parsed:
    """Return the splits of an answer, oldest first, with their cumulative price factors."""
    rows = [
        {
            "ticker": part.ticker,
            "execution_date": one.day,
            "split_from": one.denominator,
            "split_to": one.numerator,
            "adjustment_type": "forward_split" if one.numerator > one.denominator else "reverse_split",
            "historical_adjustment_factor": one.denominator / one.numerator / raw.ratio_on(chart.splits, one.day),
            "source": part.source,
        }
        for one in chart.splits
    ]
    return Parsed(pa.Table.from_pylist(rows, schema=SPLITS_WIRE))


def dividends_of(chart: Chart, part: Part) -> Parsed:
    """Return the dividends of an answer, oldest first: in cash of their day, and with their cumulative price factors.

    A dividend's own factor is 1 - amount / close of the session before, both in today's shares; where no such close is
    known, 1.
    """
    factor, rows = 1.0, []
    days, closes = np.array(chart.days(), "datetime64[D]"), chart.columns["close"]
    for one in reversed(chart.dividends):
        close = _close_before(days, closes, one.day)
        if close is not None and one.amount < close:
            factor *= 1 - one.amount / close
        rows.append(
            {
                "ticker": part.ticker,
                "ex_dividend_date": one.day,
                "cash_amount": raw.amount(one.amount, raw.ratio_on(chart.splits, one.day)),
                "split_adjusted_cash_amount": one.amount,
                "currency": one.currency or chart.currency or None,
                "historical_adjustment_factor": factor,
                "source": part.source,
            }
        )
    return Parsed(pa.Table.from_pylist(rows[::-1], schema=DIVIDENDS_WIRE))


def _reasons(chart: Chart, part: Part, days: Any, inside: Any, now_s: int) -> dict[int, str]:
    """Return which of the rows ``inside`` are no bars, and why."""
    empty = np.logical_or.reduce([np.isnan(chart.columns[name]) for name in PRICES])
    found = {int(at): _NO_PRICES for at in inside if empty[at]}
    if part.spec.timespan.intraday:
        length_s = part.spec.multiplier * _LENGTHS_S[part.spec.timespan]
        # Bars of what trades all day count from the full hour, whatever days Yahoo makes of it.
        hours = ((0, now_s + length_s),) if _is_pair(chart, part) else chart.hours
        return found | {
            int(at): why for at in inside if (why := _intraday_reason(hours, int(chart.t_s[at]), length_s, now_s))
        }
    if not chart.session[1]:  # nothing is said of a session: today's may be under way
        today = np.datetime64(datetime.fromtimestamp(now_s, chart.zone).date())
        found |= {int(at): _LIVE for at in inside if days[at] >= today}
    elif _under_way(chart, now_s):
        found |= {int(at): _LIVE for at in inside if chart.t_s[at] >= chart.session[0]}
    doubled = [int(at) for at in inside if at + 1 < len(days) and days[at + 1] == days[at]]
    return found | {at: _AGAIN for at in doubled if at not in found and at + 1 not in found}


def _is_pair(chart: Chart, part: Part) -> bool:
    return chart.kind in _PAIRS or part.ticker.startswith(("C:", "X:"))


def _intraday_reason(hours: Sequence[tuple[int, int]], t_s: int, length_s: int, now_s: int) -> str:
    """Return why a row within a day is no bar: stamped at no bar's start, not over yet, or outside of the session."""
    session = next((one for one in hours if one[0] <= t_s < one[1]), None)
    if session is None and hours:
        return _CLOSED
    start_s, end_s = session or (0, t_s + length_s)
    grain_s = length_s if session else 60
    return _LIVE if (t_s - start_s) % grain_s or min(t_s + length_s, end_s) > now_s else ""


def _under_way(chart: Chart, now_s: int) -> bool:
    """Whether the session that the answer names is not over, or its last price not in yet."""
    start_s, end_s = chart.session
    return now_s < end_s or (start_s <= chart.market_s < end_s and now_s < end_s + LATE_S)


def _midnights(days: Any, ticker: str) -> Any:
    """Return the start of each day in the zone of the ticker's days, in milliseconds: where other sources stamp it."""
    where = zone(ticker)
    starts = [datetime.combine(day, time(), where).astimezone(UTC) for day in days.tolist()]
    return np.array([round(at.timestamp() * 1000) for at in starts], "i8")


def _close_before(days: Any, closes: Any, day: date) -> float | None:
    before = np.flatnonzero((days < np.datetime64(day)) & np.isfinite(closes))
    return float(closes[before[-1]]) if len(before) else None
