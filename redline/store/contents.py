"""What rows say, in numbers: a fingerprint of each row, and how many rows each series has on each date."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Numbers = np.ndarray[Any, np.dtype[np.uint64]]

#: How many rows by date ordinal, for each source and ticker.
Counts = dict[tuple[str, str], dict[int, int]]

_EPOCH = 719_163  # The ordinal of 1970-01-01, from which Arrow counts days.
_MISSING = np.uint64(0x9E3779B97F4A7C15)


def fingerprints(rows: pa.Table) -> Numbers:
    """Return a number for each row that follows from all its values: rows that are equal have equal ones, and others
    other ones, but for a chance of one in 2**64. A missing value equals a missing value, NaN equals NaN.
    """
    found = np.full(rows.num_rows, 1, np.uint64)
    for column in rows.columns:
        found = _mixed(found ^ _hashes(column))
    return found


def _hashes(column: pa.ChunkedArray) -> Numbers:
    if column.null_count == len(column):
        return np.full(len(column), _MISSING, np.uint64)
    values = _mixed(_bits(column))
    if column.null_count:
        values[np.asarray(pc.is_null(column))] = _MISSING
    return values


def content(rows: pa.Table) -> str:
    """Return what tells a set of rows from others, whatever their order and the files they are in: ``content_of``."""
    return content_of([fingerprints(rows)])


def content_of(prints: Iterable[Numbers]) -> str:
    """Return the sum of fingerprints and how many there are, as text; those of several sets can be ``joined``."""
    some = list(prints)
    total = sum(int(np.add.reduce(one)) for one in some) & 0xFFFFFFFFFFFFFFFF
    return f"{sum(len(one) for one in some)}:{total:016x}"


def joined(contents: Iterable[str]) -> str:
    """Return the content of sets of rows taken together."""
    pairs = [one.split(":") for one in contents]
    total = sum(int(one, 16) for _, one in pairs) & 0xFFFFFFFFFFFFFFFF
    return f"{sum(int(rows) for rows, _ in pairs)}:{total:016x}"


def _bits(column: pa.ChunkedArray) -> Numbers:
    """Return the values as 64 bits each; anything stands for a missing one."""
    if pa.types.is_string(column.type):
        texts, places = ranked(column)
        hashes = [hashlib.blake2b(one.encode(), digest_size=8).digest() for one in texts.to_pylist()]
        numbers: Numbers = np.frombuffer(b"".join(hashes), "<u8").astype(np.uint64)
        return np.asarray(numbers[places], np.uint64)
    if pa.types.is_floating(column.type):
        values = pc.fill_null(column.cast(pa.float64()), 0.0).to_numpy() + 0.0  # -0.0 equals 0.0.
        values[np.isnan(values)] = np.nan
        return np.asarray(values.view(np.uint64), np.uint64)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    whole = pc.fill_null(column.cast(pa.int64()), 0).to_numpy()
    return np.asarray(whole.astype(np.int64).view(np.uint64), np.uint64)


def ranked(column: pa.ChunkedArray) -> tuple[pa.Array, np.ndarray[Any, np.dtype[np.int32]]]:
    """Return the different texts of a column, and for each row the place of its text among them; a missing one has
    some place. Few texts stand in many rows.
    """
    coded = pc.dictionary_encode(pc.fill_null(column, "") if column.null_count else column)
    if not coded.num_chunks:
        return pa.array([], pa.string()), np.zeros(0, np.int32)
    places = [one.indices.to_numpy() for one in coded.chunks]
    return coded.chunk(0).dictionary, places[0] if len(places) == 1 else np.concatenate(places)


def _mixed(values: Numbers) -> Numbers:
    """Return numbers whose every bit hangs on all bits of those given (the end of splitmix64)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
    return values


def counted(tables: Iterable[pa.Table], day: str) -> Counts:
    """Return how many rows each series has on each date; ``day`` is the column that says it."""
    some = [one.select(["source", "ticker", day]) for one in tables if one.num_rows]
    if not some:
        return {}
    rows = pa.concat_tables(some)
    sources, tickers = pc.unique(rows["source"]), pc.unique(rows["ticker"])
    series = pc.index_in(rows["source"], value_set=sources).to_numpy().astype(np.int64) * len(tickers)
    series += pc.index_in(rows["ticker"], value_set=tickers).to_numpy()
    days = rows[day].cast(pa.int32()).to_numpy().astype(np.int64) + _EPOCH
    keys, numbers = np.unique((series << 24) | days, return_counts=True)
    names = [(source, ticker) for source in sources.to_pylist() for ticker in tickers.to_pylist()]
    found: Counts = {}
    cuts = np.flatnonzero(np.diff(keys >> 24)) + 1
    for its, held in zip(np.split(keys, cuts), np.split(numbers, cuts), strict=True):
        found[names[int(its[0]) >> 24]] = dict(zip((its & 0xFFFFFF).tolist(), held.tolist(), strict=True))
    return found


def added_up(parts: Iterable[Counts]) -> Counts:
    """Return counts of sets of rows taken together."""
    total: Counts = defaultdict(dict)
    for part in parts:
        for series, days in part.items():
            its = total[series]
            for day, rows in days.items():
                its[day] = its.get(day, 0) + rows
    return dict(total)
