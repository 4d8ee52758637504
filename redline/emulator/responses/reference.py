"""Tickers, their overview and events, ticker types, exchanges (massive-contract, section 2.5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from redline.emulator.asks import Ask
from redline.emulator.exceptions import TickerNotFound
from redline.emulator.models.folder import MarketFolder
from redline.emulator.responses.listing import Listing, Row
from redline.emulator.wire import Reply

TICKERS = Listing(
    {"ticker": str, "type": str, "market": str, "cik": str, "active": bool},
    "ticker",
    100,
    1_000,
    dotted=False,
    sortable=("ticker", "name", "market", "locale", "primary_exchange", "type", "currency_name", "last_updated_utc"),
    counted=True,
)
SIMULATED = "Demo data: real daily bars; the minutes inside each day are simulated."
TYPES = {
    "CS": "Common Stock",
    "PFD": "Preferred Stock",
    "WARRANT": "Warrant",
    "RIGHT": "Rights",
    "BOND": "Corporate Bond",
    "ETF": "Exchange Traded Fund",
    "ETN": "Exchange Traded Note",
    "SP": "Structured Product",
    "ADRC": "American Depository Receipt Common",
    "FUND": "Fund",
    "UNIT": "Unit",
}
EXCHANGES = (
    (1, "exchange", "NYSE American, LLC", "XASE", "XNYS", "A"),
    (10, "exchange", "New York Stock Exchange", "XNYS", "XNYS", "N"),
    (11, "exchange", "NYSE Arca, Inc.", "ARCX", "XNYS", "P"),
    (12, "exchange", "Nasdaq", "XNAS", "XNAS", "T"),
    (4, "TRF", "FINRA Alternative Display Facility", "XADF", "FINR", "D"),
)


def tickers(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/reference/tickers``: active ones unless ``active=false`` is asked."""
    asked = replace(ask, query={"active": "true", **ask.query})
    return TICKERS.reply(asked, _known(ask, market))


def overview(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/reference/tickers/{ticker}``: only a ticker that is active on the date asked (default: now)."""
    ticker = ask.path["ticker"]
    when = ask.day("date", ask.query["date"]) if ask.query.get("date") else None
    row = _row(market, ticker)
    if row is None or not _active(row, when):
        raise TickerNotFound
    listed = market.first_day(ticker)
    about = {
        **row,
        "ticker_root": ticker,
        "list_date": listed.isoformat() if listed else None,
        "round_lot": 100,
        "description": SIMULATED if market.simulated else f"{row['name']}, as held in the emulator's data folder.",
    }
    results = {name: value for name, value in about.items() if value is not None}
    return Reply.json(200, {"request_id": ask.request_id, "results": results, "status": "OK"}, served=[ticker])


def events(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/vX/reference/tickers/{id}/events``: newest first."""
    ticker = ask.path["id"]
    held = [row for row in market.events if row["lean_map_file"] == ticker]
    row = _row(market, ticker)
    if held:
        known = held[0]["response"]["results"]
    elif row is not None and (listed := market.first_day(ticker)):
        change = {"ticker_change": {"ticker": ticker}, "type": "ticker_change", "date": listed.isoformat()}
        known = {"events": [change]}
    else:
        raise TickerNotFound
    results: Row = {"name": known.get("name") or (row or {}).get("name", ticker)}
    results |= {name: known[name] for name in ("composite_figi", "cik") if known.get(name)}
    results["events"] = sorted(known["events"], key=lambda event: event["date"], reverse=True)
    return Reply.json(200, {"results": results, "status": "OK", "request_id": ask.request_id}, served=[ticker])


def types(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/reference/tickers/types``."""
    rows = [{"code": code, "description": text, **_STOCKS} for code, text in TYPES.items()]
    return _whole(ask, rows, "code")


def exchanges(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/reference/exchanges``: those that the data folder names."""
    rows: list[Row] = [
        {
            "id": number,
            "type": kind,
            **_STOCKS,
            "name": name,
            "mic": mic,
            "operating_mic": owner,
            "participant_id": letter,
        }
        for number, kind, name, mic, owner, letter in EXCHANGES
    ]
    return _whole(ask, rows, "mic")


_STOCKS = {"asset_class": "stocks", "locale": "us"}


def _whole(ask: Ask, rows: list[Row], key: str) -> Reply:
    """Return a list that is not paged."""
    for name in ("asset_class", "locale"):
        wanted = ask.query.get(name)
        rows = [row for row in rows if not wanted or row[name] == wanted]
    answer: dict[str, Any] = {"results": rows, "status": "OK", "request_id": ask.request_id, "count": len(rows)}
    return Reply.json(200, answer, served=[row[key] for row in rows])


def _known(ask: Ask, market: MarketFolder) -> list[Row]:
    when = ask.day("date", ask.query["date"]) if ask.query.get("date") else None
    wanted = ask.query.get("search", "").lower()
    rows = []
    for ticker in market.tickers:
        row = _row(market, ticker)
        if row is None or (wanted and wanted not in ticker.lower() and wanted not in row["name"].lower()):
            continue
        if ask.query.get("exchange") not in (None, "", row["primary_exchange"]):
            continue
        first = market.first_day(ticker) if when else None
        if when and (first is None or first > when):
            continue
        rows.append(row | {"active": _active(row, when)})
    return rows


def _row(market: MarketFolder, ticker: str) -> Row | None:
    """Return what is known of a ticker; what no file says is left out or, for required fields, plain."""
    if ticker not in market.ticker_set:
        return None
    about = market.about.get(ticker, {})
    ended = market.delisted.get(ticker)
    row = {
        "ticker": ticker,
        "name": about.get("name", ticker),
        "market": "stocks",
        "locale": "us",
        "primary_exchange": about.get("primary_exchange", "XNYS"),
        "type": about.get("type", "CS"),
        "active": ended is None,
        "currency_name": "usd",
        "cik": about.get("cik"),
        "delisted_utc": f"{ended}T00:00:00Z" if ended else None,
    }
    return {name: value for name, value in row.items() if value is not None}


def _active(row: Row, when: date | None) -> bool:
    ended = row.get("delisted_utc")
    if ended is None:
        return True
    return when is not None and when.isoformat() <= ended[:10]
