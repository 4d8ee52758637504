"""What was asked of one session of a series, for those who want to know how a gap came about.

An answer takes the place of what it covers wholly, so this is what still counts, not a log of all requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from redline.market.bar import BarSpec
from redline.market.request import Dataset
from redline.market.session import SessionState
from redline.store.asked import LOST, Series

if TYPE_CHECKING:
    from redline.store.store import Store


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer, or one note why there was none (``state`` then), that touches a session.

    ``rows``: of the answer, for the date asked about. ``asked_at`` is ``None`` where rows were lost, for nobody was
    asked. ``market``: the answer was for the whole market. ``batch`` names the job, the part and the page.
    """

    asked_at: datetime | None
    first: date
    last: date
    answer: str
    batch: str
    state: SessionState | None
    rows: int
    market: bool


@dataclass(frozen=True, slots=True)
class Known:
    """A series that was ever asked for: the first and last date of what was asked (wide, for lists of actions)."""

    source: str
    dataset: Dataset
    ticker: str
    spec: BarSpec
    first: date
    last: date


def history(store: Store, source: str, spec: BarSpec, ticker: str, session: date) -> list[Answered]:
    """Return what was asked of a session of bars and still counts, oldest first."""
    first, last = spec.snap(session, session)
    return [
        Answered(
            None if one.asked_at == LOST else one.asked_at,
            one.first,
            one.last,
            one.answer,
            one.batch,
            one.state,
            sum(rows for day, rows in (one.counts or {}).items() if first.toordinal() <= day <= last.toordinal()),
            one.market,
        )
        for one in store.spans(Series(source, Dataset.BARS, ticker, spec), session, session)
    ]
