"""The verbs as a script runs them, against an emulator of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from redline.cli import main
from redline.testing import Emulator

KEY = "cliCanaryKey0123456789"


@pytest.fixture(scope="module")
def vendor() -> Iterator[Emulator]:
    with Emulator(key=KEY, now="2021-04-22T15:30:00Z") as emulator:
        yield emulator


@pytest.fixture
def shell(tmp_path: Path, vendor: Emulator, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a verb; return exit code, stdout and stderr."""
    vendor.reset()
    for name, folder in (("REDLINE_HOME", "data"), ("REDLINE_STATE_DIR", "state"), ("REDLINE_CONFIG_DIR", "config")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("MASSIVE_API_BASE_URL", vendor.rest)
    monkeypatch.setenv("MASSIVE_API_KEY", KEY)
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(list(arguments))
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def fast(tmp_path: Path, shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A saved key whose limit is far away: what a limit does has tests of its own."""
    monkeypatch.delenv("MASSIVE_API_KEY")
    folder = tmp_path / "config"
    folder.mkdir()
    saved = {"massive": {"api_key": KEY, "rate_limit_per_minute": 60_000}}
    (folder / "api_keys.json").write_text(json.dumps(saved))
