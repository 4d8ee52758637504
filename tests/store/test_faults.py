"""Each call to the operating system may fail, once or for good: the store is as before or as after, never between."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from redline.errors import DiskFull, StoreError, StoreUnwritable
from redline.store import Store
from redline.store.files import Files
from redline.testing import FakeClock
from tests.store.samples import CALENDAR, NOW, bars, page, part

D1, D2, D3 = date(2024, 1, 2), date(2024, 1, 3), date(2024, 1, 4)
BEFORE = {D1: 1.0, D2: 2.0, D3: 3.0}
AFTER = {D1: 1.0, D2: 2.5, D3: 3.5}
CALLS = ("write", "fsync", "rename", "link", "chmod", "mkdir", "unlink")


class FailingFiles(Files):
    """Fails the ``nth`` call that matters (1 = the first) with ``number``; ``lasting``: and each one after it."""

    def __init__(self, number: int, *, lasting: bool) -> None:
        self.number, self.lasting = number, lasting
        self.nth = 0
        self.calls = 0
        self.failed: list[str] = []

    def __getattribute__(self, name: str) -> object:
        found = object.__getattribute__(self, name)
        if name not in CALLS:
            return found
        assert callable(found)
        return lambda *args: self._tried(name, found, *args)

    def _tried(self, name: str, call: Callable[..., None], *args: object) -> None:
        self.calls += 1
        if self.nth and (self.calls == self.nth or (self.lasting and self.calls > self.nth)):
            self.failed.append(name)
            if name == "write":  # A disk that fills up in the middle takes a part of the bytes.
                path, data = args
                Files().write(path, data[: len(data) // 2])  # type: ignore[arg-type, index]
            raise OSError(self.number, os.strerror(self.number))
        call(*args)


def closes(store: Store) -> dict[date, float]:
    rows = store.bars_table(("A",))
    return dict(zip(rows["date"].to_pylist(), rows["close"].to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("number", "error", "lasting"),
    [(errno.ENOSPC, DiskFull, True), (errno.EIO, StoreError, False), (errno.EACCES, StoreUnwritable, True)],
    ids=["full", "broken once", "refused"],
)
def test_failing_call_leaves_the_store_as_before_or_as_after(
    tmp_path: Path, number: int, error: type[StoreError], lasting: bool
) -> None:
    made = Store(tmp_path / "made", FakeClock(), CALENDAR)
    made.commit(part("A", D1, D3), page(bars("A", BEFORE), D1, D3), "b1", NOW)
    made.close()
    nth, seen = 1, set()
    while True:
        home = tmp_path / str(nth)
        shutil.copytree(tmp_path / "made", home)
        files = FailingFiles(number, lasting=lasting)
        store = Store(home, FakeClock(), CALENDAR, files)
        files.calls, files.nth = 0, nth
        failed = None
        try:
            store.commit(part("A", D1, D3), page(bars("A", AFTER), D1, D3), "b2", NOW + timedelta(hours=1))
        except StoreError as raised:
            failed = raised
        if not files.failed:
            break
        seen.update(files.failed[:1])

        if failed is None:
            assert files.failed[0] == "unlink"  # leaving a temporary file behind costs nothing but space
        else:
            assert isinstance(failed, error)
        assert closes(store) in (BEFORE, AFTER)
        assert (closes(store) == AFTER) or failed is not None
        store.close()

        again = Store(home, FakeClock(), CALENDAR)
        assert not list(home.rglob(".*.tmp"))
        again.commit(part("A", D1, D3), page(bars("A", AFTER), D1, D3), "b2", NOW + timedelta(hours=1))
        assert closes(again) == AFTER
        assert again.verify() == []
        assert {one.rows for one in again.held()} == {3}
        again.close()
        nth += 1
    assert seen >= {"write", "fsync", "rename", "link", "chmod"}
    store.close()


def test_failing_call_while_the_store_is_made_is_mended_by_the_next_start(tmp_path: Path) -> None:
    nth = 1
    while True:
        home = tmp_path / str(nth)
        files = FailingFiles(errno.ENOSPC, lasting=True)
        files.nth = nth
        with contextlib.suppress(DiskFull):
            Store(home, FakeClock(), CALENDAR, files).close()
        if not files.failed:
            break
        again = Store(home, FakeClock(), CALENDAR)
        again.commit(part("A", D1, D3), page(bars("A", AFTER), D1, D3), "b", NOW)
        assert closes(again) == AFTER
        again.close()
        nth += 1
    assert nth > 5


def test_full_disk_says_how_much_is_lacking(tmp_path: Path) -> None:
    files = FailingFiles(errno.ENOSPC, lasting=False)
    store = Store(tmp_path, FakeClock(), CALENDAR, files)
    files.calls, files.nth = 0, 1
    while True:
        try:
            store.commit(part("A", D1, D3), page(bars("A", AFTER), D1, D3), "b", NOW)
        except DiskFull as error:
            if files.failed[-1] == "write":
                assert error.fields["needed_bytes"] > 1_000  # type: ignore[operator]
                assert error.fields["free_bytes"] > 0  # type: ignore[operator]
                break
        files.calls, files.nth = 0, files.nth + 1
    store.close()


def test_folder_that_cannot_be_written_is_said_without_its_path(tmp_path: Path) -> None:
    blocked = tmp_path / "home"
    blocked.write_text("a file where the folder should be")

    with pytest.raises(StoreError) as raised:
        Store(blocked, FakeClock(), CALENDAR)

    assert str(tmp_path) not in f"{raised.value.sentence} {raised.value.hint}"
