"""The verbs as a script sees them: exit codes, one JSON document on stdout, no key on the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from redline.cli.output import Output, table
from redline.errors import BadField
from redline.testing import Emulator
from tests.cli.conftest import KEY

AUGUST = ("--start", "2020-08-03", "--end", "2020-08-31")


def test_a_complete_download_ends_with_0_and_one_json_document(shell: Any) -> None:
    code, out, _ = shell("download", "AAPL", *AUGUST, "--json")

    assert code == 0
    found = json.loads(out)
    assert (found["records"], found["complete"], found["requests"]) == (21, True, 2)


def test_a_range_that_the_plan_does_not_cover_ends_with_1(shell: Any, vendor: Emulator) -> None:
    vendor.plan("basic", calls=1000)

    code, out, _ = shell("download", "AAPL", "--start", "2015-04-01", "--end", "2015-06-28", "--json")

    assert code == 1
    assert json.loads(out)["code"] == "not_entitled"


def test_strict_wants_no_gap_at_all(shell: Any) -> None:
    whole = ("download", "AAPL", "--start", "2013-12-02", "--end", "2014-01-31", "--adjust", "none", "--json")

    assert shell(*whole)[0] == 0

    code, out, _ = shell(*whole, "--strict")

    assert code == (1 if json.loads(out)["gaps"] else 0)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("download", "NOSUCH", *AUGUST), "unknown_ticker"),
        (("download", "AAPL", "--timespan", "fortnight"), "bad_field"),
        (("download", "AAPL", "--adjust", "yes"), "bad_field"),
        (("download", "AAPL", *AUGUST, "--out", "rows.pdf"), "bad_field"),
        (("download", "A/B"), "bad_name"),
        (("keys", "delete", "massive"), "not_found"),
    ],
)
def test_wrong_use_ends_with_2_and_says_which_field(shell: Any, arguments: tuple[str, ...], code: str) -> None:
    ended, out, _ = shell(*arguments, "--json")

    assert ended == 2
    assert json.loads(out)["code"] == code

    ended, out, said = shell(*arguments)

    assert (ended, out) == (2, "")
    assert said.startswith("redline: ")


def test_without_a_key_it_says_what_to_do(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASSIVE_API_KEY")

    code, _, said = shell("download", "AAPL")

    assert code == 2
    assert "Massive.com API key required" in said


def test_a_key_goes_in_by_stdin_and_only_four_letters_come_out(
    shell: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MASSIVE_API_KEY")
    monkeypatch.setattr("sys.stdin", io.StringIO(KEY + "\n"))

    code, out, said = shell("keys", "add", "massive", "--limit", "60")
    assert code == 0
    listed = shell("keys", "list", "--json")
    tested = shell("keys", "test", "massive", "--json")

    assert json.loads(listed[1])[0]["last_four"] == KEY[-4:]
    assert json.loads(tested[1])["plan"] == "advanced"
    assert KEY not in out + said + listed[1] + tested[1]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert shell("keys", "delete", "massive")[0] == 0
    assert json.loads(shell("keys", "list", "--json")[1]) == []


def test_status_shows_what_is_held_and_the_budget(shell: Any) -> None:
    shell("download", "AAPL", *AUGUST)

    code, out, _ = shell("status", "--json")

    found = json.loads(out)
    assert code == 0
    assert [(one["ticker"], one["sessions"]) for one in found["held"] if one["dataset"] == "bars"] == [("AAPL", 21)]
    assert found["budget"][0]["today"] == 2
    assert "AAPL" in shell("status")[1]


def test_a_token_is_shown_once_and_opens_nothing_else(shell: Any) -> None:
    code, out, _ = shell("keys", "token", "notebook", "--json")

    assert code == 0
    assert json.loads(out)["name"] == "notebook"
    assert len(json.loads(out)["token"]) >= 32


@pytest.mark.parametrize("ending", ["csv", "parquet", "feather", "xlsx", "duckdb", "json"])
def test_out_writes_each_format(shell: Any, tmp_path: Path, ending: str) -> None:
    code, _, said = shell("download", "AAPL", *AUGUST, "--out", str(tmp_path / f"rows.{ending}"))

    assert code == 0
    assert "21 rows written" in said
    assert (tmp_path / f"rows.{ending}").stat().st_size > 0


def test_an_unwritable_destination_is_told_and_the_rows_are_kept(shell: Any, tmp_path: Path) -> None:
    code, _, said = shell("download", "AAPL", *AUGUST, "--out", str(tmp_path / "no" / "such" / "rows.csv"))

    assert code == 2
    assert "out was" in said
    assert json.loads(shell("download", "AAPL", *AUGUST, "--json")[1])["requests"] == 0


def test_a_table_puts_numbers_to_the_right() -> None:
    assert table(("a", "n"), [("x", 5), ("yy", 1234)]) == "a      n\nx      5\nyy  1234"


def test_an_error_in_json_is_the_one_shape(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True, quiet=False).error(BadField("ticker", 7, "it must be text"))

    assert set(json.loads(capsys.readouterr().out)) == {"error", "code", "hint", "field"}
