"""Bars from the store, adjusted as asked."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from redline.errors import NoData, StoreError
from redline.market.adjust import Factors, Step, adjusted, dividend_steps, split_steps, splits_matter
from redline.market.bar import DAILY
from redline.market.gather import gathered, is_made_of
from redline.market.request import Adjust, BarsQuery, Dataset
from redline.market.schema import BARS_WIRE
from redline.store import Store

#: Where two sources hold a session of one ticker, the first of these answers; others follow by name.
SOURCE_ORDER = ("massive", "yahoo", "stooq")


def read_bars(store: Store, query: BarsQuery) -> pa.Table:
    """Return bars with the columns of ``BARS_WIRE``, sorted by ticker and time, each bar once.

    Dates are inclusive and, for weeks and longer, widened to whole bars as the vendor does. Such a bar takes the
    factors of its first day; one that a split cuts in two is put together from its days. With ``as_of`` both bars
    and corporate actions are those known then. No row held is an empty table.

    Raises:
        NoData: the splits (``adjust=splits``), or the dividends too (``adjust=all``), of a ticker are not held.
        StoreError: the store cannot be read.
    """
    start = query.spec.dated(query.start, query.start)[0] if query.start else None
    end = query.spec.snap(query.end, query.end)[1] if query.end else None
    rows = store.bars_table(query.tickers, query.spec, start, end, query.as_of)
    bars = _covering(_one_source_a_session(rows.select(BARS_WIRE.names)), query)
    if query.adjust is Adjust.NONE or not bars.num_rows:
        return bars
    pieces = [_adjusted(store, one, query) for one in _series(bars)]
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


def _covering(bars: pa.Table, query: BarsQuery) -> pa.Table:
    """Leave out bars of several units that end before the first date asked for, or where the next one begins."""
    if query.start is None or query.spec.multiplier == 1 or not query.spec.spreads or not bars.num_rows:
        return bars
    tickers, days = bars["ticker"].to_pylist(), bars["date"].to_pylist()
    kept = []
    for at, day in enumerate(days):
        last = query.spec.window(day)[1]
        cut = at + 1 < len(days) and tickers[at + 1] == tickers[at] and days[at + 1] <= last
        kept.append(day >= query.start or (last >= query.start and not cut))
    return bars.filter(pa.array(kept))


def _adjusted(store: Store, bars: pa.Table, query: BarsQuery) -> pa.Table:
    ticker, source = bars["ticker"][0].as_py(), bars["source"][0].as_py()
    if not splits_matter(ticker):
        return bars
    since = pc.min(bars["date"]).as_py()
    splits = _steps(store, Dataset.SPLITS, source, ticker, query.as_of, since)
    all_of_them = query.adjust is Adjust.ALL
    dividends = _steps(store, Dataset.DIVIDENDS, source, ticker, query.as_of, since) if all_of_them else ()
    factors = Factors(splits, dividends)
    mended = _mended(store, bars, query, factors) if query.spec.spreads else {}
    whole = adjusted(bars, factors)
    if not mended:
        return whole
    return pa.Table.from_pylist([mended.get(at, row) for at, row in enumerate(whole.to_pylist())], schema=whole.schema)


def _mended(store: Store, bars: pa.Table, query: BarsQuery, factors: Factors) -> dict[int, dict[str, Any]]:
    """Return, by their place, the bars that a split cuts in two, put together from the adjusted bars of their days."""
    mended: dict[int, dict[str, Any]] = {}
    days = bars["date"].to_pylist()
    for split in factors.splits:
        at = bisect_left(days, split.day) - 1  # the last bar that begins before the split
        if at < 0 or at in mended or query.spec.window(days[at])[1] < split.day:
            continue
        bar = bars.slice(at, 1).to_pylist()[0]
        span = query.spec.window(days[at])
        held = store.bars_table((bar["ticker"],), DAILY, *span, query.as_of, bar["source"]).select(BARS_WIRE.names)
        if not is_made_of(bar, held.to_pylist()):
            raise NoData(
                f"A split of {bar['ticker']} on {split.day} falls inside of the {query.spec} bar of {days[at]}, and the"
                " day bars that it is made of are not all held, so it cannot be adjusted.",
                "Download these bars split-adjusted, or ask with adjust=none.",
                ticker=bar["ticker"],
                dataset=Dataset.BARS.value,
            )
        mended[at] = gathered(bar, adjusted(held, factors).to_pylist())
    return mended


def _steps(
    store: Store, dataset: Dataset, source: str, ticker: str, as_of: datetime | None, first: date
) -> tuple[Step, ...]:
    """Return the factors of what is held for bars from ``first`` on; raises ``NoData`` rather than take "not asked" for
    "there are none".
    """
    since = store.actions_first_asked(source, dataset, ticker, first)
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
