"""Small values that several pages show: links, facts, gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redline.web.contexts.words import moment, shape, span, words

if TYPE_CHECKING:
    pass


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
    """A gap: what was asked, what came back, what to do."""

    ticker: str
    dates: str
    state: str
    shape: str
    reason: str
    asked: str
    answer: str


def gap_rows(gaps: Sequence[Mapping[str, Any]]) -> tuple[GapRow, ...]:
    """Return gaps (design 4.3) as rows."""
    return tuple(
        GapRow(
            ticker=str(gap["ticker"]),
            dates=span(gap["start"], gap["end"]),
            state=words(str(gap["state"])),
            shape=shape(str(gap["state"])),
            reason=str(gap["reason"]),
            asked=moment(gap.get("asked_at")),
            answer=str(gap.get("answer") or ""),
        )
        for gap in gaps
    )
