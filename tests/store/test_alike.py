"""Thousands of tickers that were asked for alike share their statuses, and each says what it says alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from redline.market.bar import DAILY
from redline.market.part import Page, Part
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus
from redline.store import Store
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, NOW, bars

TICKERS = tuple(f"T{at:02}" for at in range(30))
SESSIONS = CALENDAR.sessions(NOW.date() - timedelta(days=60), NOW.date() - timedelta(days=20))
FIRST, LAST = SESSIONS[0], SESSIONS[-1]


def told(status: SessionStatus) -> tuple[date, SessionState, int, bool, datetime | None]:
    """What counts of a status: the instant only where somebody may ask again, or sees a gap."""
    instant = None if status.state is SessionState.STORED and status.settled else status.asked_at
    return status.session, status.state, status.rows, status.settled, instant


@pytest.mark.parametrize(
    ("held", "asked", "shared"),
    [
        (SESSIONS, NOW, True),
        (SESSIONS[:-1], NOW, False),
        (SESSIONS, datetime.combine(LAST, NOW.time(), UTC), False),
    ],
    ids=["stored-and-final", "a-session-is-lacking", "not-final"],
)
def test_statuses_are_those_of_each_ticker_alone(
    tmp_path: Path, held: list[date], asked: datetime, shared: bool
) -> None:
    store = Store(tmp_path, FakeClock(NOW), CALENDAR)
    for at, ticker in enumerate(TICKERS):
        page = Page(bars(ticker, dict.fromkeys(held, 10.0)), FIRST, LAST, answer="200 OK")
        store.commit(Part("massive", Dataset.BARS, ticker, FIRST, LAST), page, f"b{at}", asked + timedelta(seconds=at))

    many = store.statuses_many("massive", DAILY, TICKERS, FIRST, LAST, NOW)
    alone = {one: store.statuses("massive", DAILY, one, FIRST, LAST, NOW) for one in TICKERS}
    store.close()

    assert {one: list(map(told, many[one])) for one in TICKERS} == {one: list(map(told, alone[one])) for one in TICKERS}
    assert (len({id(one) for one in many.values()}) == 1) is shared
