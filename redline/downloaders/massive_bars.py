"""Massive's aggregates: the address of the first page, and one page's bytes to rows. Pure.

Source: contract page section 2.2 (custom bars). ``from`` and ``to`` are inclusive New York dates (UTC for currencies
and crypto); ``t`` is the start of a bar in milliseconds; ``results`` is missing when there are none; ``limit`` counts
base bars. The key never stands in an address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from redline.downloaders import massive_errors as errors
from redline.downloaders import massive_slow
from redline.downloaders.columns import packed_columns
from redline.downloaders.massive_envelope import Envelope, checked
from redline.downloaders.massive_rows import Bar, page_of, records_of, shown
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.normalize import bars
from redline.market.part import Part

LIMIT = 50_000


class _Answer(Envelope, gc=False):
    results: list[Bar] | msgspec.UnsetType = msgspec.UNSET


decode = msgspec.json.Decoder(_Answer).decode


def first_url(base: str, part: Part, *, adjusted: bool) -> str:
    """Return the address of the first page of a part's bars, oldest first."""
    path = (
        f"/v2/aggs/ticker/{quote(part.ticker, safe=':')}/range/"
        f"{part.spec.multiplier}/{part.spec.timespan.value}/{part.start}/{part.end}"
    )
    return f"{base}{path}?" + urlencode({"adjusted": str(adjusted).lower(), "sort": "asc", "limit": LIMIT})


def parse_page(body: bytes, part: Part, *, adjusted: bool) -> Parsed:
    """Return the rows of one answer and the address of the next.

    Raises:
        NotJson, MalformedPage: it cannot be trusted: wrong shape, wrong ticker, or not one row of it can be used.
        NotEntitled, RateLimited: it says so.
    """
    fast = _fast(body)
    if fast is None:
        envelope, records, show, aside = massive_slow.read(body, part.what)
    else:
        envelope, records, show, aside = fast[0], fast[1], fast[2], ()
    came = len(records) + len(aside)
    checked(envelope, part.what, came)
    _check_ticker(envelope, part, adjusted=adjusted)
    table, bad = bars(records, part, show)
    return page_of(envelope, part, table, bad, aside)


def _fast(body: bytes) -> tuple[Envelope, Any, Callable[[int], str]] | None:
    """Decode with typed structs; ``None`` when the slow reader has to decide: on any error, or when more is there."""
    try:
        answer = decode(body)
    except (ValueError, RecursionError):
        return None
    rows = [] if answer.results is msgspec.UNSET else answer.results
    records = records_of(body, answer, packed_columns(rows, Bar))
    return None if records is None else (answer, records, lambda at: shown(rows[at]))


def _check_ticker(envelope: Envelope, part: Part, *, adjusted: bool) -> None:
    if envelope.ticker != part.ticker:
        about = (
            "names no ticker" if envelope.ticker is msgspec.UNSET else f"is about the ticker {envelope.ticker[:64]!r}"
        )
        raise MalformedPage(
            errors.NAME,
            f"the answer to {part.what} {about}.",
            "Nothing of it was kept.",
        )
    if ":" not in part.ticker and envelope.adjusted is (not adjusted):
        wanted, was = ("adjusted", "raw") if adjusted else ("raw", "adjusted")
        raise MalformedPage(
            errors.NAME,
            f"the answer to {part.what} has {was} prices; {wanted} ones were asked for.",
            "Nothing was kept.",
        )
