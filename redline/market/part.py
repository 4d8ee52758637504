"""Parts, pages and plans: one unit of fetching, committing and retrying, what comes back, and the bill."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Any

from redline.market.bar import DAILY, BarSpec
from redline.market.request import Dataset
from redline.market.session import Gap

#: The ticker of a part that one call answers for all tickers of its job. No ticker is spelt like it.
WHOLE_MARKET = "*"


@dataclass(frozen=True, slots=True)
class Part:
    """One unit of fetching, committing and retrying: a dataset of one ticker, ``start`` to ``end`` inclusive.

    For the splits and dividends of one ticker the dates do not matter: the source answers with its whole list in a
    call or two. The ticker ``WHOLE_MARKET`` stands for all tickers of the job: day bars of one session (``start`` is
    ``end``), or the splits with an execution date from ``start`` to ``end``.
    """

    source: str
    dataset: Dataset
    ticker: str
    start: date
    end: date
    spec: BarSpec = DAILY

    @property
    def whole_market(self) -> bool:
        """Whether one call answers for all tickers of the job."""
        return self.ticker == WHOLE_MARKET

    @property
    def what(self) -> str:
        """What is asked, for messages: ``minute bars AAPL 2024-01-02 to 2024-01-31``."""
        ticker = "of the whole market" if self.whole_market else self.ticker
        if self.dataset is not Dataset.BARS:
            return f"{self.dataset.value} {ticker}" + (f" {self.start} to {self.end}" if self.whole_market else "")
        span = f"{self.start}" if self.whole_market else f"{self.start} to {self.end}"
        return f"{self.spec} bars {ticker} {span}"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A row of an answer that cannot be used: why, and the row as it came (cut to 500 letters)."""

    reason: str
    row: str


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of whole sessions, ``first`` to ``last`` inclusive: all that the source has of them.

    ``table`` has a wire schema (``market.schema``), sorted by ticker and time, without doubles. No row at all is an
    answer: the source said so in a well-formed way.
    """

    table: Any
    first: date
    last: date
    set_aside: tuple[SetAside, ...] = ()
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A page on its way into the store: what was asked, what came, when, and in which batch.

    ``tickers``: for a part of the whole market, whom it was asked for; rows of others are left out, and those that
    the answer lacks had no trades. Splits of the whole market are kept for all tickers; ``tickers`` is empty.
    """

    part: Part
    page: Page
    batch: str
    asked_at: datetime
    tickers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source's reference data says about a ticker; dates are unknown where ``None``."""

    known: bool
    name: str = ""
    listed: date | None = None
    delisted: date | None = None


class Route(Enum):
    """How a plan fetches."""

    PAGES = "pages"
    GROUPED = "grouped"
    FLAT_FILES = "flat_files"
    MIXED = "mixed"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a request will cost, before anything is fetched. ``held`` counts sessions that need no call.

    ``refused`` of them are not covered by the key's plan, as was found out less than a day ago (``not_in_plan``).
    ``alternatives`` are other ways to fetch the same, the quickest first, without their parts; one that cannot be
    taken is not ``possible``, and ``why`` says so.
    """

    route: Route
    calls: int
    size_bytes: int
    minutes: float
    parts: tuple[Part, ...]
    sessions: int
    held: int
    not_in_plan: tuple[Gap, ...] = ()
    refused: int = 0
    alternatives: tuple[Plan, ...] = field(default=())
    possible: bool = True
    why: str = ""

    def as_json(self) -> dict[str, object]:
        """Return the plan in the shape of design 4.3."""
        return {
            "route": self.route.value,
            "calls": self.calls,
            "bytes": self.size_bytes,
            "minutes": round(self.minutes, 2),
            "parts": len(self.parts),
            "sessions": self.sessions,
            "held": self.held,
            "refused": self.refused,
            "not_in_plan": [gap.as_json() for gap in self.not_in_plan],
            "alternatives": [other.as_json() for other in self.alternatives],
            "possible": self.possible,
            "why": self.why,
        }
