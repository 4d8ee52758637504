"""Massive's aggregates: the address of the first page, and one page's bytes to rows. Pure.

Source: contract page section 2.2 (custom bars). ``from`` and ``to`` are inclusive New York dates (UTC for currencies
and crypto); ``t`` is the start of a bar in milliseconds; ``results`` is missing when there are none; ``limit`` counts
base bars. The key never stands in an address.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from operator import attrgetter
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import numpy as np

from redline.downloaders import massive_errors as errors
from redline.downloaders import massive_slow
from redline.downloaders.massive_envelope import Envelope, checked
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.normalize import BAR_RECORD, bars
from redline.market.part import Part

LIMIT = 50_000
_NAN = float("nan")


class _Bar(msgspec.Struct, gc=False):
    """One result. What is missing gets a value that no JSON can have, so that what is there can be counted."""

    t: int
    o: float
    h: float
    l: float  # noqa: E741  the vendor's name
    c: float
    v: float = _NAN
    vw: float = _NAN
    n: int = -1
    otc: bool = False


class _Answer(Envelope, gc=False):
    results: list[_Bar] | msgspec.UnsetType = msgspec.UNSET


decode = msgspec.json.Decoder(_Answer).decode
_record = attrgetter("t", "o", "h", "l", "c", "v", "vw", "n")
_VENDOR_NAMES = ("t", "o", "h", "l", "c", "v", "vw", "n")


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
    if came and not table.num_rows:
        first = (aside + bad)[0]
        raise MalformedPage(
            errors.NAME,
            f"not one of {came:,} rows for {part.what} can be used: {first.reason}.",
            f"The first was {first.row[:200]}",
        )
    return Parsed(table, aside + bad, envelope.following, str(envelope.status))


def _fast(body: bytes) -> tuple[Envelope, Any, Callable[[int], str]] | None:
    """Decode with typed structs; ``None`` when the slow reader has to decide.

    The decoder takes the last of two equal keys and skips what it does not know unseen. Both leave more quotation
    marks in the body than the fields that were read account for: then, and on any error, the slow reader decides.
    """
    try:
        answer = decode(body)
        rows = [] if answer.results is msgspec.UNSET else answer.results
        records = np.fromiter(map(_record, rows), BAR_RECORD, len(rows))
    except (ValueError, OverflowError, RecursionError):
        return None
    marks = np.count_nonzero(np.frombuffer(body, np.uint8) == ord('"'))
    if marks != answer.quotation_marks + _marks_of_rows(records) and marks != (
        answer.quotation_marks + _marks_of_rows(records) + 2 * sum(row.otc for row in rows)
    ):
        return None
    return answer, records, lambda at: _show(rows[at])


def _marks_of_rows(records: Any) -> int:
    present = 5 * len(records) + int(np.count_nonzero(records["transactions"] != -1))
    for name in ("volume", "vwap"):
        present += len(records) - int(np.count_nonzero(np.isnan(records[name])))
    return 2 * present


def _show(row: _Bar) -> str:
    values = {name: getattr(row, name) for name in _VENDOR_NAMES}
    return json.dumps({name: value for name, value in values.items() if value == value and (name, value) != ("n", -1)})


def _check_ticker(envelope: Envelope, part: Part, *, adjusted: bool) -> None:
    if envelope.ticker != part.ticker:
        raise MalformedPage(
            errors.NAME,
            f"the answer to {part.what} is about the ticker {str(envelope.ticker)[:64]!r}.",
            "Nothing of it was kept.",
        )
    if ":" not in part.ticker and envelope.adjusted is (not adjusted):
        wanted, was = ("adjusted", "raw") if adjusted else ("raw", "adjusted")
        raise MalformedPage(
            errors.NAME,
            f"the answer to {part.what} has {was} prices; {wanted} ones were asked for.",
            "Nothing was kept.",
        )
