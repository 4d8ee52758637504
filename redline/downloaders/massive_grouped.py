"""Massive's grouped daily answer: one session of the whole stock market in one call. Pure.

Source: contract page section 2.2 (grouped daily). One body without paging, 10,000 to 12,000 rows, each with its ticker
``T``; ``t`` is the end of the session, 16:00 New York, unlike in bars of one ticker; doubled rows have occurred.
Over-the-counter stocks are left out (``include_otc`` is false): whoever asks for one gets its own pages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np

from redline.downloaders import massive_errors as errors
from redline.downloaders import massive_slow
from redline.downloaders.massive_envelope import Envelope, checked
from redline.downloaders.massive_rows import Bar, page_of, records_of, shown
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.normalize import session_bars
from redline.market.part import Part, SetAside


class _Named(Bar, kw_only=True, gc=False):
    """One result: a bar, and whose it is."""

    T: str


class _Answer(Envelope, gc=False):
    results: list[_Named] | msgspec.UnsetType = msgspec.UNSET


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
    return page_of(envelope, part, table, bad, aside)


_Found = tuple[Envelope, Sequence[str], Any, Callable[[int], str], tuple[SetAside, ...]]


def _fast(body: bytes) -> _Found | None:
    """Decode with typed structs; ``None`` when the careful reader has to decide (``massive_bars`` says when)."""
    try:
        answer = decode(body)
    except (ValueError, RecursionError):
        return None
    rows = [] if answer.results is msgspec.UNSET else answer.results
    records = records_of(body, answer, _columns(rows), texts=2)  # The name of the ticker's field, and the ticker.
    return None if records is None else (answer, [row.T for row in rows], records, lambda at: shown(rows[at]), ())


def _slow(body: bytes, part: Part) -> _Found:
    envelope, records, kept, aside = massive_slow.read_rows(body, part.what)
    names = [row.get("T") for row in kept]
    texts = [one if isinstance(one, str) else "" for one in names]  # No text is no ticker: such rows are set aside.
    return envelope, texts, records, lambda at: massive_slow.text_of(kept[at]), aside


def _columns(rows: Sequence[_Named]) -> dict[str, Any]:
    numbers = np.array([(r.t, r.o, r.h, r.l, r.c, r.v, r.vw, r.n, r.otc) for r in rows], "f8").reshape(len(rows), 9)
    return dict(zip(("t", "o", "h", "l", "c", "v", "vw", "n", "otc"), numbers.T, strict=True))
