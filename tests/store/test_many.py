"""Many deliveries in one commit do what the same deliveries do one by one."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redline.market.bar import DAILY, BarSpec
from redline.market.part import WHOLE_MARKET, Delivery, Page, Part, SetAside
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE
from redline.store import Committed, Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, MINUTE, NOW, bars, minutes, page, part, splits, splits_part

DAYS = CALENDAR.sessions(date(2023, 12, 26), date(2024, 1, 5))  # two partitions
TICKERS = ("A", "AB", "B", "C")
HOUR = timedelta(hours=1)
WHEN = ["known_from", "known_until"]
JOB = ("A", "B", "C")  # The tickers of a job that asks for the whole market.


def single(draw: st.DrawFn) -> tuple[Part, Page]:
    ticker = draw(st.sampled_from(TICKERS))
    first = draw(st.integers(0, len(DAYS) - 1))
    last = draw(st.integers(first, len(DAYS) - 1))
    closes = draw(st.dictionaries(st.integers(first, last), st.sampled_from([1.0, 2.0]), max_size=5))
    table = bars(ticker, {DAYS[day]: close for day, close in closes.items()})
    bad = (SetAside("high < low", "{}"),) if draw(st.booleans()) else ()
    return part(ticker, DAYS[first], DAYS[last]), replace(page(table, DAYS[first], DAYS[last]), set_aside=bad)


def market(draw: st.DrawFn) -> tuple[Part, Page]:
    day = draw(st.sampled_from(DAYS))
    closes = draw(st.dictionaries(st.sampled_from([*TICKERS, "Z"]), st.sampled_from([1.0, 2.0])))
    rows = [bars(ticker, {day: closes[ticker]}) for ticker in sorted(closes)]
    table = pa.concat_tables(rows) if rows else BARS_WIRE.empty_table()
    return part(WHOLE_MARKET, day, day), page(table, day, day)


def intraday(draw: st.DrawFn) -> tuple[Part, Page]:
    ticker, day = draw(st.sampled_from(TICKERS)), draw(st.sampled_from(DAYS))
    return part(ticker, day, day, MINUTE), page(minutes(ticker, [day], draw(st.integers(0, 3))), day, day)


def listed(draw: st.DrawFn) -> tuple[Part, Page]:
    ticker = draw(st.sampled_from(TICKERS))
    events = draw(st.dictionaries(st.sampled_from(DAYS), st.sampled_from([2.0, 3.0]), max_size=2))
    return splits_part(ticker), splits(ticker, *((day, 1.0, to) for day, to in events.items()))


@st.composite
def deliveries(draw: st.DrawFn) -> list[list[Delivery]]:
    """Return up to three jobs, an hour apart, of several deliveries each, a minute apart."""
    jobs: list[list[Delivery]] = []
    for job in range(draw(st.integers(1, 3))):
        jobs.append([])
        for at in range(draw(st.integers(1, 8))):
            kind = draw(st.sampled_from([single, single, market, market, intraday, listed]))
            its_part, its_page = kind(draw)
            asked_at = NOW + job * HOUR + timedelta(minutes=at)
            tickers = JOB if its_part.whole_market else ()
            jobs[-1].append(Delivery(its_part, its_page, f"b{job}.{at}", asked_at, tickers))
    return jobs


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(deliveries())
def test_many_at_once_equal_one_by_one(jobs: list[list[Delivery]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as many:
        by_one, at_once = (Store(Path(home), FakeClock(), CALENDAR) for home in (one, many))
        for job in jobs:
            done = [by_one.commit_many([delivery])[0] for delivery in job]

            assert at_once.commit_many(job) == done
            assert sum(map(rows_of, done)) == sum(map(rows_given, job))
        assert everything(at_once) == everything(by_one)
        assert at_once.verify() == by_one.verify() == []
        at_once.close()
        again = Store(Path(many), FakeClock(), CALENDAR)
        assert everything(again) == everything(by_one)
        again.close()
        by_one.close()


def rows_of(done: Committed) -> int:
    return done.rows_new + done.rows_changed + done.rows_same


def rows_given(one: Delivery) -> int:
    wanted = set(one.tickers) if one.part.whole_market else {one.part.ticker}
    return sum(ticker in wanted for ticker in one.page.table["ticker"].to_pylist())


def everything(store: Store) -> dict[str, object]:
    """All that a store tells: rows of now and of the end of each job, states, sums, rows set aside.

    Answers of one commit that replace something share the newest instant of them all: when it is left out.
    """
    instants: Sequence[datetime | None] = [None, *(NOW + (at + 0.5) * HOUR for at in range(3))]
    told: dict[str, object] = {"held": store.held(), "known": store.known()}
    for spec in (DAILY, MINUTE):
        for at in instants:
            told[f"{spec.label} {at}"] = store.bars_table(None, spec, as_of=at).drop_columns(WHEN).to_pylist()
        told[f"states {spec.label}"] = states(store, spec)
    for at in instants:
        told[f"splits {at}"] = store.splits_table(None, at).drop_columns(WHEN).to_pylist()
    told["asked"] = store.actions_asked_many("massive", Dataset.SPLITS, TICKERS)
    told["aside"] = [store.set_aside("massive", ticker) for ticker in TICKERS]
    return told


def states(store: Store, spec: BarSpec) -> dict[str, list[tuple[object, ...]]]:
    """The instant of an answer is left out: consecutive sessions of the market share that of the first."""
    return {
        ticker: [(one.session, one.state, one.rows, one.answer, one.settled) for one in found]
        for ticker, found in store.statuses_many("massive", spec, TICKERS, DAYS[0], DAYS[-1], NOW).items()
    }
