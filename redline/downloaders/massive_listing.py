"""Massive's reference data on one ticker: an answer's bytes to a ``Listing``. Pure.

Source: contract page section 2.5. The overview knows what is listed on a day only; what is delisted stands in the list
with ``active=false``.
"""

from __future__ import annotations

from datetime import date

from redline.downloaders.massive_errors import NAME
from redline.downloaders.massive_slow import object_of
from redline.errors import MalformedPage
from redline.market.part import Listing


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
