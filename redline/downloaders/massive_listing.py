"""Massive's reference data on one ticker: an answer's bytes to a ``Listing``. Pure.

Source: contract page section 2.5. The overview knows what is listed on a day only; what is delisted stands in the list
with ``active=false``.
"""

from __future__ import annotations

import re
from datetime import date
from urllib.parse import urlencode

from redline.downloaders.massive_envelope import checked, from_mapping
from redline.downloaders.massive_errors import NAME
from redline.downloaders.massive_slow import object_of
from redline.errors import MalformedPage
from redline.market.part import Listing
from redline.market.ticker import is_ticker

#: Symbols with which the exchanges test (contract page, section 5): ZVZZT, ZWZZT, ZTST, ZTEST, ZZZTA, NTEST.Q, ATEST.
_TEST_SYMBOL = re.compile(r"Z[A-Z]ZZT|ZZZT[A-Z]?|ZTE?ST|[ACMNP]TEST(\.[A-Z])?")


def parse_overview(body: bytes, ticker: str) -> Listing:
    """Return the listing in the answer of ``/v3/reference/tickers/{ticker}``.

    Raises:
        NotJson, MalformedPage: it is no such answer, or about another ticker.
    """
    found = object_of(body, f"the ticker {ticker}").get("results")
    if not isinstance(found, dict) or found.get("ticker") != ticker:
        raise MalformedPage(NAME, f"the answer to the ticker {ticker} is about something else.")
    return _listing(found)


def parse_list(body: bytes, ticker: str) -> Listing:
    """Return the listing in the answer of ``/v3/reference/tickers?ticker=…&active=false``; the last one when re-used.

    Raises:
        NotJson, MalformedPage: it is no such answer.
    """
    what = f"the ticker {ticker}"
    found = object_of(body, what)
    rows = found.get("results", [])
    if found.get("status") != "OK" or not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise MalformedPage(NAME, f"the answer to {what} is no list of tickers.")
    listings = [_listing(row) for row in rows if row.get("ticker") == ticker]
    return max(listings, key=lambda one: one.delisted or date.min) if listings else Listing(known=False)


def universe_url(base: str, as_of: date) -> str:
    """Return the address of the first page of the stocks that were active on a day."""
    asked = {"market": "stocks", "active": "true", "date": as_of, "order": "asc", "sort": "ticker", "limit": 1_000}
    return f"{base}/v3/reference/tickers?{urlencode(asked)}"


def parse_universe(body: bytes, what: str) -> tuple[list[str], str | None]:
    """Return the tickers of one answer, without test symbols, and the address of the next.

    Raises:
        NotJson, MalformedPage: it is no such answer, or a row of it has no ticker.
    """
    found = object_of(body, what)
    rows = found.get("results", [])
    if not isinstance(rows, list):
        raise MalformedPage(NAME, f"the answer to {what} has results that are no list.")
    envelope = from_mapping(found, what)
    checked(envelope, what, len(rows))
    tickers = [row.get("ticker") if isinstance(row, dict) else None for row in rows]
    for ticker in tickers:
        if not isinstance(ticker, str) or not is_ticker(ticker):
            raise MalformedPage(NAME, f"the answer to {what} has a row without a ticker.")
    return [str(one) for one in tickers if not _TEST_SYMBOL.fullmatch(str(one))], envelope.following


def _listing(row: dict[str, object]) -> Listing:
    name = row.get("name")
    return Listing(
        known=True,
        name=name if isinstance(name, str) else "",
        listed=_date(row.get("list_date")),
        delisted=_date(row.get("delisted_utc")),
    )


def _date(value: object) -> date | None:
    """Return the date of ``2020-01-02`` or ``2020-01-02T05:00:00Z``; an unreadable one is unknown."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        return None
