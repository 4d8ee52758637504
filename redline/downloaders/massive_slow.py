"""The careful reader of Massive's bars: for each answer that the typed decoder refused or could not account for.

It tells a bad row from a bad answer. A number that is none (``NaN``, ``1e400``, text, 5,000 digits) spoils its row and
no other; a key twice, a lone surrogate, cut or too deep JSON spoil the answer, for nobody can say what else is wrong.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from redline.downloaders import massive_errors as errors
from redline.downloaders.massive_envelope import Envelope, from_mapping
from redline.errors import MalformedPage
from redline.market.normalize import BAR_RECORD
from redline.market.part import SetAside
from redline.net import strict_json

#: Numbers that JSON does not have or a double cannot hold. They become text, and their row is set aside.
_NO_NUMBER = re.compile(rb"(?<=[:\[,\s])(-?(?:NaN|Infinity|\d[\d.]*[eE]\+?\d{3,}|\d{30,}(?:\.\d+)?))(?=[,}\]\s])")
_REQUIRED = {"t": "t", "open": "o", "high": "h", "low": "l", "close": "c"}
_OPTIONAL = {"volume": "v", "vwap": "vw"}
_SHOWN = 500
_FURTHEST_MS = 2**53  # a later time cannot be right, and does not fit into microseconds


def read(body: bytes, what: str) -> tuple[Envelope, Any, Callable[[int], str], tuple[SetAside, ...]]:
    """Return (envelope, ``BAR_RECORD`` rows, how row i looked, rows set aside) of an answer; see ``read_rows``."""
    envelope, table, kept, aside = read_rows(body, what)
    return envelope, table, lambda at: text_of(kept[at]), aside


def read_rows(body: bytes, what: str) -> tuple[Envelope, Any, list[dict[str, object]], tuple[SetAside, ...]]:
    """Return (envelope, ``BAR_RECORD`` rows, those rows as they came, rows set aside) of an answer.

    Raises:
        NotJson, MalformedPage: it is no JSON, or none that can be trusted.
    """
    found = object_of(body, what)
    rows = found.get("results")
    if rows is None:
        rows = []
    if not isinstance(rows, list):
        raise MalformedPage(errors.NAME, f"the answer to {what} has results that are no list.")
    aside: list[SetAside] = []
    kept: list[dict[str, object]] = []
    records: list[tuple[object, ...]] = []
    for row in rows:
        record = _record(row)
        if isinstance(record, str):
            aside.append(SetAside(record, text_of(row)))
        else:
            records.append(record)
            kept.append(row)
    table = np.array(records, BAR_RECORD) if records else np.empty(0, BAR_RECORD)
    return from_mapping(found, what), table, kept, tuple(aside)


def object_of(body: bytes, what: str) -> dict[str, Any]:
    """Return the JSON object of a body; numbers that are none stand there as text.

    Raises:
        NotJson, MalformedPage: it is no JSON, or none that can be trusted.
    """
    if not body.strip():
        raise errors.not_json(body, what)
    try:
        found = strict_json.loads(body, provider=errors.NAME, what=what)
    except MalformedPage:
        mended, bad_numbers = _NO_NUMBER.subn(rb'"\1"', body)
        if not bad_numbers:
            raise
        found = strict_json.loads(mended, provider=errors.NAME, what=what)
    if not isinstance(found, dict):
        raise MalformedPage(errors.NAME, f"the answer to {what} is JSON, but no object.")
    return found


def _record(row: object) -> tuple[object, ...] | str:
    """Return a bar as ``BAR_RECORD`` has it, or why it is none."""
    if not isinstance(row, dict):
        return "it is no object"
    found: dict[str, float] = {}
    for ours, theirs in {**_REQUIRED, **_OPTIONAL, "transactions": "n"}.items():
        value = row.get(theirs)
        if value is None:
            if ours in _REQUIRED:
                return f"it has no {theirs}"
            found[ours] = -1 if ours == "transactions" else math.nan
        elif isinstance(value, bool) or not isinstance(value, int | float):
            return f"its {theirs} is no number"
        elif not math.isfinite(value) or abs(value) >= _FURTHEST_MS:
            if ours in ("t", "transactions") or not math.isfinite(value):
                return f"its {theirs} is no number that can be right"
            found[ours] = float(value)
        elif ours in ("t", "transactions") and (value != int(value) or value < 0):
            return f"its {theirs} is no whole number from 0"
        else:
            found[ours] = value
    doubles = (float(found[name]) for name in ("open", "high", "low", "close", "volume", "vwap"))
    return (int(found["t"]), *doubles, int(found["transactions"]))


def text_of(row: object) -> str:
    """Return a row as JSON, cut to 500 letters."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))[:_SHOWN]
