"""Massive's grouped daily answer: one session of the whole stock market in one call. Pure.

Source: contract page section 2.2 (grouped daily). One body without paging, 10,000 to 12,000 rows, each with its ticker
``T``; ``t`` is the end of the session, 16:00 New York, unlike in bars of one ticker; doubled rows have occurred.
Over-the-counter stocks are left out (``include_otc`` is false): whoever asks for one gets its own pages.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np

from redline.downloaders import massive_errors as errors
from redline.downloaders import massive_slow
from redline.downloaders.massive_envelope import Envelope, checked
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.normalize import BAR_RECORD, session_bars
from redline.market.part import Part, SetAside

_NAN = float("nan")
_OURS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vw": "vwap"}


class _Bar(msgspec.Struct, gc=False):
    """One result; ``massive_bars`` says why what is missing gets a value that no JSON can have."""

    T: str
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


def first_url(base: str, part: Part) -> str:
    """Return the address of the raw bars of a session."""
    path = f"/v2/aggs/grouped/locale/us/market/stocks/{part.start}"
    return f"{base}{path}?" + urlencode({"adjusted": "false", "include_otc": "false"})


def parse_page(body: bytes, part: Part) -> Parsed:
    """Return the rows of a session, sorted by ticker.

    Raises:
        NotJson, MalformedPage: it cannot be trusted: wrong shape or count, adjusted prices, or no row can be used.
        NotEntitled, RateLimited: it says so.
    """
    envelope, names, records, show, aside = _fast(body) or _slow(body, part)
    came = len(records) + len(aside)
    checked(envelope, part.what, came)
    if envelope.adjusted is True:
        raise MalformedPage(errors.NAME, f"the answer to {part.what} has adjusted prices; raw ones were asked for.")
    table, bad = session_bars(names, records, part, show)
    if came and not table.num_rows:
        first = (aside + bad)[0]
        raise MalformedPage(
            errors.NAME,
            f"not one of {came:,} rows for {part.what} can be used: {first.reason}.",
            f"The first was {first.row[:200]}",
        )
    return Parsed(table, aside + bad, envelope.following, str(envelope.status))


_Found = tuple[Envelope, Sequence[str], Any, Callable[[int], str], tuple[SetAside, ...]]


def _fast(body: bytes) -> _Found | None:
    """Decode with typed structs; ``None`` when the careful reader has to decide (``massive_bars`` says when)."""
    try:
        answer = decode(body)
    except (ValueError, RecursionError):
        return None
    rows = [] if answer.results is msgspec.UNSET else answer.results
    columns = _columns(rows)
    optional = sum(int(np.count_nonzero(~np.isnan(columns[name]))) for name in ("v", "vw", "n"))
    of_rows = 2 * (7 * len(rows) + optional + int(np.count_nonzero(columns["otc"])))  # T: its name and its value
    marks = np.count_nonzero(np.frombuffer(body, np.uint8) == ord('"'))
    if marks != answer.quotation_marks + of_rows or not _whole(columns):
        return None
    records = np.empty(len(rows), BAR_RECORD)
    records["t"] = columns["t"]
    records["transactions"] = np.where(np.isnan(columns["n"]), -1, columns["n"])
    for theirs, ours in _OURS.items():
        records[ours] = columns[theirs]
    return answer, [row.T for row in rows], records, lambda at: _show(rows[at]), ()


def _slow(body: bytes, part: Part) -> _Found:
    envelope, records, kept, aside = massive_slow.read_rows(body, part.what)
    names = [row.get("T") for row in kept]
    texts = [one if isinstance(one, str) else "" for one in names]  # No text is no ticker: such rows are set aside.
    return envelope, texts, records, lambda at: massive_slow.text_of(kept[at]), aside


def _columns(rows: Sequence[_Bar]) -> dict[str, Any]:
    numbers = np.array([(r.t, r.o, r.h, r.l, r.c, r.v, r.vw, r.n, r.otc) for r in rows], "f8").reshape(len(rows), 9)
    return dict(zip(("t", "o", "h", "l", "c", "v", "vw", "n", "otc"), numbers.T, strict=True))


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
    shown = {name: value for name, value in values.items() if isinstance(value, str) or not math.isnan(value)}
    return json.dumps({name: int(value) if name in ("t", "n") else value for name, value in shown.items()})
