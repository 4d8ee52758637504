"""Massive's splits and dividends: the address of a ticker's whole list, and one answer's bytes to rows. Pure.

Source: contract page section 2.6. ``historical_adjustment_factor`` is cumulative; ratios are ``split_to/split_from``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlencode

import pyarrow as pa

from redline.downloaders import massive_errors as errors
from redline.downloaders.massive_envelope import checked, from_mapping
from redline.downloaders.massive_slow import object_of, text_of
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage
from redline.market.part import Part, SetAside
from redline.market.request import Dataset
from redline.market.schema import DIVIDENDS_WIRE, SPLITS_WIRE
from redline.market.ticker import is_ticker

LIMIT = 5_000
_PATHS = {Dataset.SPLITS: "/stocks/v1/splits", Dataset.DIVIDENDS: "/stocks/v1/dividends"}
_SORTS = {Dataset.SPLITS: "execution_date.asc", Dataset.DIVIDENDS: "ex_dividend_date.asc"}
_SCHEMAS = {Dataset.SPLITS: SPLITS_WIRE, Dataset.DIVIDENDS: DIVIDENDS_WIRE}
#: Numbers that have to be above 0 to mean anything.
_ABOVE_ZERO = frozenset({"split_from", "split_to", "historical_adjustment_factor"})


def first_url(base: str, part: Part) -> str:
    """Return the address of the first answer of splits or dividends, oldest first: of a ticker all there are, of the
    whole market those with a date from ``part.start`` to ``part.end``.
    """
    day = _SORTS[part.dataset].partition(".")[0]
    which = {f"{day}.gte": part.start, f"{day}.lte": part.end} if part.whole_market else {"ticker": part.ticker}
    asked = {**which, "sort": _SORTS[part.dataset], "limit": LIMIT}
    return f"{base}{_PATHS[part.dataset]}?{urlencode(asked)}"


def parse_page(body: bytes, part: Part) -> Parsed:
    """Return the rows of one answer and the address of the next.

    Raises:
        NotJson, MalformedPage: it cannot be trusted, or not one row of it can be used.
    """
    found = object_of(body, part.what)
    envelope = from_mapping({name: value for name, value in found.items() if name != "ticker"}, part.what)
    rows = found.get("results")
    if rows is None:
        rows = []
    if not isinstance(rows, list):
        raise MalformedPage(errors.NAME, f"the answer to {part.what} has results that are no list.")
    checked(envelope, part.what, len(rows))
    schema = _SCHEMAS[part.dataset]
    good: list[dict[str, object]] = []
    aside: list[SetAside] = []
    for row in rows:
        try:
            good.append(_row(row, schema, part))
        except _Unusable as unusable:
            aside.append(SetAside(str(unusable), text_of(row)))
    if rows and not good:
        raise MalformedPage(
            errors.NAME,
            f"not one of {len(rows):,} rows for {part.what} can be used: {aside[0].reason}.",
            f"The first was {aside[0].row[:200]}",
        )
    table = pa.Table.from_pylist(good, schema=schema)
    return Parsed(table, tuple(aside), envelope.following)


class _Unusable(ValueError):
    """Why a row cannot be used."""


def _row(row: object, schema: Any, part: Part) -> dict[str, object]:
    if not isinstance(row, dict):
        raise _Unusable("it is no object")
    if not part.whole_market and row.get("ticker") != part.ticker:
        raise _Unusable(f"its ticker is {json.dumps(row.get('ticker'))[:40]}, not {part.ticker}")
    found = {
        field.name: part.source if field.name == "source" else _value(row, field.name, field.type, field.nullable)
        for field in schema
    }
    if part.whole_market:
        _check_place(found, part)
    return found


def _check_place(found: Mapping[str, object], part: Part) -> None:
    """Refuse a row of the whole market whose ticker can be none, or whose date was not asked for."""
    if not is_ticker(str(found["ticker"])):
        raise _Unusable(f"its ticker is {json.dumps(found['ticker'])[:40]}")
    day = found[_SORTS[part.dataset].partition(".")[0]]
    if not isinstance(day, date) or not part.start <= day <= part.end:
        raise _Unusable(f"its date is outside of the request, {part.start} to {part.end}")


def _value(row: Mapping[str, object], name: str, kind: Any, nullable: bool) -> object:
    value = row.get(name)
    if value is None or (value == "" and nullable):
        if nullable:
            return None
        raise _Unusable(f"it has no {name}")
    if pa.types.is_date(kind):
        return _date(value, name)
    if pa.types.is_string(kind):
        return _text(value, name)
    return _number(value, name, whole=pa.types.is_integer(kind))


def _date(value: object, name: str) -> date:
    try:
        if isinstance(value, str) and len(value) == len("2024-01-02"):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise _Unusable(f"its {name} is no date")


def _text(value: object, name: str) -> str:
    if isinstance(value, str):
        return value
    raise _Unusable(f"its {name} is no text")


def _number(value: object, name: str, *, whole: bool) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Unusable(f"its {name} is no number")
    if abs(value) >= 2**53 or (whole and value != int(value)):
        raise _Unusable(f"its {name} cannot be right")
    if name in _ABOVE_ZERO and value <= 0:
        raise _Unusable(f"its {name} is not above 0")
    return int(value) if whole else float(value)
