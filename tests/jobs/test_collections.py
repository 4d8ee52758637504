"""Collections: what is kept under a name, when its daily update is due, and that it is asked for once."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from redline.errors import BadField, MissingKey, NotFound
from redline.jobs.collections import Collection
from redline.jobs.daily import AGAIN_S, DailyUpdates
from redline.jobs.ledger import JobLedger
from redline.testing import FakeClock

NOW = datetime(2024, 6, 3, 15, 0, tzinfo=UTC)
BODY = {"tickers": ["AAPL", "MSFT"], "start_date": "2023-06-01", "end_date": "2024-06-03"}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[JobLedger]:
    made = JobLedger(tmp_path / "jobs.db", clock, random.Random(1))
    yield made
    made.close()


def test_a_collection_is_kept_without_its_end_and_replaced_under_the_same_name(ledger: JobLedger) -> None:
    ledger.collections.save("tech", BODY, "22:30")
    ledger.collections.ran("tech", "job1")
    ledger.collections.save("tech", {"universe": "held", "start_date": "2024-01-02"})

    (kept,) = ledger.collections.all()

    assert kept.request == {"universe": "held", "start_date": "2024-01-02"}
    assert (kept.update_at, kept.last_job, kept.created_at) == (None, "job1", NOW)
    assert "end_date" not in ledger.collections.save("other", BODY).request


def test_a_deleted_collection_is_gone(ledger: JobLedger) -> None:
    ledger.collections.save("tech", BODY)

    ledger.collections.delete("tech")

    assert ledger.collections.all() == []
    for call in (ledger.collections.get, ledger.collections.delete):
        with pytest.raises(NotFound):
            call("tech")


@pytest.mark.parametrize("name", ["", " ", "a/b", "x" * 65, "ä", "a\nb", None, 7])
def test_a_name_that_cannot_be_kept_is_refused_by_its_field(ledger: JobLedger, name: object) -> None:
    with pytest.raises(BadField, match="name"):
        ledger.collections.save(name, BODY)  # type: ignore[arg-type]


@pytest.mark.parametrize("at", ["24:00", "9:30", "09:60", "soon", 930])
def test_a_time_of_day_that_is_none_is_refused_by_its_field(ledger: JobLedger, at: object) -> None:
    with pytest.raises(BadField, match="update_at"):
        ledger.collections.save("tech", BODY, at)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("update_at", "last_day", "due"),
    [
        ("15:00", None, datetime(2024, 6, 3, 15, 0, tzinfo=UTC)),
        ("15:01", date(2024, 6, 2), datetime(2024, 6, 3, 15, 1, tzinfo=UTC)),
        ("14:00", date(2024, 6, 3), datetime(2024, 6, 4, 14, 0, tzinfo=UTC)),
        ("14:00", date(2024, 5, 20), datetime(2024, 6, 3, 14, 0, tzinfo=UTC)),  # days off are made up for once
        (None, None, None),
    ],
)
def test_an_update_is_due_once_a_day_at_its_time(
    update_at: str | None, last_day: date | None, due: datetime | None
) -> None:
    assert Collection("tech", BODY, update_at, NOW, None, last_day).due_at(NOW) == due


def test_a_due_update_is_submitted_once_and_again_the_next_day(ledger: JobLedger, clock: FakeClock) -> None:
    ledger.collections.save("late", BODY, "16:00")
    ledger.collections.save("early", BODY, "14:00")  # today's is over when it is saved
    ledger.collections.save("by hand", BODY)
    asked: list[str] = []

    def update(one: Collection, key: str) -> str:
        asked.append(key)
        return f"job{len(asked)}"

    updates = DailyUpdates(ledger.collections, update, clock)
    made = []
    for _ in range(26):
        made.append(updates.run() + updates.run())
        clock.advance(3600)

    assert asked == ["collection late 2024-06-03", "collection early 2024-06-04", "collection late 2024-06-04"]
    assert [at for at, jobs in enumerate(made) if jobs] == [1, 23, 25]
    assert ledger.collections.get("late").last_job == "job3"


def test_two_servers_find_the_same_update_due_under_one_key(ledger: JobLedger, clock: FakeClock) -> None:
    ledger.collections.save("tech", BODY, "15:30")
    clock.advance(1800)

    (first,) = ledger.collections.due(clock.now())
    clock.advance(60)
    (second,) = ledger.collections.due(clock.now())

    assert first.daily_key(clock.now()) == second.daily_key(clock.now()) == "collection tech 2024-06-03"


def test_an_update_that_cannot_be_submitted_is_tried_again_a_quarter_of_an_hour_later(
    ledger: JobLedger, clock: FakeClock
) -> None:
    ledger.collections.save("tech", BODY, "15:30")
    clock.advance(1800)
    tries: list[datetime] = []

    def update(one: Collection, key: str) -> str:
        tries.append(clock.now())
        if len(tries) == 1:
            raise MissingKey("massive", "Massive.com")
        return "job1"

    updates = DailyUpdates(ledger.collections, update, clock)
    made = []
    for _ in range(4):
        made += updates.run()
        clock.advance(AGAIN_S / 2)

    assert [(one - tries[0]).total_seconds() for one in tries] == [0, AGAIN_S]
    assert made == ["job1"]


def test_a_ledger_of_the_first_schema_opens_with_its_jobs(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "jobs.db"
    with sqlite3.connect(path) as link:
        link.executescript((Path(__file__).parent / "schema_1.sql").read_text())
    link.close()

    ledger = JobLedger(path, clock, random.Random(1))
    (job,) = ledger.views()
    ledger.collections.save("tech", BODY)
    ledger.close()
    again = JobLedger(path, clock, random.Random(1))

    assert (job.job_id, job.records, job.request.tickers) == ("01kqexyzabcd", 21, ("ACME",))
    assert [(one.ticker, one.records, one.complete) for one in job.tickers] == [("ACME", 21, True)]
    assert [one.name for one in again.collections.all()] == ["tech"]
    again.close()
