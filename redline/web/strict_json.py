"""JSON bodies, strictly: one object, each name once, real numbers, real text, not too deep."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from redline.errors import InvalidJson

MAX_DEPTH = 32
MAX_DIGITS = 40
_HINT = 'Send one JSON object in UTF-8, such as {"ticker": "AAPL"}.'


def parse_object(body: bytes) -> dict[str, object]:
    """Return the object that ``body`` holds.

    Raises:
        InvalidJson: empty, not UTF-8, broken, no object, a name given twice, NaN or Infinity, half a surrogate pair,
            deeper than ``MAX_DEPTH`` or a number of more than ``MAX_DIGITS`` digits.
    """
    if not body.strip():
        raise InvalidJson("The body is empty; it must be a JSON object.", _HINT)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidJson("The body is not UTF-8.", _HINT) from None
    _refuse_depth(text)
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_number
        )
    except json.JSONDecodeError as error:
        raise InvalidJson(f"The body is no JSON: {error.msg.lower()} at letter {error.pos + 1}.", _HINT) from None
    if not isinstance(found, dict):
        raise InvalidJson(f"The body is a JSON {_kind(found)}; it must be an object.", _HINT)
    return found


def _refuse_depth(text: str) -> None:
    """Count brackets outside strings before the parser meets them: it recurses once for each."""
    depth, quoted, escaped = 0, False, False
    for letter in text:
        if quoted:
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        elif letter in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJson(f"The body is nested deeper than {MAX_DEPTH} levels.", _HINT)
        elif letter in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidJson(f"The body names {name[:40]!r} twice.", _HINT)
        for text in (name, value):
            if isinstance(text, str):
                _refuse_surrogates(text)
        if isinstance(value, list):
            _refuse_in_list(value)
        found[name] = value
    return found


def _refuse_in_list(values: list[Any]) -> None:
    for value in values:
        if isinstance(value, str):
            _refuse_surrogates(value)
        elif isinstance(value, list):
            _refuse_in_list(value)


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidJson("The body holds half a surrogate pair, which is no letter.", _HINT) from None


def _constant(word: str) -> NoReturn:
    raise InvalidJson(f"The body holds {word}, which is no JSON number.", _HINT)


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise InvalidJson(f"The body holds a number of more than {MAX_DIGITS} digits.", _HINT)
    return int(digits)


def _number(digits: str) -> float:
    value = float(digits) if len(digits) <= 10 * MAX_DIGITS else math.inf
    if not math.isfinite(value):
        raise InvalidJson("The body holds a number that is too large.", _HINT)
    return value


def _kind(found: object) -> str:
    kinds = {list: "list", str: "string", bool: "boolean", type(None): "null"}
    return kinds.get(type(found), "number")
