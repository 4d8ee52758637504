"""From pages to answers: which slice each one speaks for, which go into a table together, and how they are marked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from redline.market.calendar import TradingCalendar
from redline.market.part import WHOLE_MARKET, Delivery, Page, Part
from redline.market.request import Dataset
from redline.store.asked import Asked, Series
from redline.store.layout import KINDS, TableKind
from redline.store.slices import Fate
from redline.store.writing import Answer, Swap

_EPOCH = date(1970, 1, 1).toordinal()


def answer_of(one: Delivery) -> Answer:
    """Return what a delivery says about which slice.

    Raises:
        ValueError: it would break the store: other rows than its slice, a key twice, a time out of order.
    """
    part, page = one.part, one.page
    first, last = _span(part, page)
    rows = page.table
    if part.whole_market and part.dataset is Dataset.BARS:
        rows = rows.filter(pc.is_in(rows["ticker"], value_set=pa.array(one.tickers, pa.string())))
    _check(part, rows, first, last)
    if part.dataset is not Dataset.BARS and not part.whole_market:
        first, last = date.min, date.max
    series = Series(part.source, part.dataset, part.ticker, part.spec)
    return Answer(series, first, last, rows, one.batch, one.asked_at, part.whole_market, one.tickers, page.answer)


def rounds(answers: Sequence[Answer]) -> list[list[int]]:
    """Return the places of the answers that go into a table together; answers about one slice stay in their order."""
    found: list[list[int]] = []
    for dataset in dict.fromkeys(one.series.dataset for one in answers):
        before: object = None
        slots: set[object] = set()
        for at, one in enumerate(answers):
            if one.series.dataset is not dataset:
                continue
            alike = (one.series.source, one.series.spec, one.market, one.tickers)
            slot = (one.first, one.last) if one.market else one.series.ticker
            if alike == before and slot not in slots:
                found[-1].append(at)
            else:
                found.append([at])
                before, slots = alike, set()
            slots.add(slot)
    return found


def marks_of(
    answers: Sequence[Answer], swap: Swap, set_aside: Sequence[int], kind: TableKind, calendar: TradingCalendar
) -> list[Asked]:
    """Return how answers of one round are marked: one mark each; of the whole market's bars one for each ticker and
    run of sessions.
    """
    if answers[0].market and kind.dataset is Dataset.BARS:
        return [mark for run in _runs(answers, calendar) for mark in _marks_of_run(run, kind)]
    return [_mark(one, fates, aside, kind) for one, fates, aside in zip(answers, swap.fates, set_aside, strict=True)]


def _mark(one: Answer, fates: Sequence[int], set_aside: int, kind: TableKind) -> Asked:
    return Asked(
        one.series,
        one.first,
        one.last,
        one.asked_at,
        one.answer,
        one.batch,
        None,
        _counts(one.rows, kind.day),
        fates[Fate.NEW],
        fates[Fate.CHANGED],
        fates[Fate.SAME],
        set_aside,
        one.market,
    )


def _runs(answers: Sequence[Answer], calendar: TradingCalendar) -> Iterator[list[Answer]]:
    """Cut answers for one session each where a session between them is missing."""
    in_turn = sorted(answers, key=lambda one: one.first)
    run = in_turn[:1]
    for one in in_turn[1:]:
        if calendar.next_session(run[-1].last) == one.first:
            run.append(one)
        else:
            yield run
            run = [one]
    yield run


def _marks_of_run(run: Sequence[Answer], kind: TableKind) -> Iterator[Asked]:
    """One mark a ticker. It bears the earliest instant of the run: of what may still change, that is the safe side."""
    asked_at, first, last = min(one.asked_at for one in run), run[0].first, run[-1].last
    traded: dict[str, int] = defaultdict(int)  # The sessions of each ticker as bits: few tickers differ in them.
    for at, one in enumerate(run):
        for ticker in one.rows["ticker"].to_pylist():
            traded[ticker] |= 1 << at
    head, known = run[0], dict[int, dict[int, int]]()
    for ticker in head.tickers:
        bits = traded.get(ticker, 0)
        if bits not in known:
            known[bits] = {one.first.toordinal(): 1 for at, one in enumerate(run) if bits >> at & 1}
        counts = known[bits]
        series = Series(head.series.source, kind.dataset, ticker, head.series.spec)
        yield Asked(
            series, first, last, asked_at, head.answer, head.batch, None, counts, len(counts), market=True
        )  # fmt: skip


def _span(part: Part, page: Page) -> tuple[date, date]:
    """Return the first and last date that the page speaks about: bars come whole, so they widen it."""
    if part.dataset is not Dataset.BARS or not part.spec.spreads:
        return page.first, page.last
    return part.spec.snap(page.first, page.last)


def _check(part: Part, rows: pa.Table, first: date, last: date) -> None:
    kind = KINDS[part.dataset]
    if not rows.schema.equals(kind.wire):
        raise ValueError(f"a page of {part.dataset.value} must have the columns of its wire schema")
    if not rows.num_rows:
        return
    one_ticker = part.ticker if part.ticker != WHOLE_MARKET else None
    for name, wanted in (("ticker", one_ticker), ("source", part.source)):
        if wanted is not None and not pc.all(pc.equal(rows[name], wanted)).as_py():
            raise ValueError(f"a page of {part.what} holds rows of another {name}")
    if part.dataset is Dataset.BARS:
        _check_order(part, rows)
    days = pc.min_max(rows[kind.day]).as_py()
    if (part.dataset is Dataset.BARS or part.whole_market) and (days["min"] < first or days["max"] > last):
        raise ValueError(f"a page of {part.what} holds rows from {days['min']} to {days['max']}")


def _check_order(part: Part, rows: pa.Table) -> None:
    if part.whole_market:  # One session: each ticker once, in order.
        tickers = rows["ticker"].to_numpy()
        rises = bool((tickers[1:] > tickers[:-1]).all())
    else:
        times = rows["timestamp"].to_numpy()
        rises = bool((times[1:] > times[:-1]).all())
    if not rises:
        raise ValueError(f"a page of {part.what} is out of order or holds a bar twice")


def _counts(rows: pa.Table, day: str) -> dict[int, int]:
    """Return how many rows each date has, by its ordinal."""
    dates = rows[day].cast(pa.int32()).to_numpy()
    if len(dates) and (dates == dates[0]).all():
        return {int(dates[0]) + _EPOCH: len(dates)}
    days, counts = np.unique(dates, return_counts=True)
    return dict(zip((days + _EPOCH).tolist(), counts.tolist(), strict=True))
