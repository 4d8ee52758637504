"""Bytes of a user's API to columns of values as they came: JSON of three shapes, CSV and NDJSON. Pure."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from redline.config.custom_api import CustomApi
from redline.config.custom_api_values import Body
from redline.downloaders.generic_errors import not_json, quoted
from redline.errors import MalformedPage
from redline.net import strict_json

_COUNTS = re.compile(r"(?:results?_?)?count|total(?:_?(?:count|results?))?|num_?results?", re.IGNORECASE)
_SHOWN = 500
_LISTED = 12


class _Missing:
    """What stands where a row has no such column."""

    def __repr__(self) -> str:
        return "nothing"


MISSING = _Missing()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of one answer: our column to its values, as they came or ``MISSING``, each ``count`` long.

    ``show(i)`` gives row ``i`` as the source wrote it. ``top`` is the whole JSON answer, for the mark of the next page.
    """

    columns: dict[str, list[object]]
    count: int
    show: Callable[[int], str]
    top: object = None


def read(api: CustomApi, body: bytes, what: str, *, first: bool = True) -> Sheet:
    """Return the rows of an answer. ``first``: it is the first of a walk, where a count says whether it is whole.

    Raises:
        NotJson, MalformedPage: it cannot be trusted: markup, cut, no rows where ``data_path`` leads, a mapped column
            that no row has. It says what to set.
    """
    if body[:512].lstrip().startswith(b"<") or (not body.strip() and api.response_format is not Body.NDJSON):
        raise not_json(api, body, what)
    if api.response_format is Body.CSV:
        return _csv(api, body, what)
    if api.response_format is Body.NDJSON:
        lines = [line for line in body.splitlines() if line.strip()]
        rows = [strict_json.loads(line, provider=api.source, what=what) for line in lines]
        return _of_rows(api, rows, None, what)
    top = strict_json.loads(body, provider=api.source, what=what)
    return _json(api, top, body, what, first=first)


def at(found: object, path: Sequence[str | int]) -> object:
    """Return what stands at the end of a way of names and places; ``MISSING`` where it leads nowhere."""
    for step in path:
        if isinstance(found, dict):
            found = found.get(str(step), MISSING)
        elif isinstance(found, list) and str(step).isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            return MISSING
    return found


def _json(api: CustomApi, top: object, body: bytes, what: str, *, first: bool) -> Sheet:
    found = at(top, api.data_path)
    beside = at(top, api.data_path[:-1])
    if found is MISSING or found is None:
        if _counted(beside) == 0:
            return _of_rows(api, [], top, what)
        raise _nowhere(api, top, body, what)
    if isinstance(found, list):
        counted = _counted(beside) if first and api.data_path else None
        if not found and counted:
            raise MalformedPage(
                api.source, f"the answer to {what} counts {counted:,} rows and has none.", "It was cut. Ask again."
            )
        return _of_rows(api, found, top, what)
    if isinstance(found, dict):
        return _of_columns(api, found, top, what)
    raise MalformedPage(
        api.source,
        f"data_path {_path(api)} leads to {_kind(found)} in the answer to {what}, not to rows.",
        quoted(body) or "Set data_path to where the rows are.",
    )


def _of_rows(api: CustomApi, rows: list[object], top: object, what: str) -> Sheet:
    columns = {ours: [_cell(row, theirs) for row in rows] for ours, theirs in api.columns.items()}
    _check_columns(api, columns, rows, what)
    return Sheet(columns, len(rows), lambda i: repr(rows[i])[:_SHOWN], top)


def _of_columns(api: CustomApi, found: dict[str, object], top: object, what: str) -> Sheet:
    """Read an object of lists, one a column."""
    columns: dict[str, list[object]] = {}
    for ours, theirs in api.columns.items():
        values = _cell(found, theirs)
        if not isinstance(values, list):
            raise MalformedPage(
                api.source,
                f"the answer to {what} has no list {theirs!r} for {ours} at data_path {_path(api)}.",
                f"It has {_names(found)} there. Correct column_mapping or data_path.",
            )
        columns[ours] = values
    lengths = {ours: len(values) for ours, values in columns.items()}
    if len(set(lengths.values())) != 1:
        raise MalformedPage(
            api.source,
            f"the columns of the answer to {what} have different lengths: "
            f"{', '.join(f'{ours} {length:,}' for ours, length in lengths.items())}.",
            "It was cut or mixed up; nothing of it was kept.",
        )
    count = next(iter(lengths.values()))
    return Sheet(columns, count, lambda i: repr({ours: one[i] for ours, one in columns.items()})[:_SHOWN], top)


def _csv(api: CustomApi, body: bytes, what: str) -> Sheet:
    try:
        text = body.decode("utf-8-sig")
        lines = text.splitlines()
        delimiter = max(",;\t|", key=lines[0].count)
        header, *rows = [row for row in csv.reader(lines, delimiter=delimiter, strict=True) if row]
    except (UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise MalformedPage(api.source, f"the answer to {what} is no CSV.", "Nothing of it was kept.") from error
    names = [name.strip() for name in header]
    lacks = [str(theirs) for theirs in api.columns.values() if _place(names, theirs) is None]
    if lacks:
        raise MalformedPage(
            api.source,
            f"the answer to {what} has no column {', '.join(lacks)[:80]}.",
            quoted(body) if len(names) == 1 else f"Its columns are {', '.join(names)[:300]}. Correct column_mapping.",
        )
    if rows and len(rows[-1]) != len(names):
        raise MalformedPage(api.source, f"the answer to {what} ends in the middle of a row.", "It was cut. Ask again.")
    places = {ours: _place(names, theirs) or 0 for ours, theirs in api.columns.items()}
    columns: dict[str, list[object]] = {
        ours: [row[place].strip() if len(row) == len(names) else MISSING for row in rows]
        for ours, place in places.items()
    }
    return Sheet(columns, len(rows), lambda i: delimiter.join(rows[i])[:_SHOWN])


def _place(names: Sequence[str], theirs: str | int) -> int | None:
    if isinstance(theirs, int):
        return theirs if theirs < len(names) else None
    return names.index(theirs) if theirs in names else None


def _cell(row: object, theirs: str | int) -> object:
    if isinstance(row, dict) and theirs in row:  # first as a whole: some have dots in their names
        return row[theirs]
    return at(row, (theirs,) if isinstance(theirs, int) else theirs.split("."))


def _check_columns(api: CustomApi, columns: dict[str, list[object]], rows: list[object], what: str) -> None:
    """Refuse rows of which none has a mapped column: a wrong mapping must not look like bad rows."""
    for ours, values in columns.items():
        if values and all(value is MISSING for value in values):
            raise MalformedPage(
                api.source,
                f"no row of the answer to {what} has the column {api.columns[ours]!r} for {ours}.",
                f"The first row has {_names(rows[0])}. Correct column_mapping.",
            )


def _counted(beside: object) -> int | None:
    """Return how many rows the answer says it has; ``None`` where it does not say."""
    if not isinstance(beside, dict):
        return None
    found = [
        value
        for name, value in beside.items()
        if isinstance(value, int) and not isinstance(value, bool) and _COUNTS.fullmatch(name)
    ]
    return max(found, default=None)


def _nowhere(api: CustomApi, top: object, body: bytes, what: str) -> MalformedPage:
    found, at_most = top, ""
    for step in api.data_path:
        deeper = at(found, (step,))
        if deeper is MISSING or deeper is None:
            at_most = f"{step!r} is not there; there is {_names(found)}"
            break
        found = deeper
    return MalformedPage(
        api.source,
        f"data_path {_path(api)} leads nowhere in the answer to {what}: {at_most}.",
        quoted(body) or "Set data_path to where the rows are; empty, where the answer itself is the rows.",
    )


def _path(api: CustomApi) -> str:
    return repr(".".join(api.data_path))


def _names(found: object) -> str:
    return ", ".join(_listed(found)) or "nothing"


def _listed(found: object) -> Iterator[str]:
    if isinstance(found, dict):
        yield from (repr(name)[:40] for name, _ in zip(found, range(_LISTED), strict=False))
    elif isinstance(found, list):
        yield f"a list of {len(found):,}"
    else:
        yield _kind(found)


def _kind(found: object) -> str:
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return kinds.get(type(found), "something else")
