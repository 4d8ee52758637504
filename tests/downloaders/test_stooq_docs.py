"""What ``docs/providers/stooq.md`` says is what the code does."""

from __future__ import annotations

import re

from redline.downloaders import stooq_bulk, stooq_csv
from redline.downloaders.stooq_downloader import BASE_URL, DEFAULT_LIMIT, StooqDownloader
from redline.downloaders.stooq_errors import BrowserCheck, DailyLimit
from redline.downloaders.stooq_symbols import to_stooq
from tests.markdown import ROOT, row_of

TEXT = (ROOT / "docs" / "providers" / "stooq.md").read_text()


def test_every_option_dataset_and_timespan_stands_there() -> None:
    assert [one.name for one in StooqDownloader.options if not row_of(TEXT, f"`{one.name}`")] == []
    has = StooqDownloader.capabilities
    assert [one.value for one in has.datasets if one.value not in row_of(TEXT, "datasets")] == []
    assert {one.value for one in has.timespans} == set(re.findall(r"\w+", row_of(TEXT, "timespans"))[1:])
    assert {spec.timespan for spec in stooq_csv.INTERVALS} == has.timespans


def test_address_pace_and_marks_are_the_codes() -> None:
    assert f"`{BASE_URL}`" in row_of(TEXT, "address")
    assert f"{DEFAULT_LIMIT:g} requests a minute" in row_of(TEXT, "pace")
    assert f"| {DEFAULT_LIMIT:g} |" in row_of(TEXT, "`rate_limit_per_minute`")
    assert f"`{stooq_csv.RAW}` for" in TEXT
    assert f"`{stooq_csv.SPLITS_ONLY}` where" in TEXT
    assert f"more than {stooq_bulk.MOST_BYTES // 2**20} MB" in TEXT


def test_its_own_errors_stand_there_with_their_codes() -> None:
    for kind in (BrowserCheck, DailyLimit):
        assert f"`{kind.code}` (`{kind.__name__}`)" in TEXT
    assert f"`source` is `{stooq_bulk.SOURCE}`" in TEXT


def test_every_symbol_of_the_table_is_what_the_code_makes() -> None:
    rows = re.findall(r"^\| (`[A-Z][^|]+) \| (`[^|]+) \|", TEXT, re.MULTILINE)
    pairs = []
    for ours, theirs in rows:
        pairs += list(zip(re.findall(r"`([^`]+)`", ours), re.findall(r"`([^`]+)`", theirs), strict=True))

    assert len(pairs) == 8
    assert [(ticker, symbol) for ticker, symbol in pairs if to_stooq(ticker) != symbol] == []
