"""Reading our own documents: their fenced blocks, headings and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the language after the fence, and the text."""

    language: str
    text: str


def blocks(document: Path) -> list[Block]:
    """Return the fenced blocks of a document, in order."""
    return [Block(language, text) for language, text in _FENCED.findall(document.read_text())]


def links(document: Path) -> Iterator[str]:
    """Give the targets of all links outside of fenced blocks."""
    yield from _LINK.findall(_FENCED.sub("", document.read_text()))


def anchors(document: Path) -> set[str]:
    """Return the names that the headings of a document have as targets, as code hosts make them."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def row_of(text: str, first: str) -> str:
    """Return the row of a table whose first cell begins with ``first``; empty when there is none."""
    return next((line for line in text.splitlines() if line.startswith(f"| {first}")), "")
