"""JSON from a stranger: one meaning, finite numbers, bounded depth and digits, or a typed error. Never anything else.

The standard parser accepts NaN, 1e400, a key twice and lone surrogates, and raises on 5,000 digits and deep nesting.
All six are errors here. A clean page is read by a fast decoder and checked by counting; only what the count cannot
vouch for takes the careful way, about four times slower.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import msgspec

from redline.errors import MalformedPage, NotJson

MAX_DEPTH = 64
MAX_DIGITS = 400
_SHOWN = 60
_BOM = b"\xef\xbb\xbf"
_STRIDE = 13
_LONG_RUN = re.compile(rb"[0-9.]{%d}" % (MAX_DIGITS // _STRIDE))
_SPACE = b" \t\n\r"
_GAP = re.compile(rb'"[ \t\n\r]')
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89abAB]|\\u[dD][c-fC-F]")
_HINT = "Nothing of it was kept. Ask again; a proxy or a maintenance page can do this."


class _NotStrict(ValueError):
    """What is wrong, for the sentence."""


def loads(
    body: bytes,
    *,
    max_depth: int = MAX_DEPTH,
    max_digits: int = MAX_DIGITS,
    provider: str = "source",
    what: str = "the request",
) -> object:
    """Return the value that ``body`` stands for. Whole numbers are ints, others floats.

    ``max_depth`` counts lists and objects inside each other, ``max_digits`` the characters of one number.

    Raises:
        NotJson: it is no JSON: empty, HTML, cut, text behind the end, a byte order mark, no UTF-8.
        MalformedPage: it is JSON that cannot be trusted: NaN or infinite, a key twice, a lone surrogate, too deep, too
            many digits.
    """
    found = _fast(body, max_depth, max_digits)
    if found is not None:
        return found
    try:
        return _careful(body, max_depth, max_digits)
    except _NotStrict as wrong:
        raise MalformedPage(provider, f"the answer to {what} {wrong}.", _HINT) from wrong
    except RecursionError as wrong:
        raise MalformedPage(provider, f"the answer to {what} is nested too deep.", _HINT) from wrong
    except ValueError as wrong:  # JSONDecodeError and UnicodeDecodeError are ValueErrors
        raise NotJson(provider, f"the answer to {what} {_kind(body, wrong)}.", _HINT) from wrong


def _fast(body: bytes, max_depth: int, max_digits: int) -> object | None:
    """Return the value of a body that is shaped like a page and provably strict, else None.

    The shape: one object, at most one list of flat objects in it. Without backslashes and without white space behind
    quotes, each key is one ``":``, so keys in the text and keys decoded are equal only when none came twice.
    """
    if max_depth < 3 or max_digits < MAX_DIGITS or b"\\" in body:
        return None
    if _LONG_RUN.search(body[::_STRIDE]):  # a long number shows in every 13th byte too
        return None
    if len(body.translate(None, _SPACE)) != len(body) and _GAP.search(body):
        return None
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    rows = [row for part in found.values() if isinstance(part, list) for row in part if isinstance(row, dict)]
    objects, lists = 1 + len(rows), sum(isinstance(part, list) for part in found.values())
    if body.count(b"{") != objects or body.count(b"[") != lists:
        return None
    return found if body.count(b'":') == len(found) + sum(map(len, rows)) else None


def _careful(body: bytes, max_depth: int, max_digits: int) -> object:
    if body.startswith(_BOM):
        raise ValueError("byte order mark")
    text = body.decode("utf-8")

    def whole(digits: str) -> int:
        if len(digits) > max_digits:
            raise _NotStrict(f"has a number of {len(digits)} digits")
        return int(digits)

    def fraction(digits: str) -> float:
        if len(digits) > max_digits:
            raise _NotStrict(f"has a number of {len(digits)} digits")
        value = float(digits)
        if not math.isfinite(value):
            raise _NotStrict(f"has the number {digits[:_SHOWN]}, which no computer number can hold")
        return value

    found: object = json.loads(
        text, parse_int=whole, parse_float=fraction, parse_constant=_no_number, object_pairs_hook=_once_each
    )
    if body.count(b"[") + body.count(b"{") > max_depth:
        _check_depth(found, max_depth)
    if _ESCAPED_SURROGATE.search(text):
        _check_text(found)
    return found


def _no_number(name: str) -> NoReturn:
    raise _NotStrict(f"has {name} for a number")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _NotStrict(f"has the key {ascii(twice)[:_SHOWN]} twice in one object")
    return found


def _children(value: object) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _check_depth(found: object, max_depth: int) -> None:
    level, depth = [found], 0
    while level := [value for value in level if isinstance(value, dict | list)]:
        depth += 1
        if depth > max_depth:
            raise _NotStrict(f"is nested more than {max_depth} deep")
        level = [child for value in level for child in _children(value)]


def _check_text(found: object) -> None:
    waiting = [found]
    while waiting:
        value = waiting.pop()
        waiting.extend(_children(value))
        texts = list(value) if isinstance(value, dict) else [value] if isinstance(value, str) else []
        for text in texts:
            if any("\ud800" <= letter <= "\udfff" for letter in text):
                raise _NotStrict("has half a character (a lone surrogate)")


def _kind(body: bytes, wrong: ValueError) -> str:
    start = body[:512].lstrip().lower()
    if not body.strip():
        return "is empty"
    if body.startswith(_BOM):
        return "begins with a byte order mark, which JSON does not have"
    if start.startswith(b"<"):
        return "is an HTML page, no JSON"
    if isinstance(wrong, UnicodeDecodeError):
        return "is no UTF-8 text"
    if isinstance(wrong, json.JSONDecodeError) and wrong.msg == "Extra data" and start[:1] in (b"{", b"["):
        return "has something behind its end"
    return "is no JSON, or was cut"
