"""``download`` and ``plan`` of many tickers: lists, files, stdin, universes, collections, and what is wrong in them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from redline.testing import Emulator

pytestmark = pytest.mark.usefixtures("fast")

AUGUST = ("--start", "2020-08-03", "--end", "2020-08-31")
TWELVE = "AAPL AMZN DIS IBM INTC JNJ JPM KO MSFT PG WMT XOM"


def _pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize("how", ["words", "commas", "text", "file", "stdin", "mixed"])
def test_tickers_come_as_words_commas_files_or_stdin(
    shell: Any, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text("name,symbol\nApple,AAPL\nIBM,IBM\nApple again,AAPL\n")
    _pipe(monkeypatch, b"AAPL\nIBM\n")
    words = {
        "words": ("AAPL", "IBM"),
        "commas": ("AAPL,IBM",),
        "text": ("AAPL IBM",),
        "file": (f"@{listed}",),
        "stdin": ("-",),
        "mixed": ("AAPL,", "-", f"@{listed}"),
    }[how]

    code, out, _ = shell("download", *words, *AUGUST, "--json")

    job = json.loads(out)
    assert code == 0
    assert (job["state"], list(job["tickers"]), job["records"]) == ("complete", ["AAPL", "IBM"], 42)


def test_one_plain_ticker_prints_its_rows_and_two_print_a_summary(shell: Any) -> None:
    assert shell("download", "AAPL", *AUGUST)[1].startswith("AAPL day bars 2020-08-03 to 2020-08-31")

    code, out, said = shell("download", "AAPL", "IBM", *AUGUST)

    assert code == 0
    assert "day bars 2020-08-03 to 2020-08-31, 42 rows" in out
    assert "2 tickers: 2 complete, 0 incomplete, 0 failed." in out
    assert "calls by pages" in said


def test_one_bad_ticker_spoils_nothing_and_is_told(shell: Any) -> None:
    code, out, _ = shell("download", "AAPL", "NOSUCH", "A/B", "IBM", *AUGUST)

    assert code == 1
    assert "4 tickers: 2 complete, 0 incomplete, 2 failed." in out
    assert [line.split()[:3] for line in out.splitlines() if line.startswith(("NOSUCH", "A/B"))] == [
        ["NOSUCH", "failed", "0"],
        ["A/B", "failed", "0"],
    ]
    again = json.loads(shell("download", "AAPL", "NOSUCH", "A/B", "IBM", *AUGUST, "--json")[1])
    assert {one: it["state"] for one, it in again["tickers"].items()} == {
        "AAPL": "complete",
        "NOSUCH": "failed",
        "IBM": "complete",
        "A/B": "failed",
    }
    assert all(again["tickers"][one]["reason"] for one in ("NOSUCH", "A/B"))


def test_of_many_bad_tickers_20_are_named_and_the_rest_is_counted(shell: Any) -> None:
    code, out, _ = shell("download", "AAPL", *(f"BAD/{n}" for n in range(33)), *AUGUST)

    assert code == 1
    assert len([line for line in out.splitlines() if line.startswith("BAD/")]) == 20
    assert "and 13 more; --json names them all" in out


def test_what_no_ticker_has_ends_with_2_like_one_unknown_ticker(shell: Any) -> None:
    code, out, _ = shell("download", "NOSUCH", "NONE", *AUGUST)

    assert code == 2
    assert "2 tickers: 0 complete, 0 incomplete, 2 failed." in out


def test_a_plan_that_covers_too_little_is_incomplete_and_says_what_is_missing(shell: Any, vendor: Emulator) -> None:
    vendor.plan("basic", calls=1000)
    shell("download", "AAPL", "IBM", "--start", "2019-05-01", "--end", "2019-05-31", "--quiet")

    code, out, _ = shell("download", "AAPL", "IBM", "--start", "2019-04-01", "--end", "2019-05-31")

    assert code == 1
    assert "2 incomplete" in out
    assert "2019-04-01 to 2019-04" in out
    assert "not entitled" in out


def test_rows_of_many_go_into_one_file(shell: Any, tmp_path: Path) -> None:
    code, _, said = shell("download", "AAPL,IBM", *AUGUST, "--out", str(tmp_path / "rows.csv"))

    assert code == 0
    assert "42 rows written" in said
    rows = (tmp_path / "rows.csv").read_text().splitlines()
    assert [len(rows), rows[1][:6], rows[-1][:5]] == [43, '"AAPL"', '"IBM"']


def test_a_universe_is_its_tickers(shell: Any) -> None:
    code, out, _ = shell("download", "--universe", "us_stocks", "--as-of", "2021-04-21", *AUGUST, "--json")

    job = json.loads(out)
    assert code == 0
    assert set(TWELVE.split()) <= set(job["tickers"])
    held = json.loads(shell("download", "--universe", "held", *AUGUST, "--json")[1])
    assert (held["requests"], held["records"]) == (0, job["records"])
    assert "nothing is asked for" in shell("download", "--universe", "held", *AUGUST)[2]


def test_a_saved_list_is_a_universe_too(shell: Any) -> None:
    code, _, said = shell("download", "AAPL", *AUGUST, "--save-as", "mine", "--update-at", "22:30")
    assert code == 0
    assert 'redline update "mine"' in said

    code, out, _ = shell("download", "--universe", "collection:mine", *AUGUST, "--json")

    assert code == 0
    assert list(json.loads(out)["tickers"]) == ["AAPL"]


@pytest.mark.parametrize(
    ("arguments", "data", "words"),
    [
        ((), b"", "at least one ticker"),
        (("",), b"", "ticker"),
        ((" , ",), b"", "at least one ticker"),
        (("-",), b"", "a ticker a line"),
        (("-",), b"\x89PNG\r\n\x1a\n\x00\x00\xff", "text in UTF-8"),
        (("@{file}",), b"\x00\x01\x02\xff" * 99, "text in UTF-8"),
        (("@{file}",), b"\n\n", "a ticker a line"),
        (("@{folder}",), b"", "cannot be read"),
        (("@{folder}/nothing.csv",), b"", "cannot be read"),
        (("@no\x00name",), b"", "cannot be read"),
        (("@{file}",), b"".join(b"T%d\n" % n for n in range(20_001)), "20,001 tickers"),
        (("A/B,C/D",), b"", "at least one ticker"),
        (("AAPL,IBM", "--start", "2020-13-01"), b"", "start_date"),
        (("AAPL,IBM", "--start", "2020-08-31", "--end", "2020-08-03"), b"", "end_date"),
        (("AAPL,IBM", "--dataset", "tickers"), b"", "dataset"),
        (("AAPL", "--as-of", "2020-08-03"), b"", "us_stocks"),
        (("AAPL", "--universe", "held"), b"", "either tickers or a universe"),
        (("--universe", "held"), b"", "held"),
        (("--universe", "everything"), b"", "universe"),
        (("--universe", "collection:none"), b"", "no collection"),
        (("--universe", "us_stocks", "--as-of", "2999-01-01"), b"", "as_of"),
    ],
    ids=lambda value: value if isinstance(value, str) and "_" not in value else None,
)
def test_a_bad_list_is_one_sentence_and_ends_with_2(
    shell: Any,
    arguments: tuple[str, ...],
    data: bytes,
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    vendor: Emulator,
) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(data)
    arguments = tuple(one.format(file=file, folder=tmp_path) for one in arguments)

    _pipe(monkeypatch, data)

    ended, out, said = shell("download", *arguments)

    assert (ended, out) == (2, "")
    assert said.startswith("redline: ")
    assert words in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2
    assert vendor.ledger() == []


@pytest.mark.parametrize("arguments", [("--save-as", "a/b"), ("--save-as", "ok", "--update-at", "25:00")])
def test_a_wrong_name_or_time_is_told_before_anything_is_fetched(
    shell: Any, vendor: Emulator, arguments: tuple[str, ...]
) -> None:
    code, out, _ = shell("download", "AAPL", "IBM", *AUGUST, *arguments, "--json")

    assert (code, json.loads(out)["code"]) == (2, "bad_field")
    assert vendor.ledger() == []
