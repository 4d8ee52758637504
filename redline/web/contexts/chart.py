"""What the chart of a series is drawn from: the address of its bars, its gaps, its splits and dividends."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from redline.market.bar import BarSpec
from redline.market.request import Adjust
from redline.market.session import SessionState, SessionStatus
from redline.web.contexts.words import count, price, words

if TYPE_CHECKING:
    from redline.engine.holdings import Holdings

NO_GAP = (SessionState.STORED, SessionState.MARKET_CLOSED, SessionState.NOT_LISTED)
ADJUST_WORDS = {
    Adjust.NONE: "raw, as traded",
    Adjust.SPLITS: "adjusted for splits",
    Adjust.ALL: "adjusted for splits and dividends",
}


@dataclass(frozen=True, slots=True)
class ChartBox:
    """The attributes of the element that the chart script fills; gaps, splits and dividends are JSON.

    ``gaps``: ``[[session, state in words, which session of all]]``; ``splits``: ``[[date, "4:1"]]``; ``dividends``:
    ``[[ex-date, "0.82"]]``.
    """

    title: str
    bars: str
    intraday: bool
    gaps: str
    splits: str
    dividends: str
    described: str
    simulated: bool


def chart_of(
    holdings: Holdings,
    ticker: str,
    spec: BarSpec,
    start: date,
    end: date,
    adjust: Adjust = Adjust.SPLITS,
    *,
    job_id: str = "",
) -> ChartBox:
    """Return the chart of a series from ``start`` to ``end``, both inclusive; ``job_id``: out of that job's store."""
    asked = {"ticker": ticker, "timespan": spec.timespan.value, "multiplier": f"{spec.multiplier}"}
    asked |= {"start": start.isoformat(), "end": end.isoformat(), "adjust": adjust.value, "format": "json"}
    asked |= {"job": job_id} if job_id else {}
    statuses = holdings.coverage_read(ticker, spec, start, end)
    missing = missing_sessions(statuses)
    nth = {one.session: at for at, one in enumerate(statuses)}
    said = f"{ticker}, {spec} bars, {start} to {end}, {ADJUST_WORDS[adjust]}."
    gaps = f" {count(len(missing))} sessions without rows are left open." if missing else ""
    return ChartBox(
        title=f"{ticker} {spec} bars",
        bars=f"/data/bars?{urlencode(asked)}",
        intraday=spec.timespan.intraday,
        gaps=json.dumps([[one.session.isoformat(), words(one.state.value), nth[one.session]] for one in missing]),
        splits=json.dumps(within(splits_of(holdings, ticker), start, end)),
        dividends=json.dumps(within(dividends_of(holdings, ticker), start, end)),
        described=f"{said}{gaps}",
        simulated=holdings.demo and spec.timespan.intraday,
    )


def missing_sessions(statuses: list[SessionStatus]) -> list[SessionStatus]:
    """Return the sessions that are not stored though the market was open and the ticker listed."""
    return [one for one in statuses if one.state not in NO_GAP]


def splits_of(holdings: Holdings, ticker: str) -> list[tuple[str, str]]:
    """Return execution dates and ratios, such as ``("2020-08-31", "4:1")``, of the splits that are held."""
    held = holdings.splits(ticker).to_pylist()
    return sorted((f"{row['execution_date']}", f"{row['split_to']:g}:{row['split_from']:g}") for row in held)


def dividends_of(holdings: Holdings, ticker: str) -> list[tuple[str, str]]:
    """Return ex-dates and amounts a share, such as ``("2020-08-07", "0.82")``, of the dividends that are held."""
    held = holdings.dividends(ticker).to_pylist()
    return sorted((f"{row['ex_dividend_date']}", price(row["cash_amount"])) for row in held)


def within(marks: list[tuple[str, str]], start: date, end: date) -> list[tuple[str, str]]:
    """Return the marks from ``start`` to ``end``, both inclusive."""
    return [(day, said) for day, said in marks if start.isoformat() <= day <= end.isoformat()]
