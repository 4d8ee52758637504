"""What a plan costs in minutes and bytes."""

from __future__ import annotations

from redline.market.bar import BarSpec, Timespan

SECONDS_PER_CALL = 0.2
SMOOTH_ABOVE = 60  # Design 4.1: above 60 a minute no second takes more than its share.
BYTES_PER_BAR = 40  # A row of a vendor's page as it travels, gzip'd; 34 to 43 measured on real daily and minute bars.
BYTES_PER_LIST = 1_000
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
