"""Massive's aggregates: the address of the first page, and one page's bytes to rows. Pure.

Source: contract page section 2.2 (custom bars). ``from`` and ``to`` are inclusive New York dates (UTC for currencies
and crypto); ``t`` is the start of a bar in milliseconds; ``results`` is missing when there are none; ``limit`` counts
base bars. The key never stands in an address.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import numpy as np

from redline.downloaders import massive_errors as errors
from redline.downloaders import massive_slow
from redline.downloaders.columns import packed_columns
from redline.downloaders.massive_envelope import Envelope, checked
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.normalize import BAR_RECORD, bars
from redline.market.part import Part

LIMIT = 50_000
_NAN = float("nan")


class _Bar(msgspec.Struct, gc=False):
    """One result. What is missing gets a value that no JSON can have, so that what is there can be counted."""

    t: float
    o: float
    h: float
    l: float  # noqa: E741  the vendor's name
    c: float
    v: float = _NAN
    vw: float = _NAN
    n: float = _NAN
    otc: bool = False


class _Answer(Envelope, gc=False):
    results: list[_Bar] | msgspec.UnsetType = msgspec.UNSET


decode = msgspec.json.Decoder(_Answer).decode
_OURS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vw": "vwap"}


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
    except (ValueError, RecursionError):
        return None
    rows = [] if answer.results is msgspec.UNSET else answer.results
    columns = packed_columns(rows, _Bar)
    marks = np.count_nonzero(np.frombuffer(body, np.uint8) == ord('"'))
    if marks != answer.quotation_marks + _marks_of_rows(columns) or not _whole(columns):
        return None
    records = np.empty(len(rows), BAR_RECORD)
    records["t"] = columns["t"]
    records["transactions"] = np.where(np.isnan(columns["n"]), -1, columns["n"])
    for theirs, ours in _OURS.items():
        records[ours] = columns[theirs]
    return answer, records, lambda at: _show(rows[at])


def _marks_of_rows(columns: dict[str, Any]) -> int:
    """Return how many quotation marks the names of the fields that were read take."""
    optional = sum(int(np.count_nonzero(~np.isnan(columns[name]))) for name in ("v", "vw", "n"))
    return 2 * (5 * len(columns["t"]) + optional + int(np.count_nonzero(columns["otc"])))


def _whole(columns: dict[str, Any]) -> bool:
    """Return whether times and transactions are whole numbers that a double holds exactly."""
    times, counts = columns["t"], columns["n"][~np.isnan(columns["n"])]
    return bool(
        np.all(np.abs(times) < 2**53)
        and np.all(times == np.floor(times))
        and np.all((counts >= 0) & (counts < 2**53) & (counts == np.floor(counts)))
    )


def _show(row: _Bar) -> str:
    """Return a row as JSON, without what the vendor left out."""
    values = {name: getattr(row, name) for name in row.__struct_fields__ if name != "otc"}
    return json.dumps(
        {name: int(value) if name in ("t", "n") else value for name, value in values.items() if not math.isnan(value)}
    )


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
