"""The names of series and quarters in the addresses of the Data page. Pure."""

from __future__ import annotations

import re
from datetime import date, timedelta

from redline.errors import BadField
from redline.market.bar import BarSpec

QUARTER = re.compile(r"(\d{4})-Q([1-4])")


def series_name(spec: BarSpec, source: str) -> str:
    """Return the name of a series in an address: ``1day``, or ``1day@source`` of another source than the first."""
    return spec.label if source == "massive" else f"{spec.label}@{source}"


def quarter_name(day: date) -> str:
    """Return the name of the quarter of a day: ``2020-Q3``."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def quarter_of(name: str) -> tuple[date, date]:
    """Return first and last day of a quarter; raises ``BadField``."""
    found = QUARTER.fullmatch(name)
    if found is None or found[1] == "0000" or found[1] == "9999":
        raise BadField("quarter", name, "it must be a year and a quarter, such as 2020-Q3")
    year, first = int(found[1]), 3 * int(found[2]) - 2
    following = date(year + first // 10, (first + 3 - 1) % 12 + 1, 1)
    return date(year, first, 1), following - timedelta(days=1)
