"""Tables as files: CSV, Parquet, Feather, Excel, a DuckDB database, JSON.

A spreadsheet must not run what it reads: text cells and column names that begin with ``= + - @``, tab, carriage return,
line feed or NUL get a leading ``'`` in CSV, and are typed as text in Excel. Numbers stay numbers (S8).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import string
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc

from redline.market.request import BarsQuery, Format

ROWS_AT_ONCE = 20_000
SHEET_ROWS = 1_048_576
LONGEST_STEM = 150
_CAPITALS = frozenset(string.ascii_uppercase + string.digits)
_SMALL = frozenset(string.ascii_lowercase)
_RISKY = re.compile(r"^[=+\-@\t\r\n\0]")
_ILLEGAL_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_MEDIA = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
    Format.FEATHER: "application/vnd.apache.arrow.file",
    Format.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Format.DUCKDB: "application/vnd.duckdb",
}


def media_type(fmt: Format) -> str:
    """Return the content type of a format."""
    return _MEDIA[fmt]


def file_name(query: BarsQuery, fmt: Format) -> str:
    """Return a name for a download of the query's bars: letters, digits, ``-``, ``_`` and one dot, whatever the ticker.

    Two queries that differ only in the case of a ticker get two names, also where disks fold case.
    """
    dates = [day.isoformat() for day in (query.start, query.end) if day is not None]
    shown = [_safe(ticker) for ticker in query.tickers[:3]]
    if len(query.tickers) > 3:
        shown.append(f"and_{len(query.tickers) - 3}_more")
    stem = "_".join([*shown, query.spec.label, *dates, f"adjust-{query.adjust.value}"])
    if len(stem) > LONGEST_STEM:  # Disks take 255 bytes; what is cut off still counts in the digest.
        stem = f"{stem[: LONGEST_STEM - 17]}_{hashlib.sha256(stem.encode()).hexdigest()[:16]}"
    return f"{stem}.{fmt.value}"


def _safe(ticker: str) -> str:
    """Spell a ticker reversibly: small letters get a ``-`` in front, all but A-Z and 0-9 becomes its code."""
    return "".join(one if one in _CAPITALS else f"-{one}" if one in _SMALL else f"-{ord(one):02X}-" for one in ticker)


def export(table: pa.Table, fmt: Format, destination: Path | BinaryIO, name: str = "bars") -> None:
    """Write a table; ``name`` is that of the sheet or the database's table.

    A path is written aside and renamed, mode 0600, so that nobody sees half a file; a stream is written as it is.

    Raises:
        OSError: the destination cannot be written; a path is then as it was before.
        ValueError: more rows than a sheet has (Excel).
    """
    if not isinstance(destination, Path):
        _to_stream(table, fmt, destination, name)
        return
    handle, aside = tempfile.mkstemp(prefix=".export-", suffix=f".{fmt.value}", dir=destination.parent)
    os.close(handle)
    try:
        _to_path(table, fmt, Path(aside), name)
        os.chmod(aside, 0o600)
        os.replace(aside, destination)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(aside)


def _to_stream(table: pa.Table, fmt: Format, out: BinaryIO, name: str) -> None:
    if fmt is Format.DUCKDB:  # A database engine writes to a file, never to a stream.
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "export.duckdb"
            _duckdb(table, path, name)
            with path.open("rb") as made:
                while piece := made.read(1 << 20):
                    out.write(piece)
        return
    _WRITERS[fmt](table, out, name)


def _to_path(table: pa.Table, fmt: Format, path: Path, name: str) -> None:
    if fmt is Format.DUCKDB:
        path.unlink()  # The engine refuses an empty file.
        _duckdb(table, path, name)
        return
    with path.open("wb") as out:
        _WRITERS[fmt](table, out, name)
        out.flush()
        os.fsync(out.fileno())


def inert(text: str) -> str:
    """Return a text cell that no spreadsheet takes for a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def _csv(table: pa.Table, out: IO[bytes], name: str) -> None:
    import pyarrow.csv as pacsv

    for at, field in enumerate(table.schema):
        column, shown = table.column(at), inert(field.name)
        if pa.types.is_string(field.type):
            risky = pc.match_substring_regex(column, r"^[=+\-@\t\r\n\x00]")
            column = pc.if_else(risky, pc.binary_join_element_wise("'", column, ""), column)
        elif pa.types.is_timestamp(field.type):
            column = _instants(column)
        table = table.set_column(at, pa.field(shown, column.type), column)
    pacsv.write_csv(table, out, pacsv.WriteOptions(batch_size=ROWS_AT_ONCE, quoting_style="needed"))


def _instants(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Spell instants as ISO 8601 with a Z; fractions of a second only where there are any."""
    whole = pc.equal(pc.subsecond(column), 0.0)
    plain = pc.strftime(pc.cast(column, pa.timestamp("s", "UTC"), safe=False), "%Y-%m-%dT%H:%M:%SZ")
    if pc.all(whole, min_count=0).as_py():
        return plain
    return pc.if_else(whole, plain, pc.strftime(column, "%Y-%m-%dT%H:%M:%SZ"))


def _parquet(table: pa.Table, out: IO[bytes], name: str) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, out, compression="zstd", row_group_size=ROWS_AT_ONCE)


def _feather(table: pa.Table, out: IO[bytes], name: str) -> None:
    from pyarrow import feather

    feather.write_feather(table, out, compression="zstd")


def _json(table: pa.Table, out: IO[bytes], name: str) -> None:
    """``columns`` and ``rows`` (design 4.3); instants and dates as ISO text, missing and not finite numbers as null."""
    out.write(b'{"columns": ' + json.dumps(table.schema.names).encode() + b', "rows": [')
    between = b""
    for rows in _rows(table):
        spelt = json.dumps([[_json_cell(cell) for cell in row] for row in rows], ensure_ascii=False, allow_nan=False)
        out.write(between + spelt[1:-1].encode())
        between = b", "
    out.write(b"]}\n")


def _json_cell(cell: object) -> object:
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(cell, date):
        return cell.isoformat()
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _xlsx(table: pa.Table, out: IO[bytes], name: str) -> None:
    if table.num_rows >= SHEET_ROWS:
        raise ValueError(f"a sheet has {SHEET_ROWS:,} rows, and there are {table.num_rows:,} and a heading")
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell

    book = Workbook(write_only=True)
    sheet = book.create_sheet(re.sub(r"[\[\]:*?/\\]", "_", name)[:31] or "data")

    def cell(value: object) -> object:
        if isinstance(value, str):
            made = WriteOnlyCell(sheet, _ILLEGAL_IN_XML.sub("\ufffd", value))
            made.data_type = "s"
            return made
        if isinstance(value, datetime):  # Excel has no zones.
            return value.astimezone(UTC).replace(tzinfo=None)
        return None if isinstance(value, float) and not math.isfinite(value) else value

    sheet.append([cell(one) for one in table.schema.names])
    for rows in _rows(table):
        for row in rows:
            sheet.append([cell(one) for one in row])
    book.save(out)


def _duckdb(table: pa.Table, path: Path, name: str) -> None:
    import duckdb

    with duckdb.connect(str(path)) as database:
        database.register("given", table)
        quoted = '"' + name.replace('"', '""') + '"'
        database.execute(f"CREATE TABLE {quoted} AS SELECT * FROM given")  # noqa: S608


def _rows(table: pa.Table) -> Iterator[list[tuple[Any, ...]]]:
    for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield list(zip(*(column.to_pylist() for column in batch.columns), strict=True))


_WRITERS: dict[Format, Callable[[pa.Table, IO[bytes], str], None]] = {
    Format.CSV: _csv,
    Format.PARQUET: _parquet,
    Format.FEATHER: _feather,
    Format.JSON: _json,
    Format.XLSX: _xlsx,
}
