"""Bytes of an answer: the vendor's spelling of numbers, big pages kept ready, gzip put together from ready parts."""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

from redline.emulator.models.bars import Bars

EXPONENT_FROM = 1e7
KEPT_BYTES = 192 * 1024 * 1024


def number(value: float) -> str:
    """Return a price as the vendor prints it: shortest, whole numbers without a point."""
    text = repr(value)
    return text[:-2] if text.endswith(".0") else text


def volume(value: float) -> str:
    """Return a volume: from ten million on in exponent form, ``6.3896155e+07`` (recorded 2023-01)."""
    if value < EXPONENT_FROM or not math.isfinite(value):
        return number(value)
    whole, _, part = repr(value).partition(".")
    digits = (whole + part).rstrip("0") if "e" not in part else ""
    if not digits:
        return repr(value)
    mantissa = digits[0] + ("." + digits[1:] if len(digits) > 1 else "")
    return f"{mantissa}e+{len(whole) - 1:02d}"


def compact(value: object) -> bytes:
    """Return JSON without spaces, in the order of the keys given."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def bars_json(bars: Bars, names: list[str] | None = None) -> bytes:
    """Return the rows of a bars answer without the brackets: ``T`` first when ``names`` are given."""
    size = len(bars)
    heads = [f'{{"T":{json.dumps(name)},' for name in names] if names else ["{"] * size
    averages = [""] * size if bars.vw is None else [_optional("vw", value) for value in bars.vw.tolist()]
    counts = [""] * size if bars.n is None else ["" if n < 0 else f',"n":{n}' for n in bars.n.tolist()]
    prices = ([number(value) for value in column.tolist()] for column in (bars.o, bars.c, bars.h, bars.l))
    volumes = [volume(value) for value in bars.v.tolist()]
    rows = zip(heads, volumes, averages, *prices, bars.t.tolist(), counts, strict=True)
    return ",".join(
        [
            f'{head}"v":{v},{vw}"o":{o},"c":{c},"h":{h},"l":{low},"t":{t}{n}}}'
            for head, v, vw, o, c, h, low, t, n in rows
        ]
    ).encode()


def _optional(name: str, value: float) -> str:
    return "" if math.isnan(value) else f'"{name}":{number(value)},'


class Block:
    """Bytes in the middle of an answer that many answers share, with their deflated form once it was asked for."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw

    @cached_property
    def deflated(self) -> bytes:
        """The bytes as whole deflate blocks that refer to nothing before them."""
        return _deflate(self.raw, zlib.Z_FULL_FLUSH)


@dataclass(slots=True)
class BlockCache:
    """The most recently used blocks, up to a number of bytes. Thread-safe; two threads may build the same block."""

    limit_bytes: int = KEPT_BYTES
    _blocks: OrderedDict[Hashable, Block] = field(default_factory=OrderedDict)
    _size: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: Hashable, build: Callable[[], bytes]) -> Block:
        """Return the block of ``key``, built when it is not kept."""
        with self._lock:
            if key in self._blocks:
                self._blocks.move_to_end(key)
                return self._blocks[key]
        block = Block(build())
        with self._lock:
            if key not in self._blocks:
                self._blocks[key] = block
                self._size += len(block.raw)
            while self._size > self.limit_bytes and len(self._blocks) > 1:
                self._size -= len(self._blocks.popitem(last=False)[1].raw)
        return block


@dataclass(frozen=True, slots=True)
class Body:
    """The bytes of an answer: a head, a shared block, a tail."""

    head: bytes
    block: Block | None = None
    tail: bytes = b""

    def plain(self) -> bytes:
        """Return the whole body."""
        return self.head + (self.block.raw if self.block else b"") + self.tail

    def gzipped(self) -> bytes:
        """Return the whole body as one gzip member, the block's deflated form used again."""
        raw = self.plain()
        middle = self.block.deflated if self.block else b""
        stream = _deflate(self.head, zlib.Z_FULL_FLUSH) + middle + _deflate(self.tail, zlib.Z_FINISH)
        trailer = struct.pack("<II", zlib.crc32(raw), len(raw) & 0xFFFFFFFF)
        return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff" + stream + trailer


def _deflate(data: bytes, end: int) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush(end)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer on its way out. ``served``: natural keys of its rows (``t`` in ms, ids, tickers) for the ledger."""

    status: int
    body: Body
    content_type: str = "application/json"
    served: Any = ()

    @classmethod
    def json(cls, status: int, value: object, served: Any = ()) -> Reply:
        return cls(status, Body(compact(value)), served=served)
