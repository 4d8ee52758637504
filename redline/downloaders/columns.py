"""Many small structs to columns, at the speed of memory.

Reading 50,000 structs attribute by attribute costs as much as decoding their JSON. But MessagePack writes a struct of
doubles and truth values in a fixed number of bytes, so one call of its encoder gives a table that numpy can look at:
measured at a quarter of the time of ``numpy.fromiter`` over the attributes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec
import numpy as np

_encode = msgspec.msgpack.Encoder().encode
_TRUE = 0xC3


def packed_columns(rows: Sequence[msgspec.Struct], kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Return field name to column: ``float64`` for fields that are floats, ``bool`` for truth values.

    ``kind`` has no other fields, at most 15 of them, and leaves none out when it is encoded.
    """
    layout = _layout(kind)
    packed = _encode(rows)
    table = np.frombuffer(packed, layout, len(rows), len(packed) - len(rows) * layout.itemsize)
    return {
        name: table[name] == _TRUE if layout[name] == np.uint8 else table[name].astype("f8")
        for name in layout.names or ()
    }


@cache
def _layout(kind: type[msgspec.Struct]) -> np.dtype[Any]:
    """One map: a byte, then for each field its name (a byte before it) and its value (doubles: a byte before it)."""
    names, formats, offsets, at = [], [], [], 1
    for field in msgspec.structs.fields(kind):
        at += 1 + len(field.encode_name)
        is_double = field.type is float
        names.append(field.name)
        formats.append(">f8" if is_double else "u1")
        offsets.append(at + 1 if is_double else at)
        at += 9 if is_double else 1
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": at})
