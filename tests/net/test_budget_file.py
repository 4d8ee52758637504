"""The file under the budget: private, and safe when it is damaged, deleted, unwritable or from another boot."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from redline.clock import Watch
from redline.errors import StoreError
from redline.net.budget import Budgets
from redline.net.owners import is_alive, this_process
from redline.testing import FakeClock


@contextmanager
def umask(mask: int) -> Iterator[None]:
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_folder_and_files_are_private_whatever_the_umask(tmp_path: Path, clock: FakeClock, mask: int) -> None:
    with umask(mask):
        budgets = Budgets(tmp_path / "state" / "budgets.db", clock)
        with budgets.key("massive", "o", "key").slot(Watch()):
            pass

    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()}
    assert set(files.values()) == {0o600}
    assert "budgets.db-wal" in files
    budgets.close()


@pytest.mark.parametrize(
    "damage",
    [b"", b"not a database at all" * 400, b"SQLite format 3\x00" + b"\xff" * 8_000],
    ids=["emptied", "text", "header only"],
)
def test_a_damaged_file_is_set_aside_and_the_new_one_waits_for_a_window(
    tmp_path: Path, clock: FakeClock, damage: bytes
) -> None:
    path = tmp_path / "budgets.db"
    budgets = Budgets(path, clock)
    with budgets.key("massive", "o", "key", 3).slot(Watch()):
        pass
    budgets.close()
    path.write_bytes(damage)

    again = Budgets(path, clock)
    with again.key("massive", "o", "key", 3).slot(Watch()):
        pass

    assert sum(clock.slept) == pytest.approx(60, abs=0.1)
    again.close()


@pytest.mark.parametrize("at", [100, 1_024, 4_096, 9_000, 20_000])
def test_damage_while_the_file_is_in_use_is_no_crash_and_no_free_slots(
    tmp_path: Path, clock: FakeClock, at: int
) -> None:
    path = tmp_path / "budgets.db"
    budgets = Budgets(path, clock)
    budget = budgets.key("massive", "o", "key", 3)
    for _ in range(3):
        with budget.slot(Watch()):
            budget.count("v2/aggs")
    budgets.close()
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xaa" * 3_000)

    for _ in range(3):
        with budget.slot(Watch()):
            budget.count("v2/aggs")

    assert sum(clock.slept) >= 60
    budgets.close()


def test_a_file_deleted_in_use_waits_for_a_window(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "budgets.db"
    budgets = Budgets(path, clock)
    budget = budgets.key("massive", "o", "key", 4)
    with budget.slot(Watch()):
        path.unlink()

    with budget.slot(Watch()):
        pass

    assert sum(clock.slept) == pytest.approx(60, abs=0.1)
    assert budget.limit_per_minute == 4
    budgets.close()


def test_two_processes_that_meet_the_damage_agree_on_one_new_file(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "budgets.db"
    one, two = (Budgets(path, clock) for _ in range(2))
    ours, theirs = one.key("massive", "o", "key", 1), two.key("massive", "o", "key")
    one.close()
    two.close()
    path.write_bytes(b"rubbish" * 1_000)

    with ours.slot(Watch()):
        pass
    with theirs.slot(Watch()):
        pass

    assert sum(clock.slept) == pytest.approx(120, abs=0.3)  # the window after the damage, then the one slot of the key
    one.close()
    two.close()


def test_a_new_boot_begins_with_one_window_of_waiting(tmp_path: Path) -> None:
    before = FakeClock()
    budgets = Budgets(tmp_path / "budgets.db", before)
    budgets.key("massive", "o", "key", 1).pause(500, "the vendor asked to wait")
    budgets.close()

    after = FakeClock(boot_id="another boot")
    budgets = Budgets(tmp_path / "budgets.db", after)
    with budgets.key("massive", "o", "key").slot(Watch()):
        pass

    assert sum(after.slept) == pytest.approx(60, abs=0.1)
    budgets.close()


def test_times_of_the_future_in_the_file_do_not_stop_a_key(tmp_path: Path) -> None:
    late = FakeClock()
    late.advance(1e7)
    budgets = Budgets(tmp_path / "budgets.db", late)
    with budgets.key("massive", "o", "key", 1).slot(Watch()):
        pass
    budgets.close()

    clock = FakeClock()
    budgets = Budgets(tmp_path / "budgets.db", clock)
    with budgets.key("massive", "o", "key").slot(Watch()):
        pass

    assert sum(clock.slept) < 70
    budgets.close()


def test_a_folder_that_cannot_be_made_is_a_typed_error(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")

    with pytest.raises(StoreError):
        Budgets(tmp_path / "state" / "budgets.db", clock).key("massive", "o", "key")


def test_a_slot_whose_return_failed_is_returned_later(tmp_path: Path, clock: FakeClock) -> None:
    folder = tmp_path / "state"
    budgets = Budgets(folder / "budgets.db", clock)
    budget = budgets.key("massive", "o", "key", 1)
    with budget.slot(Watch()):
        budgets.close()
        folder.rename(tmp_path / "elsewhere")
        folder.write_text("in the way")
    with pytest.raises(StoreError), budget.slot(Watch()):
        pytest.fail("nothing may be sent while the budget cannot be written")

    folder.unlink()
    (tmp_path / "elsewhere").rename(folder)
    with budget.slot(Watch()):
        pass

    assert sum(clock.slept) == pytest.approx(60, abs=0.1)
    budgets.close()


def test_a_forked_child_uses_a_connection_of_its_own(tmp_path: Path, clock: FakeClock) -> None:
    budgets = Budgets(tmp_path / "budgets.db", clock)
    budget = budgets.key("massive", "o", "key", 10)
    budget.count("parent")

    child = os.fork()
    if child == 0:
        with budget.slot(Watch()):
            budget.count("child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

    assert budget.snapshot().endpoints == {"parent": 1, "child": 1}
    budgets.close()


def test_a_process_is_known_by_its_start_too() -> None:
    assert is_alive(this_process())
    assert not is_alive(f"{os.getpid()}:1")
    assert is_alive(f"1:{Path('/proc/1/stat').read_text().rpartition(')')[2].split()[19]}")
    assert not is_alive("1:77")
    assert not is_alive("4194999:1")
