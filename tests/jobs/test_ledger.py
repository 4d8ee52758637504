"""The ledger: who gets a part, who may close it, what outlives a process, and what must not."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from redline.errors import ConfigError, Conflict, DiskFull, LeaseLost, NotFound, StoreBusy, StoreError, StoreUnwritable
from redline.jobs import codec
from redline.jobs.database import translated
from redline.jobs.job import JobError, JobState
from redline.jobs.ledger import JobLedger
from redline.jobs.marks import Closing
from redline.jobs.owner import Owner, start_time
from redline.jobs.results import TickerResult
from redline.jobs.stage import Stage
from redline.market.part import Part, Plan, Route
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import Gap, SessionState
from redline.testing import FakeClock
from tests.jobs.conftest import NOW, wanted

HERE = "here"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[JobLedger]:
    made = JobLedger(tmp_path / "jobs.db", clock, random.Random(1))
    yield made
    made.close()


def bill(request: DownloadRequest, parts: int = 2, calls: int = 2) -> Plan:
    made = [
        Part("massive", Dataset.BARS if n == 0 else Dataset.SPLITS, request.tickers[0], request.start, request.end)
        for n in range(parts)
    ]
    return Plan(Route.PAGES, calls, 100, 0.1, tuple(made), sessions=21, held=0)


def submit(ledger: JobLedger, ticker: str = "ACME", calls: int = 2, sealed: str | None = None) -> str:
    request = wanted(ticker=ticker)
    return ledger.submit(request, bill(request, calls=calls), sealed)[0]


def owner(clock: FakeClock, name: str = HERE) -> Owner:
    return Owner.here(clock, name)


def test_ids_are_short_and_sort_as_jobs_were_made(ledger: JobLedger, clock: FakeClock) -> None:
    ids = []
    for n in range(50):
        ids.append(submit(ledger, f"T{n}"))
        clock.advance(0.001)

    assert ids == sorted(ids)
    assert {len(one) for one in ids} == {12}
    assert [one.job_id for one in ledger.views(50)] == ids[::-1]


def test_the_same_request_is_one_job_until_it_ends(ledger: JobLedger, clock: FakeClock) -> None:
    request = wanted()
    first, new = ledger.submit(request, bill(request))
    again, new_again = ledger.submit(request, bill(request))
    other, _ = ledger.submit(wanted("2024-01-03"), bill(request))
    ledger.cancel(first)
    later, new_later = ledger.submit(request, bill(request))

    assert (new, new_again, new_later) == (True, False, True)
    assert first == again
    assert len({first, other, later}) == 3


def test_a_repeated_idempotency_key_is_its_job_for_a_day_and_of_one_request_only(
    ledger: JobLedger, clock: FakeClock
) -> None:
    request = wanted()
    first, _ = ledger.submit(request, bill(request), idempotency_key="k1")
    ledger.cancel(first)

    assert ledger.submit(request, bill(request), idempotency_key="k1") == (first, False)
    with pytest.raises(Conflict, match="another request"):
        ledger.submit(wanted("2024-01-03"), bill(request), idempotency_key="k1")
    clock.advance(25 * 3600)
    assert ledger.submit(request, bill(request), idempotency_key="k1")[1]


def test_two_processes_that_submit_the_same_request_make_one_job(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from redline.clock import SystemClock;"
        "from redline.jobs.ledger import JobLedger; from tests.jobs.test_ledger import bill, wanted;"
        "ledger = JobLedger(Path(sys.argv[1]), SystemClock()); sys.stdin.read();"
        "print([ledger.submit(wanted(ticker=f'T{n}'), bill(wanted()))[0] for n in range(20)])"
    )
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "jobs.db")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )
        for _ in range(2)
    ]  # fmt: skip

    said = [one.communicate("", timeout=60)[0] for one in racers]

    assert said[0].startswith("['")
    assert len(set(said)) == 1


def test_a_part_is_handed_out_once(ledger: JobLedger, clock: FakeClock) -> None:
    submit(ledger)

    leases = [ledger.parts.claim(owner(clock)) for _ in range(3)]

    assert [one and one[1].n for one in leases] == [0, 1, None]


def test_small_jobs_go_first_then_the_oldest(ledger: JobLedger, clock: FakeClock) -> None:
    big = submit(ledger, "BIG", calls=400)
    clock.advance(1)
    small = submit(ledger, "SMALL")
    clock.advance(1)
    later = submit(ledger, "LATER")

    order = []
    while (claimed := ledger.parts.claim(owner(clock))) is not None:
        order.append(claimed[1].job_id)

    assert order == [small, small, later, later, big, big]


def test_a_worker_for_small_jobs_leaves_the_others_alone(ledger: JobLedger, clock: FakeClock) -> None:
    submit(ledger, "BIG", calls=400)

    assert ledger.parts.claim(owner(clock), small_only=True) is None
    assert ledger.parts.claim(owner(clock)) is not None


def test_a_lease_that_was_taken_over_closes_nothing(ledger: JobLedger, clock: FakeClock) -> None:
    job_id = submit(ledger)
    claimed = ledger.parts.claim(owner(clock))
    assert claimed is not None
    old = claimed[1]
    ledger.parts.free_owned(owner(clock))
    again = ledger.parts.claim(owner(clock, "another"))
    assert again is not None
    new = again[1]

    assert (new.n, new.token) == (old.n, old.token + 1)
    late: tuple[Callable[[], object], ...] = (
        lambda: ledger.parts.close(old, Closing("")),
        lambda: ledger.parts.fail(old, JobError("x", "y")),
        lambda: ledger.parts.check(old),
        lambda: ledger.parts.delay(old, 1.0, "x", JobError("x", "x"), counts=True),
    )
    for write in late:
        with pytest.raises(LeaseLost):
            write()
    ledger.parts.close(new, Closing("done", sessions=21))
    assert ledger.view(job_id).parts.done == 1


def test_parts_of_a_dead_process_are_free_at_once(ledger: JobLedger, clock: FakeClock) -> None:
    job_id = submit(ledger)
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    its_start = start_time(dead.pid) or "0"
    dead.wait()
    ledger.parts.claim(Owner(dead.pid, its_start, clock.boot_id(), "worker"))

    assert ledger.view(job_id).state is JobState.QUEUED
    claimed = ledger.parts.claim(owner(clock))
    assert claimed is not None
    assert (claimed[1].n, claimed[1].token) == (0, 2)


def test_a_process_id_that_was_used_again_or_is_of_another_boot_is_no_owner(clock: FakeClock) -> None:
    me = owner(clock)

    assert me.alive(clock.boot_id())
    assert Owner.parse(str(me)) == me
    assert not Owner(me.pid, "1", me.boot, me.name).alive(clock.boot_id())
    assert not me.alive("another-boot")


def test_a_delayed_part_rests_until_it_is_due_and_a_new_boot_does_not_wait_for_the_old_one(
    tmp_path: Path, ledger: JobLedger, clock: FakeClock
) -> None:
    request = wanted()
    job_id, _ = ledger.submit(request, bill(request, parts=1))
    claimed = ledger.parts.claim(owner(clock))
    assert claimed is not None
    ledger.parts.delay(claimed[1], 600, "rate_limited", JobError("rate_limited", "429."), counts=False)

    resting = ledger.view(job_id)
    assert ledger.parts.claim(owner(clock)) is None
    rebooted = JobLedger(tmp_path / "jobs.db", FakeClock(NOW, boot_id="after"))
    assert rebooted.parts.claim(Owner.here(FakeClock(boot_id="after"), "x")) is not None
    rebooted.close()

    assert resting.state is JobState.WAITING
    assert resting.waiting is not None
    assert (resting.waiting.reason, resting.waiting.seconds) == ("rate_limited", 600)


def test_a_jump_of_the_wall_clock_moves_no_delayed_part(ledger: JobLedger, clock: FakeClock) -> None:
    request = wanted()
    ledger.submit(request, bill(request, parts=1))
    claimed = ledger.parts.claim(owner(clock))
    assert claimed is not None
    ledger.parts.delay(claimed[1], 30, "provider_unavailable", JobError("x", "Down."), counts=True)

    clock.jump_wall(-3_600)
    clock.advance(31)

    again = ledger.parts.claim(owner(clock))
    assert again is not None
    assert again[1].attempts == 1


def test_a_paused_job_hands_out_nothing(ledger: JobLedger, clock: FakeClock) -> None:
    job_id = submit(ledger)
    ledger.pause(job_id)

    assert ledger.parts.claim(owner(clock)) is None
    ledger.resume(job_id)
    assert ledger.parts.claim(owner(clock)) is not None


def test_the_sealed_key_is_in_no_file_once_the_job_has_ended(tmp_path: Path, clock: FakeClock) -> None:
    ledger = JobLedger(tmp_path / "jobs.db", clock)
    sealed = "sealed-0123456789abcdef-canary"
    job_id = submit(ledger, sealed=sealed)
    while (claimed := ledger.parts.claim(owner(clock))) is not None:
        assert claimed[0].sealed_key == sealed
        ledger.parts.close(claimed[1], Closing(""))
    assert _finish(ledger, job_id)
    ledger.close()

    assert [one.name for one in tmp_path.iterdir() if sealed.encode() in one.read_bytes()] == []


def _finish(ledger: JobLedger, job_id: str) -> bool:
    return ledger.finish(
        job_id, Stage.COMPLETE, records=21, gaps=(), tickers=(TickerResult("ACME", 21, True),), error=None, text="Done."
    )


def test_a_job_is_finished_once_and_only_at_rest(ledger: JobLedger, clock: FakeClock) -> None:
    job_id = submit(ledger)
    first = ledger.parts.claim(owner(clock))
    second = ledger.parts.claim(owner(clock))
    assert first is not None
    assert second is not None
    ledger.parts.close(first[1], Closing("", sessions=21))

    assert not _finish(ledger, job_id)
    assert ledger.finishable() == []
    ledger.parts.close(second[1], Closing(""))
    assert ledger.finishable() == [job_id]
    assert [_finish(ledger, job_id), _finish(ledger, job_id)] == [True, False]
    assert ledger.view(job_id).ended


def test_a_job_comes_back_from_the_file_as_it_was(tmp_path: Path, ledger: JobLedger, clock: FakeClock) -> None:
    job_id = submit(ledger)
    gap = Gap("ACME", date(2024, 1, 2), date(2024, 1, 5), SessionState.NOT_ENTITLED, NOW, "403")
    ledger.give_up(job_id, JobError("invalid_api_key", "Invalid Massive.com API key", "Save it.", 401, {"n": 1}))
    ledger.finish(
        job_id,
        Stage.FAILED,
        records=0,
        gaps=(gap,),
        tickers=(TickerResult("ACME", 0, False),),
        error=ledger.view(job_id).error,
        text="Failed.",
    )

    again = JobLedger(tmp_path / "jobs.db", clock)
    view = again.view(job_id)
    again.close()

    assert view == ledger.view(job_id)
    assert (view.request, view.gaps, view.state) == (wanted(), (gap,), JobState.FAILED)
    assert view.error is not None
    assert view.error.as_json() == {
        "error": "Invalid Massive.com API key", "code": "invalid_api_key", "hint": "Save it.", "n": 1,
    }  # fmt: skip


def test_the_newest_thousand_events_are_kept(ledger: JobLedger) -> None:
    job_id = submit(ledger)
    for n in range(1_050):
        ledger.say(job_id, "page", f"page {n}")

    kept = ledger.events(job_id)

    assert len(kept) == 1_000
    assert (kept[0].seq, kept[-1].seq, kept[-1].text) == (52, 1_051, "page 1049")


def test_the_file_and_its_side_files_are_private_whatever_the_umask(tmp_path: Path, clock: FakeClock) -> None:
    old = os.umask(0)
    try:
        ledger = JobLedger(tmp_path / "home" / "jobs.db", clock)
        submit(ledger)
        modes = {one.name: stat.S_IMODE(one.stat().st_mode) for one in (tmp_path / "home").iterdir()}
        ledger.close()
    finally:
        os.umask(old)

    assert modes == {"jobs.db": 0o600, "jobs.db-wal": 0o600, "jobs.db-shm": 0o600}
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "jobs.db"
    with sqlite3.connect(path) as link:
        link.execute("PRAGMA user_version = 99")
        link.execute("CREATE TABLE of_the_future (x)")
    link.close()
    before = path.read_bytes()

    with pytest.raises(ConfigError, match="schema 99"):
        JobLedger(path, clock)

    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["jobs.db"]


def test_a_start_on_a_known_database_writes_nothing_so_that_it_works_on_a_full_disk(
    tmp_path: Path, clock: FakeClock
) -> None:
    JobLedger(tmp_path / "jobs.db", clock).close()
    with closing(sqlite3.connect(tmp_path / "jobs.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # While this lasts every write of anybody else fails.
        ledger = JobLedger(tmp_path / "jobs.db", clock)
        ledger.parts.free_owned(owner(clock))

    ledger.close()


def test_a_damaged_database_is_a_clear_error(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "jobs.db").write_bytes(b"this is no database, whatever its name says" * 100)

    with pytest.raises(StoreError, match="damaged"):
        JobLedger(tmp_path / "jobs.db", clock)


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "home").write_text("a file in the place of the folder")

    with pytest.raises(StoreUnwritable):
        JobLedger(tmp_path / "home" / "jobs.db", clock)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_BUSY, StoreBusy),
        (sqlite3.SQLITE_READONLY, StoreUnwritable),
        (sqlite3.SQLITE_IOERR, StoreError),
    ],
)
def test_errors_of_the_file_are_ours(code: int, meaning: type[Exception]) -> None:
    raised = sqlite3.OperationalError("words that nobody parses")
    raised.sqlite_errorcode = code

    with pytest.raises(meaning), translated():
        raise raised


def test_what_is_written_down_is_read_back_equal() -> None:
    request = wanted("2020-01-02", "2024-05-31", ticker="BRK.B")
    part = Part("massive", Dataset.DIVIDENDS, "NA", date(2024, 1, 2), date(2024, 1, 3))
    error = JobError("rate_limited", "429.", "Wait.", 429, {"retry_after_s": 3.5})

    assert codec.request_of(codec.request_text(request)) == request
    assert codec.part_of(codec.part_text(part)) == part
    assert codec.error_of(codec.error_text(error)) == error
    assert codec.natural_key(request) != codec.natural_key(wanted("2020-01-02", "2024-05-31", ticker="brk.b"))


def test_an_unknown_job_is_not_found(ledger: JobLedger) -> None:
    assert not ledger.knows("nope")
    with pytest.raises(NotFound, match="nope"):
        ledger.view("nope")
