"""Trades and quotes (massive-contract, section 2.3), newest first unless asked otherwise."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np

from redline.emulator.asks import ISO_DATE, LAST_DAY, Ask, parse_day
from redline.emulator.eastern import day_start_ms
from redline.emulator.exceptions import BadParameter, NotEntitled, TimeframeNotInPlan
from redline.emulator.models.folder import MarketFolder
from redline.emulator.wire import Reply

NS = 1_000_000
FIELDS = {
    "trades": ("conditions", "correction", "exchange", "id", "participant_timestamp", "price", "sequence_number",
               "sip_timestamp", "size", "tape", "trf_id", "trf_timestamp"),
    "quotes": ("ask_exchange", "ask_price", "ask_size", "bid_exchange", "bid_price", "bid_size", "conditions",
               "indicators", "participant_timestamp", "sequence_number", "sip_timestamp", "tape", "trf_timestamp"),
}  # fmt: skip
LISTS = ("conditions", "indicators")


def trades(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/trades/{ticker}``."""
    return _ticks(ask, market, "trades")


def quotes(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/quotes/{ticker}``."""
    return _ticks(ask, market, "quotes")


def _ticks(ask: Ask, market: MarketFolder, kind: str) -> Reply:
    if kind not in ask.plan.extras:
        raise NotEntitled
    start, end = _span(ask)
    descending = ask.choice("order", ("desc", "asc")) == "desc"
    ask.choice("sort", ("timestamp",))
    limit, skip = ask.limit(1_000, 50_000), ask.offset()
    table = market.ticks[kind].rows(ask.path["ticker"])
    stamps = np.array([], dtype=np.int64) if table is None else table["sip_timestamp"].to_numpy()
    first, last = (int(at) for at in np.searchsorted(stamps, [start, max(start, end)]))
    rows = np.arange(first, last)
    page = (rows[::-1] if descending else rows)[skip : skip + limit]
    taken = [] if table is None else table.take(page).to_pylist()
    found = [_row(kind, place + 1, row) for place, row in zip(page.tolist(), taken, strict=True)]
    answer: dict[str, Any] = {"results": found, "status": "OK", "request_id": ask.request_id}
    if skip + limit < len(rows):
        asked = {name: text for name, text in ask.query.items() if name not in ("ap", "cursor")}
        answer["next_url"] = ask.next_url(ask.raw_path, {"ap": skip + limit, "as": "", **asked})
    return Reply.json(200, answer, served=stamps[page])


def _row(kind: str, place: int, held: dict[str, Any]) -> dict[str, Any]:
    """Return one record. What the vendor requires and the folder leaves open is filled: id, sequence by place (I)."""
    row = {name: held[name] for name in FIELDS[kind] if held.get(name) is not None}
    for name in LISTS:
        if isinstance(row.get(name), str):
            row[name] = [int(code) for code in row[name].split(",") if code]
    row.setdefault("participant_timestamp", row["sip_timestamp"])
    row.setdefault("sequence_number", place)
    if kind == "trades":
        row.setdefault("id", str(place))
        row["decimal_size"] = f"{row['size']:.6f}"
    return row


def _span(ask: Ask) -> tuple[int, int]:
    """Return the asked time, [start, end) in ns; within what the plan may see."""
    start, end = 0, ask.plan.horizon_ms(ask.now) * NS
    floor = ask.plan.floor(ask.now)
    given = False
    for name, text in ask.query.items():
        base, _, test = name.partition(".")
        if base != "timestamp" or not text:
            continue
        first, last = _instants(name, text)
        if test in ("", "gte", "gt"):
            start, given = (last if test == "gt" else first), True
        if test in ("", "lte", "lt"):
            end = min(end, first if test == "lt" else last)
    if floor is not None:
        if given and start < day_start_ms(floor) * NS:
            raise TimeframeNotInPlan
        start = max(start, day_start_ms(floor) * NS)
    return start, end


def _instants(name: str, text: str) -> tuple[int, int]:
    """Return the [first, last) nanoseconds that a date, an RFC 3339 time or nanoseconds mean."""
    if text.isascii() and text.isdigit() and len(text) < 20:
        return int(text), int(text) + 1
    try:
        if ISO_DATE.fullmatch(text):
            day = min(parse_day(text), LAST_DAY)
            return day_start_ms(day) * NS, day_start_ms(day + timedelta(days=1)) * NS
        at = datetime.fromisoformat(text)
        if at.tzinfo is None:
            raise ValueError(text)
    except (ValueError, OverflowError):
        raise BadParameter(f"Could not parse the parameter '{name}'") from None
    stamp = int(at.timestamp()) * 1_000_000_000 + at.microsecond * 1_000
    return stamp, stamp + 1
