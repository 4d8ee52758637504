"""What ``docs/providers/yahoo.md`` says is what the code does."""

from __future__ import annotations

import re

import pytest

from redline.downloaders.yahoo_bars import INTERVALS
from redline.downloaders.yahoo_downloader import BASE_URL, DEFAULT_LIMIT, MINUTE_DAYS, REACH_DAYS, YahooDownloader
from redline.downloaders.yahoo_symbols import to_yahoo
from redline.market.bar import BarSpec, Timespan
from tests.markdown import ROOT, row_of

TEXT = (ROOT / "docs" / "providers" / "yahoo.md").read_text()


def test_every_option_dataset_and_timespan_stands_there() -> None:
    assert [one.name for one in YahooDownloader.options if not row_of(TEXT, f"`{one.name}`")] == []
    has = YahooDownloader.capabilities
    words = [*has.datasets, *has.timespans]
    assert [word.value for word in words if not re.search(rf"\b{word.value}s?\b", TEXT)] == []
    minutes = [spec.multiplier for spec in INTERVALS if spec.timespan is Timespan.MINUTE]
    assert "multipliers " + ", ".join(map(str, minutes[:-1])) + f" and {minutes[-1]}" in row_of(TEXT, "timespans")


def test_address_and_pace_are_the_codes() -> None:
    assert f"`{BASE_URL}`" in row_of(TEXT, "address")
    assert f"{DEFAULT_LIMIT:g} requests a minute" in row_of(TEXT, "pace")
    assert f"| {DEFAULT_LIMIT:g} |" in row_of(TEXT, "`rate_limit_per_minute`")


@pytest.mark.parametrize(("row", "interval"), [("1 minute", "1m"), ("2, 5, 15, 30 minutes", "5m"), ("hour", "60m")])
def test_the_reach_of_each_length_is_the_codes(row: str, interval: str) -> None:
    assert f"| {REACH_DAYS[interval]} days |" in row_of(TEXT, row)
    assert REACH_DAYS.keys() == set(INTERVALS.values()) - {INTERVALS[BarSpec()]}
    assert f"for each {MINUTE_DAYS} days" in TEXT


def test_every_symbol_of_the_table_is_what_the_code_makes() -> None:
    rows = re.findall(r"^\| (`[^|]+) \| (`[^|]+) \|", TEXT.split("## Symbols")[1].split("## ")[0], re.MULTILINE)
    pairs = []
    for ours, theirs in rows:
        tickers, symbols = re.findall(r"`([^`]+)`", ours), re.findall(r"`([^`]+)`", theirs)
        pairs += [(ticker, symbols[min(at, len(symbols) - 1)]) for at, ticker in enumerate(tickers)]

    assert len(pairs) > 10
    assert [(ticker, symbol) for ticker, symbol in pairs if to_yahoo(ticker) != symbol] == []
