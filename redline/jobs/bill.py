"""What a plan costs in minutes and bytes."""

from __future__ import annotations

from redline.market.bar import BarSpec, Timespan
from redline.market.request import Dataset

SECONDS_PER_CALL = 0.2
SMOOTH_ABOVE = 60  # Design 4.1: above 60 a minute no second takes more than its share.
BYTES_PER_BAR = 40  # A row of a vendor's page as it travels, gzip'd; 34 to 43 measured on real daily and minute bars.
BYTES_PER_LIST = 1_000
MARKET_TICKERS = 11_432  # US stocks in the vendor's list, and about as many rows in an answer for the whole market.
MARKET_SPLITS_A_YEAR = 1_300
LIST_CALLS = 12  # Pages of 1,000 tickers, for the list of a whole market.
#: One file holds one session of all stocks, gzip'd. 83 GB for 2,520 files of minutes; day files by their rows.
FLAT_FILE_BYTES = {Timespan.MINUTE: 33_000_000, Timespan.DAY: MARKET_TICKERS * BYTES_PER_BAR}
FLAT_BYTES_PER_SECOND = 10_000_000
BARS_PER_SESSION = {
    Timespan.SECOND: 57_600,  # 04:00 to 20:00 New York, at most
    Timespan.MINUTE: 960,
    Timespan.HOUR: 16,
    Timespan.DAY: 1,
    Timespan.WEEK: 1 / 5,
    Timespan.MONTH: 1 / 21,
    Timespan.QUARTER: 1 / 63,
    Timespan.YEAR: 1 / 252,
}


def minutes(calls: int, limit_per_minute: float | None) -> float:
    """Return how long ``calls`` take, one after the other, when no slot of the key is in use at the start.

    The first ``limit`` calls are sent at once, the next ones a window later; above 60 a minute they are spread.
    """
    answering = calls * SECONDS_PER_CALL / 60
    if limit_per_minute is None or calls == 0:
        return answering
    if limit_per_minute > SMOOTH_ABOVE:
        return max(answering, calls / limit_per_minute)
    limit = max(1, int(limit_per_minute))
    waited, in_last_window = divmod(calls - 1, limit)
    return max(answering, waited + (in_last_window + 1) * SECONDS_PER_CALL / 60)


def size_bytes(spec: BarSpec | None, sessions: int) -> int:
    """Return about how many bytes the bars of so many sessions are on the wire; ``None``: a list of actions."""
    if spec is None:
        return BYTES_PER_LIST
    bars = BARS_PER_SESSION[spec.timespan] * sessions / spec.multiplier
    return round(BYTES_PER_LIST / 2 + BYTES_PER_BAR * bars)


def market_bytes(dataset: Dataset) -> int:
    """Return about how many bytes an answer for the whole market is: day bars of a session, splits of a year."""
    rows = MARKET_TICKERS if dataset is Dataset.BARS else MARKET_SPLITS_A_YEAR
    return round(BYTES_PER_LIST / 2 + BYTES_PER_BAR * rows)


def flat_files(timespan: Timespan, sessions: int) -> tuple[int, float]:
    """Return about how many bytes the vendor's files of so many sessions are, and how many minutes they take to come.

    They hold minutes and days; bars of an hour are made from minutes, those of a week from days.
    """
    base = Timespan.MINUTE if timespan.intraday else Timespan.DAY
    size = sessions * FLAT_FILE_BYTES[base]
    return size, size / FLAT_BYTES_PER_SECOND / 60
