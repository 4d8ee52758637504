"""A process that commits slices for ever, to be killed; run as ``python -m tests.store.writer HOME TICKER N``.

Each commit replaces four weeks of daily bars (two partitions) and then says so on stdout.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from redline.clock import SystemClock
from redline.store import Store
from tests.store.samples import CALENDAR, bars, page, part

#: The sessions of four weeks, written down: looking them up costs each process two seconds.
DAYS = [date(2023, 12, day) for day in (18, 19, 20, 21, 22, 26, 27, 28, 29)]
DAYS += [date(2024, 1, day) for day in (2, 3, 4, 5, 8, 9, 10, 11, 12)]


def closes(number: int) -> dict[date, float]:
    """Return the rows of the ``number``-th commit: one session changes its close, one in three is gone."""
    return {day: float(number) for at, day in enumerate(DAYS) if at % 3 != number % 3}


def main() -> None:
    home, ticker, start = sys.argv[1:]
    store = Store(Path(home), SystemClock(), CALENDAR)
    print("open", flush=True)
    number = int(start)
    while True:
        table = bars(ticker, closes(number))
        store.commit(part(ticker, DAYS[0], DAYS[-1]), page(table, DAYS[0], DAYS[-1]), f"b{number}", SystemClock().now())
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main()
