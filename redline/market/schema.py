"""Columns and their types: the one place where they stand.

A *wire table* is what a downloader hands on; the store adds ``batch``, ``known_from`` and ``known_until`` and a frame
drops them again. Volume is a double since shares are fractional (vendor, 2026-02-23); ids and times never are.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

UTC_US = pa.timestamp("us", tz="UTC")

#: The columns of a bars frame, in the order of design 4.1.
BAR_COLUMNS = (
    "ticker",
    "timestamp",
    "date",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "vwap",
    "transactions",
    "source",
)

#: Bars as a downloader hands them on: raw, ``timestamp`` = start of the bar, ``date`` = the session's New York date.
BARS_WIRE = pa.schema(
    [
        pa.field("ticker", pa.string(), nullable=False),
        pa.field("timestamp", UTC_US, nullable=False),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("open", pa.float64(), nullable=False),
        pa.field("high", pa.float64(), nullable=False),
        pa.field("low", pa.float64(), nullable=False),
        pa.field("close", pa.float64(), nullable=False),
        pa.field("volume", pa.float64()),
        pa.field("vwap", pa.float64()),
        pa.field("transactions", pa.int64()),
        pa.field("source", pa.string(), nullable=False),
    ]
)

#: Splits under the vendor's REST names (contract page 2.6); ratios are doubles, for 1 -> 2.5 and 2e+06 -> 1 exist.
SPLITS_WIRE = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("ticker", pa.string(), nullable=False),
        pa.field("execution_date", pa.date32(), nullable=False),
        pa.field("split_from", pa.float64(), nullable=False),
        pa.field("split_to", pa.float64(), nullable=False),
        pa.field("adjustment_type", pa.string()),
        pa.field("historical_adjustment_factor", pa.float64()),
        pa.field("source", pa.string(), nullable=False),
    ]
)

#: Dividends under the vendor's REST names (contract page 2.6).
DIVIDENDS_WIRE = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("ticker", pa.string(), nullable=False),
        pa.field("ex_dividend_date", pa.date32(), nullable=False),
        pa.field("declaration_date", pa.date32()),
        pa.field("record_date", pa.date32()),
        pa.field("pay_date", pa.date32()),
        pa.field("cash_amount", pa.float64(), nullable=False),
        pa.field("split_adjusted_cash_amount", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field("frequency", pa.int64()),
        pa.field("distribution_type", pa.string()),
        pa.field("historical_adjustment_factor", pa.float64()),
        pa.field("source", pa.string(), nullable=False),
    ]
)

#: What the store adds to each row: the batch it came with, and from when until when (UTC) it was the truth.
PROVENANCE = (
    pa.field("batch", pa.string(), nullable=False),
    pa.field("known_from", UTC_US, nullable=False),
    pa.field("known_until", UTC_US),
)


def frame(table: Any, columns: tuple[str, ...] = BAR_COLUMNS) -> Any:
    """Return a pandas DataFrame of ``columns``: times ``datetime64[ns, UTC]``, dates as ``datetime64[ns]`` at midnight.

    Text stays ``object`` or ``str`` as pandas has it; missing numbers are NaN, and ``transactions`` is ``Int64``, so
    that a missing count does not turn the others into floats.
    """
    import pandas as pd

    made = table.select(list(columns)).to_pandas(
        timestamp_as_object=False, date_as_object=False, types_mapper={pa.int64(): pd.Int64Dtype()}.get
    )
    for name in made.columns:
        if isinstance(made[name].dtype, pd.DatetimeTZDtype):
            made[name] = made[name].astype("datetime64[ns, UTC]")
        elif pd.api.types.is_datetime64_any_dtype(made[name].dtype):
            made[name] = made[name].astype("datetime64[ns]")
    return made
