from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from redline.market.bar import DAILY
from redline.market.part import WHOLE_MARKET, Delivery
from redline.market.session import SessionState
from redline.store import Store
from tests.store.samples import CALENDAR, MINUTE, NOW, WEEK, bars, minutes, page, part

D1, D4 = date(2024, 5, 28), date(2024, 5, 31)
DAYS = CALENDAR.sessions(D1, D4)
STORED, NONE, LATE, NEVER = (
    SessionState.STORED,
    SessionState.VENDOR_HAS_NONE,
    SessionState.LATE,
    SessionState.NEVER_ASKED,
)


def states(store: Store, start: date = D1, end: date = D4) -> list[SessionState]:
    return [one.state for one in store.statuses("massive", DAILY, "A", start, end, NOW)]


def test_nothing_asked_is_never_asked_and_weekends_are_no_sessions(store: Store) -> None:
    found = store.statuses("massive", DAILY, "A", date(2024, 5, 24), date(2024, 5, 28), NOW)

    # Friday and Tuesday: between them lie a weekend and Memorial Day.
    assert [(one.session, one.state) for one in found] == [(date(2024, 5, 24), NEVER), (date(2024, 5, 28), NEVER)]


def test_sessions_without_rows_are_what_the_vendor_has_not(store: Store) -> None:
    store.commit(part("A", D1, D4), page(bars("A", {DAYS[0]: 1.0, DAYS[2]: 3.0}), D1, DAYS[2]), "b", NOW)

    found = store.statuses("massive", DAILY, "A", D1, D4, NOW)

    assert [one.state for one in found] == [STORED, NONE, STORED, NEVER]
    assert [one.rows for one in found] == [1, 0, 1, 0]
    assert {one.answer for one in found[:3]} == {"200 OK"}
    assert {one.asked_at for one in found[:3]} == {NOW}


def test_session_is_settled_when_asked_after_eleven_of_the_next_one(store: Store) -> None:
    # Friday, May 31 settles on Monday, June 3 at 11:00 in New York, which is 15:00 UTC.
    early = datetime(2024, 6, 3, 14, 59, 59, tzinfo=UTC)
    store.commit(part("A", D1, D4), page(bars("A", {D4: 1.0}), D1, D4), "b", early)
    assert [one.settled for one in store.statuses("massive", DAILY, "A", D1, D4, NOW)] == [True, True, True, False]

    store.commit(part("A", D4, D4), page(bars("A", {D4: 1.0}), D4, D4), "b", early + timedelta(seconds=1))
    assert all(one.settled for one in store.statuses("massive", DAILY, "A", D1, D4, NOW))


def test_absence_before_it_settles_is_late(store: Store) -> None:
    store.commit(part("A", D4, D4), page(bars("A", {}), D4, D4), "b", NOW - timedelta(hours=1))
    assert states(store, D4) == [LATE]

    store.commit(part("A", D4, D4), page(bars("A", {}), D4, D4), "b", NOW)
    assert states(store, D4) == [NONE]


def test_later_answer_replaces_the_earlier_one_for_its_sessions_only(store: Store) -> None:
    store.commit(part("A", D1, D4), page(bars("A", dict.fromkeys(DAYS, 1.0)), D1, D4), "b", NOW)
    store.commit(part("A", DAYS[1], DAYS[2]), page(bars("A", {DAYS[2]: 1.0}), DAYS[1], DAYS[2]), "b", NOW)

    assert states(store) == [STORED, NONE, STORED, STORED]


@pytest.mark.parametrize("state", [SessionState.NOT_ENTITLED, SessionState.FAILED, SessionState.NOT_LISTED])
def test_note_explains_an_absence_and_never_hides_rows(store: Store, state: SessionState) -> None:
    store.commit(part("A", DAYS[1], DAYS[1]), page(bars("A", {DAYS[1]: 1.0}), DAYS[1], DAYS[1]), "b", NOW)

    store.note(part("A", D1, DAYS[2]), D1, DAYS[2], state, "403 not in plan", NOW)

    assert states(store) == [state, STORED, state, NEVER]


def test_failure_does_not_hide_a_settled_absence(store: Store) -> None:
    store.commit(part("A", D1, D1), page(bars("A", {}), D1, D1), "b", NOW)
    store.note(part("A", D1, D4), D1, D4, SessionState.FAILED, "503", NOW + timedelta(minutes=1))

    found = store.statuses("massive", DAILY, "A", D1, D4, NOW)
    assert [one.state for one in found] == [NONE, *[SessionState.FAILED] * 3]
    assert [one.settled for one in found] == [True, False, False, False]


def test_failure_of_the_same_instant_takes_the_absence_back(store: Store) -> None:
    store.commit(part("A", D1, D1), page(bars("A", {}), D1, D1), "b", NOW)
    store.note(part("A", D1, D1), D1, D1, SessionState.FAILED, "its row could not be used", NOW)

    assert states(store, D1, D1) == [SessionState.FAILED]


def test_answer_replaces_notes(store: Store) -> None:
    store.note(part("A", D1, D4), D1, D4, SessionState.FAILED, "503", NOW)
    store.commit(part("A", D1, D4), page(bars("A", dict.fromkeys(DAYS, 1.0)), D1, D4), "b", NOW)

    assert states(store) == [STORED] * 4


@pytest.mark.parametrize("state", [SessionState.STORED, SessionState.NEVER_ASKED])
def test_rows_cannot_be_noted_into_being(store: Store, state: SessionState) -> None:
    with pytest.raises(ValueError, match=state.value):
        store.note(part("A", D1, D4), D1, D4, state, "", NOW)


def test_weekly_bar_stands_for_each_session_of_its_week(store: Store) -> None:
    sunday = date(2024, 5, 19)
    store.commit(part("A", sunday, D4, WEEK), page(bars("A", {sunday: 1.0}), sunday, D4), "b", NOW)

    found = store.statuses("massive", WEEK, "A", date(2024, 5, 20), D4, NOW)

    assert [one.state for one in found] == [STORED] * 5 + [NONE] * 4  # the week of May 26 has four sessions
    assert [one.settled for one in found] == [True] * 5 + [True] * 4


def test_week_that_is_not_over_is_not_settled(store: Store) -> None:
    monday = date(2024, 5, 20)
    asked_at = datetime(2024, 5, 23, 20, 0, tzinfo=UTC)  # Thursday
    store.commit(
        part("A", monday, monday, WEEK), page(bars("A", {date(2024, 5, 19): 1.0}), monday, monday), "b", asked_at
    )

    assert {one.settled for one in store.statuses("massive", WEEK, "A", monday, monday, NOW)} == {False}


def test_minute_sessions_count_their_rows(store: Store) -> None:
    store.commit(part("A", D1, D4, MINUTE), page(minutes("A", DAYS[:2], 7), D1, D4), "b", NOW)

    assert [one.rows for one in store.statuses("massive", MINUTE, "A", D1, D4, NOW)] == [7, 7, 0, 0]
    assert states(store) == [NEVER] * 4  # another series


def test_sessions_after_now_are_not_listed(store: Store) -> None:
    found = store.statuses("massive", DAILY, "A", D4, date(2024, 6, 28), NOW)

    assert [one.session for one in found] == [D4, date(2024, 6, 3)]


def test_spans_that_a_newer_answer_covers_are_forgotten(store: Store) -> None:
    for day in DAYS:
        store.commit(part("A", day, day), page(bars("A", {day: 1.0}), day, day), "b", NOW)
    store.commit(part("A", D1, D4), page(bars("A", dict.fromkeys(DAYS, 1.0)), D1, D4), "b", NOW)

    assert store._ledger._rows("SELECT COUNT(*) FROM asked") == [(1,)]
    assert states(store) == [STORED] * 4


def test_statuses_of_many_tickers_are_those_of_each_whatever_else_is_held(store: Store) -> None:
    market = tuple(f"T{n:03}" for n in range(450))  # more than are looked up in one go
    traded = [one for at, one in enumerate(market) if at % 3]
    for day in DAYS[:2]:
        rows = pa.concat_tables([bars(one, {day: 1.0}) for one in traded])
        store.commit_many([Delivery(part(WHOLE_MARKET, day, day), page(rows, day, day), "b", NOW, market)])

    some = [*market[::-2], "NEVER"]
    found = store.statuses_many("massive", DAILY, some, D1, D4, NOW)

    assert list(found) == some
    assert found == {one: store.statuses("massive", DAILY, one, D1, D4, NOW) for one in some}
