"""One bar as Massive writes it, and many of them as records: what answers of one ticker and of a market share. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from redline.downloaders import massive_errors as errors
from redline.downloaders.massive_envelope import Envelope
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.normalize import BAR_RECORD
from redline.market.part import Part, SetAside

_NAN = float("nan")
_OURS = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vw": "vwap"}


class Bar(msgspec.Struct, gc=False):
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


def records_of(body: bytes, envelope: Envelope, columns: Mapping[str, Any], texts: int = 0) -> Any:
    """Return ``BAR_RECORD`` rows of the columns of ``Bar``; ``None`` when the slow reader has to decide.

    The decoder takes the last of two equal keys and skips what it does not know unseen. Both leave more quotation
    marks in the body than the fields that were read account for. ``texts``: how many more names of a row's fields and
    texts in them there are.
    """
    marks = np.count_nonzero(np.frombuffer(body, np.uint8) == ord('"'))
    if marks != envelope.quotation_marks + _marks_of_rows(columns, texts) or not _whole(columns):
        return None
    records = np.empty(len(columns["t"]), BAR_RECORD)
    records["t"] = columns["t"]
    records["transactions"] = np.where(np.isnan(columns["n"]), -1, columns["n"])
    for theirs, ours in _OURS.items():
        records[ours] = columns[theirs]
    return records


def _marks_of_rows(columns: Mapping[str, Any], texts: int) -> int:
    """Return how many quotation marks the names of the fields that were read take, and the texts in them."""
    optional = sum(int(np.count_nonzero(~np.isnan(columns[name]))) for name in ("v", "vw", "n"))
    return 2 * ((5 + texts) * len(columns["t"]) + optional + int(np.count_nonzero(columns["otc"])))


def _whole(columns: Mapping[str, Any]) -> bool:
    """Return whether times and transactions are whole numbers that a double holds exactly."""
    times, counts = columns["t"], columns["n"][~np.isnan(columns["n"])]
    return bool(
        np.all(np.abs(times) < 2**53)
        and np.all(times == np.floor(times))
        and np.all((counts >= 0) & (counts < 2**53) & (counts == np.floor(counts)))
    )


def shown(row: Bar) -> str:
    """Return a row as JSON, without what the vendor left out."""
    values = {name: getattr(row, name) for name in row.__struct_fields__ if name != "otc"}
    there = {name: it for name, it in values.items() if isinstance(it, str) or not math.isnan(it)}
    return json.dumps({name: int(it) if name in ("t", "n") else it for name, it in there.items()})


def page_of(
    envelope: Envelope, part: Part, table: Any, bad: tuple[SetAside, ...], aside: tuple[SetAside, ...]
) -> Parsed:
    """Return the rows of an answer, with what its reader (``aside``) and its check (``bad``) set aside.

    Raises:
        MalformedPage: rows came, and not one of them can be used.
    """
    left = aside + bad
    if left and not table.num_rows:
        raise MalformedPage(
            errors.NAME,
            f"not one of {len(left):,} rows for {part.what} can be used: {left[0].reason}.",
            f"The first was {left[0].row[:200]}",
        )
    return Parsed(table, left, envelope.following, str(envelope.status))
