"""Splits and dividends, current and deprecated paths (massive-contract, section 2.6)."""

from __future__ import annotations

from redline.emulator.asks import Ask
from redline.emulator.models.folder import MarketFolder
from redline.emulator.responses.listing import Listing, Row
from redline.emulator.wire import Reply

SPLITS = Listing({"ticker": str, "execution_date": str, "adjustment_type": str}, "execution_date.desc", 100, 5_000)
DIVIDENDS = Listing(
    {"ticker": str, "ex_dividend_date": str, "frequency": int, "distribution_type": str}, "ticker.asc", 100, 5_000
)
OLD_SPLITS = Listing({"ticker": str, "execution_date": str}, "execution_date", 10, 1_000, dotted=False, order="desc")
OLD_DIVIDENDS = Listing(
    {
        "ticker": str,
        "ex_dividend_date": str,
        "record_date": str,
        "declaration_date": str,
        "pay_date": str,
        "cash_amount": float,
        "frequency": int,
        "dividend_type": str,
    },
    "ex_dividend_date",
    10,
    1_000,
    dotted=False,
    order="desc",
)


def splits(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/stocks/v1/splits``."""
    return SPLITS.reply(ask, market.splits.new_shape)


def old_splits(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/reference/splits``."""
    rows: list[Row] = market.splits.old_shape
    if ask.query.get("reverse_split"):
        wanted = ask.flag("reverse_split", False)
        rows = [row for row in rows if (row["split_from"] > row["split_to"]) == wanted]
    return OLD_SPLITS.reply(ask, rows)


def dividends(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/stocks/v1/dividends``. Factors are computed for the tickers that a filter leaves, no others."""
    held = market.dividends
    wanted = ask.query.get("ticker") or ask.query.get("ticker.any_of", "")
    tickers = sorted(set(wanted.split(","))) if wanted else held.tickers()
    return DIVIDENDS.reply(ask, [row for ticker in tickers for row in held.new_shape(ticker)])


def old_dividends(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v3/reference/dividends``."""
    return OLD_DIVIDENDS.reply(ask, market.dividends.old_shape)
