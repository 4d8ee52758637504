"""Bodies that are cut, damaged, too big or packed otherwise."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.errors import MalformedPage, ProviderUnavailable
from redline.net.answer import Answer, Caps, unpacked

BODY = b'{"results":[' + b",".join(b'{"t":%d}' % at for at in range(500)) + b"]}"
GZIP = {"Content-Encoding": "gzip"}


def read(wire: bytes, headers: dict[str, str] = GZIP, caps: Caps = Caps(), step: int = 100) -> bytes:  # noqa: B008
    chunks = [wire[at : at + step] for at in range(0, len(wire), step)]
    return unpacked(chunks, headers, caps, "massive", "bars")


def test_a_gzip_body_in_one_member_or_several_is_unpacked() -> None:
    assert read(gzip.compress(BODY)) == BODY
    assert read(gzip.compress(BODY[:99]) + gzip.compress(BODY[99:])) == BODY
    assert read(BODY, {}) == BODY
    assert read(b"") == b""


@given(st.integers(1, len(gzip.compress(BODY)) - 1), st.integers(1, 400))
def test_a_gzip_body_cut_anywhere_is_an_error(at: int, step: int) -> None:
    with pytest.raises(ProviderUnavailable, match="was cut"):
        read(gzip.compress(BODY)[:at], step=step)


@pytest.mark.parametrize("at", [0, 30, -6, -2])
def test_a_damaged_gzip_body_is_an_error(at: int) -> None:
    wire = bytearray(gzip.compress(BODY))
    wire[at] ^= 0xFF

    with pytest.raises(ProviderUnavailable):
        read(bytes(wire))


def test_something_behind_the_end_is_an_error() -> None:
    with pytest.raises(ProviderUnavailable):
        read(gzip.compress(BODY) + b"more")


def test_a_bomb_ends_at_the_cap() -> None:
    bomb = gzip.compress(b"\0" * 5_000_000)

    with pytest.raises(MalformedPage, match="larger than 1000000 bytes"):
        read(bomb, caps=Caps(decoded=1_000_000))


def test_too_many_bytes_on_the_wire_end_at_the_cap_and_a_declared_length_before_it() -> None:
    with pytest.raises(MalformedPage):
        read(b"x" * 2_000, {}, Caps(wire=1_000))
    with pytest.raises(MalformedPage):
        read(b"", {"Content-Length": "5000000000"})


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_packing_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(MalformedPage, match="not asked for"):
        read(BODY, {"Content-Encoding": encoding})


def test_the_body_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Answer(200, {}, b"secret"))
