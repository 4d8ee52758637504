"""The story of a session says what was asked, when, of whom, what came back, and what to do."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from redline.engine.story import TO_DO, tell
from redline.market.bar import DAILY
from redline.market.calendar import TradingCalendar
from redline.market.part import Page, Part
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE
from redline.market.session import SessionState, SessionStatus
from redline.store import Store, history
from redline.testing import FakeClock

DAY = date(2024, 1, 3)
NOW = datetime(2024, 2, 1, 15, tzinfo=UTC)


@pytest.mark.parametrize("state", list(SessionState), ids=lambda one: one.value)
def test_every_state_has_a_reason_and_something_to_do(state: SessionState) -> None:
    told = tell(SessionStatus(DAY, state, asked_at=NOW), "IBM", DAILY, "Massive.com", "massive", [])

    assert told.reason
    assert told.what_to_do == TO_DO[state].format(ticker="IBM", day=DAY)
    assert "{" not in told.as_text()


def test_what_was_asked_stands_in_the_order_in_which_it_was_asked(tmp_path: Path) -> None:
    store = Store(tmp_path, FakeClock(NOW), TradingCalendar(NOW.date()))
    part = Part("massive", Dataset.BARS, "IBM", DAY, DAY)
    page = Page(BARS_WIRE.empty_table(), DAY, DAY, answer="0 results")
    store.commit(part, page, "job7-1-1-0", datetime(2024, 1, 6, 12, tzinfo=UTC))
    store.note(part, DAY, DAY, SessionState.FAILED, "The vendor said 500.", datetime(2024, 1, 7, 12, tzinfo=UTC))

    known = store.statuses("massive", DAILY, "IBM", DAY, DAY, NOW)
    told = tell(known[0], "IBM", DAILY, "Massive.com", "massive", history(store, "massive", DAILY, "IBM", DAY))
    store.close()

    assert [one.outcome for one in told.history] == ["an answer without rows", "failed"]
    assert (told.state, told.job_id, told.of_whom) == (SessionState.VENDOR_HAS_NONE, "job7", "Massive.com")
    assert told.as_json()["asked_at"] == "2024-01-06T12:00:00Z"
    assert "The vendor said 500." in told.as_text()
