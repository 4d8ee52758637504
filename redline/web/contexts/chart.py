"""What the chart of a series is drawn from: the address of its bars, its gaps and its splits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from redline.market.bar import BarSpec
from redline.market.request import Adjust
from redline.market.session import SessionState, SessionStatus
from redline.web.contexts.words import count, words

if TYPE_CHECKING:
    from redline.engine import Engine

NO_GAP = (SessionState.STORED, SessionState.MARKET_CLOSED, SessionState.NOT_LISTED)
ADJUST_WORDS = {
    Adjust.NONE: "raw, as traded",
    Adjust.SPLITS: "adjusted for splits",
    Adjust.ALL: "adjusted for splits and dividends",
}


@dataclass(frozen=True, slots=True)
class ChartBox:
    """The attributes of the element that the chart script fills; ``gaps`` and ``splits`` are JSON.

    ``gaps``: ``[[session, state in words, which session of all]]``; ``splits``: ``[[date, "4:1"]]``.
    """

    title: str
    bars: str
    intraday: bool
    gaps: str
    splits: str
    described: str
    simulated: bool


def chart_of(
    engine: Engine, ticker: str, spec: BarSpec, start: date, end: date, adjust: Adjust = Adjust.SPLITS
) -> ChartBox:
    """Return the chart of a series from ``start`` to ``end``, both inclusive."""
    asked = {"ticker": ticker, "timespan": spec.timespan.value, "multiplier": f"{spec.multiplier}"}
    asked |= {"start": start.isoformat(), "end": end.isoformat(), "adjust": adjust.value, "format": "json"}
    statuses = engine.coverage(ticker, spec, start, end)
    missing = missing_sessions(statuses)
    nth = {one.session: at for at, one in enumerate(statuses)}
    said = f"{ticker}, {spec} bars, {start} to {end}, {ADJUST_WORDS[adjust]}."
    gaps = f" {count(len(missing))} sessions without rows are left open." if missing else ""
    return ChartBox(
        title=f"{ticker} {spec} bars",
        bars=f"/data/bars?{urlencode(asked)}",
        intraday=spec.timespan.intraday,
        gaps=json.dumps([[one.session.isoformat(), words(one.state.value), nth[one.session]] for one in missing]),
        splits=json.dumps(
            [[day, ratio] for day, ratio in splits_of(engine, ticker) if start.isoformat() <= day <= end.isoformat()]
        ),
        described=f"{said}{gaps} The table below holds the same rows.",
        simulated=engine.demo and spec.timespan.intraday,
    )


def missing_sessions(statuses: list[SessionStatus]) -> list[SessionStatus]:
    """Return the sessions that are not stored though the market was open and the ticker listed."""
    return [one for one in statuses if one.state not in NO_GAP]


def splits_of(engine: Engine, ticker: str) -> list[tuple[str, str]]:
    """Return execution dates and ratios, such as ``("2020-08-31", "4:1")``, of the splits that are held."""
    held = engine.splits(ticker).to_pylist()
    return sorted((f"{row['execution_date']}", f"{row['split_to']:g}:{row['split_from']:g}") for row in held)
