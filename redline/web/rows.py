"""A table as JSON rows, sent piece by piece: a million bars never stand in memory as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from flask import Response

BATCH_ROWS: Final = 10_000


def as_rows(table: Any) -> Response:
    """Answer with ``{"columns": [names], "rows": [[…], …]}``: times ISO 8601 in UTC, dates YYYY-MM-DD, NaN null."""
    return Response(pieces(table), mimetype="application/json")


def pieces(table: Any) -> Iterator[bytes]:
    """Yield the answer in pieces of ``BATCH_ROWS`` rows."""
    yield b'{"columns":' + msgspec.json.encode(table.column_names) + b',"rows":['
    first = True
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        if rows:
            yield (b"" if first else b",") + msgspec.json.encode(rows)[1:-1]
            first = False
    yield b"]}\n"
