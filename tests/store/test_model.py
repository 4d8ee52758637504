"""Any sequence of overlapping commits against a dict: what is live, what was known when, what is counted."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from redline.market.bar import DAILY
from redline.market.session import SessionState
from redline.store import Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, NOW, bars, page, part

DAYS = CALENDAR.sessions(date(2023, 12, 26), date(2024, 1, 5))  # two partitions


@dataclass(frozen=True)
class Answer:
    ticker: str
    first: int
    last: int
    closes: dict[int, float] = field(hash=False)


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    first = draw(st.integers(0, len(DAYS) - 1))
    last = draw(st.integers(first, len(DAYS) - 1))
    some = draw(st.dictionaries(st.integers(first, last), st.sampled_from([1.0, 2.0]), max_size=6))
    return Answer(draw(st.sampled_from(["A", "B"])), first, last, some)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(answers(), min_size=1, max_size=8), st.sets(st.integers(0, 7)))
def test_store_equals_a_dict_that_is_overwritten(given_answers: list[Answer], reopened: set[int]) -> None:
    with tempfile.TemporaryDirectory() as home:
        store = Store(Path(home), FakeClock(), CALENDAR)
        live: dict[tuple[str, date], float] = {}
        asked: set[tuple[str, date]] = set()
        seen: list[tuple[datetime, dict[tuple[str, date], float]]] = []
        for at, one in enumerate(given_answers):
            asked_at = NOW + timedelta(minutes=at)
            slice_ = [(one.ticker, day) for day in DAYS[one.first : one.last + 1]]
            wanted = {(one.ticker, DAYS[day]): close for day, close in one.closes.items()}
            held = {key: live[key] for key in slice_ if key in live}
            days = DAYS[one.first], DAYS[one.last]
            table = bars(one.ticker, {day: close for (_, day), close in wanted.items()})

            done = store.commit(part(one.ticker, *days), page(table, *days), f"b{at}", asked_at)

            assert done.rows_new == len(wanted.keys() - held.keys())
            assert done.rows_same == sum(held.get(key) == close for key, close in wanted.items())
            assert done.rows_changed == len(wanted) - done.rows_new - done.rows_same
            live = {key: close for key, close in live.items() if key not in held} | wanted
            asked.update(slice_)
            seen.append((asked_at, dict(live)))
            if at in reopened:
                store.close()
                store = Store(Path(home), FakeClock(), CALENDAR)
        assert _held(store, None) == live
        for asked_at, then in seen:
            assert _held(store, asked_at) == then
        for ticker in ("A", "B"):
            found = store.statuses("massive", DAILY, ticker, DAYS[0], DAYS[-1], NOW)
            assert {one.session for one in found if one.state is SessionState.STORED} == {
                day for name, day in live if name == ticker
            }
            assert {one.session for one in found if one.state is not SessionState.NEVER_ASKED} == {
                day for name, day in asked if name == ticker
            }
        assert {(one.ticker, one.rows) for one in store.held()} == {
            (ticker, sum(name == ticker for name, _ in live)) for ticker in {name for name, _ in live}
        }
        assert store.verify() == []
        store.close()


def _held(store: Store, as_of: datetime | None) -> dict[tuple[str, date], float]:
    rows = store.bars_table(None, as_of=as_of)
    found = list(zip(rows["ticker"].to_pylist(), rows["date"].to_pylist(), rows["close"].to_pylist(), strict=True))
    assert found == sorted(found)
    assert len({row[:2] for row in found}) == len(found)
    return {(ticker, day): close for ticker, day, close in found}
