"""Parts, pages and plans: one unit of fetching, committing and retrying, what comes back, and the bill."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any

from redline.market.bar import DAILY, BarSpec
from redline.market.request import Dataset
from redline.market.session import Gap


@dataclass(frozen=True, slots=True)
class Part:
    """One unit of fetching, committing and retrying: a dataset of one ticker, ``start`` to ``end`` inclusive.

    For splits and dividends the dates do not matter: the source answers with the ticker's whole list in a call or two.
    """

    source: str
    dataset: Dataset
    ticker: str
    start: date
    end: date
    spec: BarSpec = DAILY

    @property
    def what(self) -> str:
        """What is asked, for messages: ``minute bars AAPL 2024-01-02 to 2024-01-31``."""
        if self.dataset is not Dataset.BARS:
            return f"{self.dataset.value} {self.ticker}"
        return f"{self.spec} bars {self.ticker} {self.start} to {self.end}"


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
        }
