"""Bars from the store, adjusted as asked."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from redline.errors import NoData, StoreError
from redline.market.adjust import Factors, Step, adjusted, dividend_steps, split_steps, splits_matter
from redline.market.request import Adjust, BarsQuery, Dataset
from redline.market.schema import BARS_WIRE
from redline.store import Store

#: Where two sources hold a session of one ticker, the first of these answers; others follow by name.
SOURCE_ORDER = ("massive", "yahoo", "stooq")


def read_bars(store: Store, query: BarsQuery) -> pa.Table:
    """Return bars with the columns of ``BARS_WIRE``, sorted by ticker and time, each bar once.

    Dates are inclusive and, for weeks and longer, widened to whole bars as the vendor does. With ``as_of`` both bars
    and corporate actions are those known then. No row held is an empty table.

    Raises:
        NoData: the splits (``adjust=splits``), or the dividends too (``adjust=all``), of a ticker are not held.
        StoreError: the store cannot be read.
    """
    start, end = query.start, query.end
    if start is not None:
        start = query.spec.snap(start, start)[0]
    if end is not None:
        end = query.spec.snap(end, end)[1]
    rows = store.bars_table(query.tickers, query.spec, start, end, query.as_of)
    bars = _one_source_a_session(rows.select(BARS_WIRE.names))
    if query.adjust is Adjust.NONE or not bars.num_rows:
        return bars
    pieces = [_adjusted(store, one, query.adjust, query.as_of) for one in _series(bars)]
    whole = pa.concat_tables(pieces)
    return whole if len(pieces) == 1 else whole.sort_by([("ticker", "ascending"), ("timestamp", "ascending")])


def _series(bars: pa.Table) -> list[pa.Table]:
    """Cut bars into those of one ticker and source."""
    keys = bars.group_by(["ticker", "source"]).aggregate([]).to_pylist()
    if len(keys) == 1:
        return [bars]
    return [
        bars.filter(pc.and_(pc.equal(bars["ticker"], key["ticker"]), pc.equal(bars["source"], key["source"])))
        for key in keys
    ]


def _adjusted(store: Store, bars: pa.Table, adjust: Adjust, as_of: datetime | None) -> pa.Table:
    ticker, source = bars["ticker"][0].as_py(), bars["source"][0].as_py()
    if not splits_matter(ticker):
        return bars
    splits = _steps(store, Dataset.SPLITS, source, ticker, as_of)
    dividends = _steps(store, Dataset.DIVIDENDS, source, ticker, as_of) if adjust is Adjust.ALL else ()
    return adjusted(bars, Factors(splits, dividends))


def _steps(store: Store, dataset: Dataset, source: str, ticker: str, as_of: datetime | None) -> tuple[Step, ...]:
    """Return the factors of what is held; raises ``NoData`` rather than take "not asked" for "there are none"."""
    since = store.actions_first_asked(source, dataset, ticker)
    if since is None or (as_of is not None and since > as_of):
        when = "" if since is None else f" as of {(as_of or since).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        other = "adjust=none" if dataset is Dataset.SPLITS else "adjust=splits"
        raise NoData(
            f"The {dataset.value} of {ticker} from {source} are not held{when}, so its prices cannot be adjusted.",
            f"Download {dataset.value} of {ticker}, or ask with {other}.",
            ticker=ticker,
            dataset=dataset.value,
        )
    splits = dataset is Dataset.SPLITS
    rows = store.splits_table((ticker,), as_of) if splits else store.dividends_table((ticker,), as_of)
    listed = rows.filter(pc.equal(rows["source"], source)).to_pylist()
    try:
        return split_steps(listed) if splits else dividend_steps(listed)
    except ValueError as error:
        if not splits:
            raise NoData(
                f"The dividends of {ticker} are held without adjustment factors ({error}).",
                "Ask with adjust=splits, or download the dividends from the source's newer endpoint.",
                ticker=ticker,
                dataset=dataset.value,
            ) from error
        raise StoreError(f"A split of {ticker} cannot be used: {error}.", "Download its splits again.") from error


def _one_source_a_session(bars: pa.Table) -> pa.Table:
    """Keep, of each ticker and date, the rows of the first source in ``SOURCE_ORDER``."""
    sources = bars["source"].unique().to_pylist()
    if len(sources) < 2:
        return bars
    order = sorted(sources, key=lambda one: (one not in SOURCE_ORDER, SOURCE_ORDER.index(one) if one in SOURCE_ORDER
                                             else 0, one))  # fmt: skip
    rank = pc.index_in(bars["source"], value_set=pa.array(order, pa.string()))
    ranked = bars.append_column("rank", rank)
    best = ranked.group_by(["ticker", "date"]).aggregate([("rank", "min")])
    joined = ranked.append_column("row", pa.array(np.arange(bars.num_rows))).join(best, ["ticker", "date"])
    rows = joined.filter(pc.equal(joined["rank"], joined["rank_min"]))["row"]
    kept = bars.take(pc.take(rows, pc.sort_indices(rows)))
    return kept.sort_by([("ticker", "ascending"), ("timestamp", "ascending")])
