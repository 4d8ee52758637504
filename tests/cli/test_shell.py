"""The verbs as processes of a person without a key: the demo market, and pipes whose reader leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.conftest import ROOT, Home, make_home

AUGUST = ("download", "AAPL", "--start", "2020-08-03", "--end", "2020-08-31")


@pytest.fixture
def newcomer(tmp_path: Path) -> Home:
    """An installation without a key."""
    return make_home(tmp_path)


def test_status_shows_the_demo_rows_to_whom_has_no_key(newcomer: Home) -> None:
    newcomer.run(*AUGUST, "--quiet")

    shown = newcomer.run("status")

    assert shown.returncode == 0
    assert "Demo data, no key." in shown.stderr
    assert "2020-08-03  2020-08-31        21    21  massive" in shown.stdout


def test_rows_adjusted_for_dividends_are_not_called_split_adjusted(newcomer: Home) -> None:
    done = newcomer.run(*AUGUST, "--adjust", "all")

    assert done.stdout.startswith("AAPL day bars 2020-08-03 to 2020-08-31, adjusted for splits and dividends: 21 rows")
    assert "adjust=all" in json.loads(newcomer.run(*AUGUST, "--adjust", "all", "--json").stdout)["links"]["bars"]


def test_a_reader_that_leaves_makes_no_stack(newcomer: Home) -> None:
    verb = subprocess.Popen(
        [sys.executable, "-m", "redline", "status", "--json"],
        cwd=ROOT,
        env=newcomer.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert verb.stdout is not None
    assert verb.stderr is not None
    verb.stdout.close()  # It is gone before anything is printed.

    said = verb.stderr.read()
    verb.stderr.close()

    assert verb.wait(timeout=60) == 1
    assert "Traceback" not in said
    assert "Exception" not in said
