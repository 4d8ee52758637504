"""An answer as bytes, read with caps: never more than was agreed, never less than was promised."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from redline.errors import MalformedPage, ProviderUnavailable

WIRE_CAP = 64 * 1024 * 1024
"""Bytes of one body on the wire. The largest page of the vendor, 50,000 rows, is about 6 MB unpacked."""

DECODED_CAP = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer. ``headers`` of an answer from the wire ignore case; ``body`` is unpacked."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of one answer is taken, in bytes."""

    wire: int = WIRE_CAP
    decoded: int = DECODED_CAP


def unpacked(chunks: Iterable[bytes], headers: Mapping[str, str], caps: Caps, provider: str, what: str) -> bytes:
    """Return the whole body.

    Raises:
        ProviderUnavailable: it was cut or damaged on the way; asking again may help.
        MalformedPage: it is larger than the caps, or packed in a way that was not asked for.
    """
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity", "gzip", "x-gzip"):
        raise MalformedPage(provider, f"the answer to {what} was packed as {encoding[:40]!r}, which was not asked for.")
    declared = headers.get("Content-Length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > caps.wire:
        raise _too_big(provider, what, caps.wire)
    within = _capped(chunks, caps.wire, provider, what)
    if "gzip" in encoding:
        return _gunzipped(within, caps.decoded, provider, what)
    return b"".join(within)


def _capped(chunks: Iterable[bytes], cap: int, provider: str, what: str) -> Iterable[bytes]:
    total = 0
    for chunk in chunks:
        total += len(chunk)
        if total > cap:
            raise _too_big(provider, what, cap)
        yield chunk


def _gunzipped(chunks: Iterable[bytes], cap: int, provider: str, what: str) -> bytes:
    parts: list[bytes] = []
    total = 0
    member = zlib.decompressobj(wbits=31)
    begun = False
    for chunk in chunks:
        data = chunk
        while data:
            if member.eof:  # gzip allows several members one after the other
                member = zlib.decompressobj(wbits=31)
            try:
                part = member.decompress(data, cap - total + 1)
            except zlib.error as error:
                raise _cut(provider, what, "its gzip data is damaged") from error
            begun = True
            total += len(part)
            if total > cap:
                raise _too_big(provider, what, cap)
            parts.append(part)
            data = member.unconsumed_tail or member.unused_data
    if begun and not member.eof:
        raise _cut(provider, what, "its gzip data has no end")
    return b"".join(parts)


def _cut(provider: str, what: str, how: str) -> ProviderUnavailable:
    return ProviderUnavailable(provider, f"the answer to {what} was cut: {how}.", "Ask again; nothing of it was kept.")


def _too_big(provider: str, what: str, cap: int) -> MalformedPage:
    return MalformedPage(
        provider, f"the answer to {what} was larger than {cap} bytes.", "Ask for less, or report it to the source."
    )
