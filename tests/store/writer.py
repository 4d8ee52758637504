"""A process that commits slices for ever, to be killed; run as ``python -m tests.store.writer HOME TICKER N``.

Each commit replaces four weeks of daily bars (two partitions) and then says so on stdout. A list of tickers, ``A,B,C``,
goes into one commit: page by page where N is even, as answers of the whole market, session by session, where it is odd.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pyarrow as pa

from redline.clock import SystemClock
from redline.market.part import WHOLE_MARKET, Delivery
from redline.store import Store
from tests.store.samples import CALENDAR, bars, page, part

#: The sessions of four weeks, written down: looking them up costs each process two seconds.
DAYS = [date(2023, 12, day) for day in (18, 19, 20, 21, 22, 26, 27, 28, 29)]
DAYS += [date(2024, 1, day) for day in (2, 3, 4, 5, 8, 9, 10, 11, 12)]


def closes(number: int) -> dict[date, float]:
    """Return the rows of the ``number``-th commit: one session changes its close, one in three is gone."""
    return {day: float(number) for at, day in enumerate(DAYS) if at % 3 != number % 3}


def deliveries(tickers: list[str], number: int) -> list[Delivery]:
    """Return the pages, or the answers of the whole market, of the ``number``-th commit."""
    if number % 2 == 0 or len(tickers) == 1:
        parts = [part(one, DAYS[0], DAYS[-1]) for one in tickers]
        pages = [page(bars(one, closes(number)), DAYS[0], DAYS[-1]) for one in tickers]
        named: tuple[str, ...] = ()
    else:
        parts = [part(WHOLE_MARKET, day, day) for day in DAYS]
        held = closes(number)
        tables = [[bars(one, {day: held[day]} if day in held else {}) for one in tickers] for day in DAYS]
        pages = [page(pa.concat_tables(some), day, day) for some, day in zip(tables, DAYS, strict=True)]
        named = tuple(tickers)
    now = SystemClock().now()
    return [Delivery(its, one, f"b{number}", now, named) for its, one in zip(parts, pages, strict=True)]


def main() -> None:
    home, ticker, start = sys.argv[1:]
    store = Store(Path(home), SystemClock(), CALENDAR)
    print("open", flush=True)
    number = int(start)
    while True:
        store.commit_many(deliveries(ticker.split(","), number))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main()
