"""From answers to pages of whole sessions; and the rules by which paging ends.

A page of a source ends anywhere, also in the middle of a session. A session is handed on only when all of it is here:
the last one of an answer that has a successor waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from redline.errors import MalformedPage, PaginationLoop
from redline.market.part import Page, Part, SetAside

#: Answers in a row without a new row before paging is given up: a loop ends after at most 4 requests (promise P8).
BARREN_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Parsed:
    """One answer: its rows as a wire table (sorted, without doubles), the rows set aside, and where to go on."""

    table: Any
    set_aside: tuple[SetAside, ...] = ()
    next_url: str | None = None
    said: str = "OK"


class Paging:
    """Watches over the addresses of one walk and refuses one that does not end."""

    def __init__(self, provider: str, what: str, first_url: str) -> None:
        self._provider, self._what = provider, what
        self._asked = {first_url}
        self._barren = 0

    def follow(self, next_url: str | None, new_rows: int) -> str | None:
        """Return the address to ask next, ``None`` at the end.

        Raises:
            PaginationLoop: it was asked before, or answer after answer has no new row.
        """
        if next_url is None:
            return None
        if next_url in self._asked:
            raise self._loop(f"the address of the next page was asked before (after {len(self._asked)} pages)")
        self._barren = 0 if new_rows else self._barren + 1
        if self._barren >= BARREN_ANSWERS:
            raise self._loop(f"{self._barren} pages in a row without a new row, and no end")
        self._asked.add(next_url)
        return next_url

    def _loop(self, why: str) -> PaginationLoop:
        return PaginationLoop(
            self._provider,
            f"paging of {self._what} does not end: {why}.",
            "What came before is kept. Retry; if it stays so, the source has an error.",
        )


def bar_pages(part: Part, first_url: str, read: Callable[[str], Parsed]) -> Iterator[Page]:
    """Yield pages of whole sessions that together cover ``part.start`` to ``part.end``; at least one.

    ``read`` fetches and parses one answer. A row that an earlier answer brought, or that is older than those, is set
    aside: it cannot double anything.
    """
    paging = Paging(part.source, part.what, first_url)
    waiting = first_url
    first = part.start
    newest: Any = None
    carry: Any = None
    aside: tuple[SetAside, ...] = ()
    while True:
        parsed = read(waiting)
        fresh, again = _newer(parsed.table, newest)
        url = paging.follow(parsed.next_url, fresh.num_rows)
        aside += parsed.set_aside + again
        rows = fresh if carry is None else pa.concat_tables([carry, fresh]).combine_chunks()
        if fresh.num_rows:
            newest = fresh.column("timestamp")[-1]
        if url is None:
            yield Page(rows, _cover(first, rows), part.end, aside, _answer(parsed.said, rows, aside))
            return
        waiting = url
        whole, carry = _whole_sessions(rows)
        if whole.num_rows:
            following: date = carry.column("date")[0].as_py()
            yield Page(
                whole, _cover(first, whole), following - timedelta(days=1), aside, _answer(parsed.said, whole, aside)
            )
            first, aside = following, ()


def market_page(part: Part, first_url: str, read: Callable[[str], Parsed]) -> Page:
    """Return the one page with a session of the whole market: such an answer has no successor."""
    parsed = read(first_url)
    if parsed.next_url is not None:
        raise MalformedPage(part.source, f"the answer for {part.what} names a next page; such answers have none.")
    return Page(
        parsed.table, part.start, part.end, parsed.set_aside, _answer(parsed.said, parsed.table, parsed.set_aside)
    )


def list_page(part: Part, first_url: str, read: Callable[[str], Parsed]) -> Page:
    """Return one page with the whole list of a ticker's splits or dividends, however many answers it came in."""
    paging = Paging(part.source, part.what, first_url)
    tables: list[Any] = []
    aside: tuple[SetAside, ...] = ()
    seen: set[tuple[object, ...]] = set()
    url: str | None = first_url
    while url is not None:
        parsed = read(url)
        fresh, again = _unseen(parsed.table, seen)
        tables.append(fresh)
        aside += parsed.set_aside + again
        url = paging.follow(parsed.next_url, fresh.num_rows)
    table = pa.concat_tables(tables).combine_chunks()
    table = table.sort_by([("ticker", "ascending"), (table.schema.names[2], "ascending")])
    return Page(table, part.start, part.end, aside, _answer("OK", table, aside))


def _newer(table: Any, newest: Any) -> tuple[Any, tuple[SetAside, ...]]:
    if newest is None or not table.num_rows or table.column("timestamp")[0].as_py() > newest.as_py():
        return table, ()
    fresh = pc.greater(table.column("timestamp"), newest)
    again = table.filter(pc.invert(fresh)).to_pylist()
    return table.filter(fresh), tuple(SetAside("an earlier page went past its time", str(row)[:500]) for row in again)


def _unseen(table: Any, seen: set[tuple[object, ...]]) -> tuple[Any, tuple[SetAside, ...]]:
    rows = table.to_pylist()
    fresh: list[int] = []
    again: list[SetAside] = []
    for at, row in enumerate(rows):
        key = tuple(row.values())
        if key in seen:
            again.append(SetAside("it came before, the same", str(row)[:500]))
        else:
            seen.add(key)
            fresh.append(at)
    return table.take(pa.array(fresh, pa.int64())) if again else table, tuple(again)


def _whole_sessions(rows: Any) -> tuple[Any, Any]:
    """Split a table into all sessions but the last, and the last."""
    if not rows.num_rows:
        return rows, rows
    days = rows.column("date").combine_chunks().view(pa.int32()).to_numpy()
    cut = int(days.searchsorted(days[-1], side="left"))
    return rows.slice(0, cut), rows.slice(cut)


def _cover(first: date, rows: Any) -> date:
    """A bar of several days may begin before the first date that was asked for: the page covers it too."""
    return min(first, rows.column("date")[0].as_py()) if rows.num_rows else first


def _answer(said: str, rows: Any, aside: tuple[SetAside, ...]) -> str:
    text = f"200 {said}, {rows.num_rows:,} rows"
    return f"{text}, {len(aside):,} set aside" if aside else text
