"""S7: every file and folder is private, whatever the umask and whoever writes it, also a library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from redline.market.request import Dataset
from redline.store import Store
from redline.testing import FakeClock
from tests.security.conftest import App
from tests.store.samples import CALENDAR, NOW, bars, page, part

FILES = {0o600, 0o440, 0o444, 0o400}


def open_to_others(*tops: Path) -> list[str]:
    """Return what below ``tops`` (they too) others may use, with its mode."""
    found = []
    for path in [one for top in tops for one in (top, *top.rglob("*"))]:
        mode = path.stat().st_mode & 0o777
        if mode not in ({0o700} if path.is_dir() else FILES):
            found.append(f"{mode:o} {path}")
    return found


@pytest.mark.parametrize("umask", [0o000, 0o077], ids=oct)
def test_all_that_the_app_writes_is_private(app: App, umask: int) -> None:
    app.umask = umask
    app.folder.mkdir()
    app.start()
    saved = {"source": "massive", "api_key": "aKeyThatIsNotReal123"}

    assert app.post("/download", {"ticker": "AAPL", "start_date": "2020-08-03"}).status_code == 200
    for fmt in ("csv", "xlsx", "duckdb"):
        assert app.get(f"/data/bars?ticker=AAPL&format={fmt}").status_code == 200
    assert app.post("/settings/tokens", {"name": "script"}).status_code == 201
    assert app.post("/settings/api-keys", saved).status_code == 201
    assert app.get("/no/such").status_code == 404
    running = open_to_others(*app.folder.iterdir())
    app.stop()

    assert not running
    assert not open_to_others(*app.folder.iterdir())
    assert len(list(app.folder.rglob("redline.log"))) == 1
    tables = {path.parent.relative_to(app.folder).as_posix() for path in app.folder.rglob("_delta_log")}
    assert {name for name in tables if "/demo/" in name}  # The demo's rows; the live store opens once a key is known.


@pytest.fixture(params=[0o000, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def test_what_the_delta_library_writes_is_private_in_a_notebook_too(tmp_path: Path, umask: None) -> None:
    home = tmp_path / "above" / "home"
    store = Store(home, FakeClock(), CALENDAR)
    day, table = CALENDAR.sessions(NOW.date() - timedelta(days=9), NOW.date())[0], store._tables[Dataset.BARS]
    for price in (7.0, 8.0):  # The second checkpoint replaces what the first one left.
        rows = bars("AAPL", {day: price})
        store.commit(part("AAPL", day, day), page(rows, day, day), f"b{price}", NOW + timedelta(hours=price))
        with table.lock.held():
            table.checkpoint()
    store.close()

    assert len(list(home.rglob("*.checkpoint.parquet"))) == 2
    assert not open_to_others(tmp_path / "above")
    again = Store(home, FakeClock(), CALENDAR)
    assert again.verify() == []
    again.close()


def test_a_home_that_others_could_read_is_closed(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home").chmod(0o755)
    Store(tmp_path / "home", FakeClock(), CALENDAR).close()

    assert not open_to_others(tmp_path / "home")
