"""Small values that several pages show: links, facts, gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from redline.market.bar import DAILY, BarSpec
from redline.web.contexts.words import moment, shape, span, words


@dataclass(frozen=True, slots=True)
class Link:
    """A name and where it leads."""

    label: str
    href: str


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class GapRow:
    """A gap: what was asked, what came back, and where its story is told."""

    ticker: str
    dates: str
    state: str
    shape: str
    reason: str
    asked: str
    answer: str
    href: str


def explain_path(ticker: str, session: date, spec: BarSpec = DAILY, source: str = "massive") -> str:
    """Return the address of the page that explains a session; what is left to its default is left out."""
    asked = {"ticker": ticker, "date": session.isoformat()}
    if spec != DAILY:
        asked |= {"timespan": spec.timespan.value, "multiplier": f"{spec.multiplier}"}
    if source != "massive":
        asked["source"] = source
    return f"/explain?{urlencode(asked)}"


def gap_rows(gaps: Sequence[Mapping[str, Any]], spec: BarSpec = DAILY, source: str = "massive") -> tuple[GapRow, ...]:
    """Return gaps (design 4.3) of a series as rows."""
    return tuple(
        GapRow(
            ticker=str(gap["ticker"]),
            dates=span(gap["start"], gap["end"]),
            state=words(str(gap["state"])),
            shape=shape(str(gap["state"])),
            reason=str(gap["reason"]),
            asked=moment(gap.get("asked_at")),
            answer=str(gap.get("answer") or ""),
            href=explain_path(str(gap["ticker"]), date.fromisoformat(str(gap["start"])), spec, source),
        )
        for gap in gaps
    )
