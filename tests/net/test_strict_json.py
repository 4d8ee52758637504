"""JSON from a stranger."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redline.errors import MalformedPage, NotJson
from redline.net.strict_json import loads

PAGE = json.dumps(
    {"ticker": "AAPL", "results": [{"t": at, "c": 1.5, "v": 6.3896155e7} for at in range(50)], "status": "OK"},
    separators=(",", ":"),
).encode()


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"v":NaN}', "NaN"),
        (b'{"v":Infinity}', "Infinity"),
        (b'{"v":-Infinity}', "-Infinity"),
        (b'{"v":1e400}', "1e400"),
        (b'{"v":-1e400}', "-1e400"),
        (b'{"v":1,"v":2}', "'v' twice"),
        (b'{"v" :1,"v":2}', "'v' twice"),
        (b'{"results":[{"t":1},{"t":1,"t":2}]}', "'t' twice"),
        (rb'{"v":"\ud800"}', "half a character"),
        (rb'{"\udfff":1}', "half a character"),
        (b"[" * 65 + b"]" * 65, "nested"),
        (b"[" * 100_000 + b"]" * 100_000, "nested"),
        (b"[" * 100_000, "nested"),
        (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "nested"),
        (b'{"v":' + b"1" * 5_000 + b"}", "5000 digits"),
        (b'{"v":' + b"1" * 401 + b"}", "401 digits"),
        (b'{"v":0.' + b"1" * 5_000 + b"}", "5002 digits"),
    ],
)
def test_json_that_cannot_be_trusted_is_malformed(body: bytes, says: str) -> None:
    with pytest.raises(MalformedPage, match=says) as raised:
        loads(body, provider="massive", what="bars AAPL")

    assert not isinstance(raised.value, NotJson)
    assert raised.value.sentence.startswith("massive: the answer to bars AAPL ")


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"  <html>", "HTML"),
        (b"404 page not found", "no JSON"),
        (b'{"a":1', "cut"),
        (PAGE[:-1], "cut"),
        (b'{"a":1}{"a":1}', "behind its end"),
        (b'{"a":1} x', "behind its end"),
        (b'\xef\xbb\xbf{"a":1}', "byte order mark"),
        ('{"a":1}'.encode("utf-16"), "UTF-8"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', "UTF-8"),
        (b"{'a':1}", "no JSON"),
        (b'{"a":01}', "no JSON"),
        (b'{"a":"\x01"}', "no JSON"),
        (b'{"a":1,}', "no JSON"),
    ],
)
def test_what_is_no_json_says_so(body: bytes, says: str) -> None:
    with pytest.raises(NotJson, match=says):
        loads(body)


@pytest.mark.parametrize(
    "value",
    [
        {"a": [1, 2.5, -3e-7, None, True, "x\ny", "\U0001f600"]},
        {"results": [{"t": 9_007_199_254_740_993, "s": 12345678901234567890123}]},
        {"results": [{"a": "brace { in text", "b": 'quote ": in text'}]},
        [],
        {},
        "text",
        17,
        {"results": [{"c": [1, 2]}, {"c": []}], "next_url": "https://a/b?c=d"},
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_good_json_is_what_the_standard_parser_makes_of_it(value: object, separators: tuple[str, str]) -> None:
    for ascii_only in (True, False):
        body = json.dumps(value, separators=separators, ensure_ascii=ascii_only).encode()
        assert loads(body) == value
        assert repr(loads(body)) == repr(json.loads(body))  # ints stay ints


def test_the_depth_and_digits_allowed_can_be_set() -> None:
    assert loads(b"[[1]]", max_depth=2) == [[1]]
    with pytest.raises(MalformedPage):
        loads(b"[[[1]]]", max_depth=2)
    with pytest.raises(MalformedPage):
        loads(b'{"a":12345}', max_digits=4)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=200)
@given(json_values)
def test_whatever_json_can_say_comes_back(value: object) -> None:
    assert loads(json.dumps(value, ensure_ascii=False).encode()) == value


def finite(value: object) -> bool:
    if isinstance(value, dict):
        return all(finite(part) for part in value.values())
    if isinstance(value, list):
        return all(finite(part) for part in value)
    return not isinstance(value, float) or math.isfinite(value)


def check(body: bytes) -> None:
    """A body is read, then as strictly as can be, or it is one of our errors: nothing else ever."""
    try:
        found = loads(body)
    except MalformedPage:
        return
    assert finite(found)
    assert json.loads(body.decode()) == found


@settings(max_examples=400)
@given(st.binary(max_size=80))
def test_no_bytes_make_it_fail_otherwise(body: bytes) -> None:
    check(body)


@settings(max_examples=500)
@given(st.text(alphabet='{}[]":,\\ud8-+.eE0123nulNaIfity \n', max_size=60))
def test_no_json_like_text_makes_it_fail_otherwise(text: str) -> None:
    check(text.encode())


@settings(max_examples=400)
@given(
    st.integers(0, len(PAGE)), st.integers(0, 40), st.sampled_from([b"", b'"c":1,', b"NaN", b"1e400", b'"', b"]", b" "])
)
def test_a_page_with_a_piece_put_in_or_taken_out_is_read_right_or_refused(at: int, less: int, more: bytes) -> None:
    body = PAGE[:at] + more + PAGE[at + less :]
    seen: list[bool] = []

    def once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
        seen.append(len(dict(pairs)) == len(pairs))
        return dict(pairs)

    check(body)
    try:
        json.loads(body, object_pairs_hook=once_each)
    except ValueError:
        with pytest.raises(MalformedPage):
            loads(body)
    if not all(seen):
        with pytest.raises(MalformedPage):
            loads(body)
