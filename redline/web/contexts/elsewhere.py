"""The query of a page as text to paste elsewhere: Python and curl."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from urllib.parse import quote

from redline.market.request import Adjust, BarsQuery


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to copy; ``id`` names it in the page."""

    id: str
    label: str
    text: str


def snippets(query: BarsQuery, address: str, *, password: bool, demo: bool) -> tuple[Snippet, ...]:
    """Return the query as Python and as curl; with a password set, curl needs a token, and Python always a key."""
    note = "# Needs a key: the demo answers pages, curl and the command line only.\n" if demo else ""
    return (
        Snippet("python", "Python", note + _python(query)),
        Snippet("curl", "curl", _curl(query, address, password)),
    )


def _python(query: BarsQuery) -> str:
    lines = [f"    {query.tickers[0]!r}"]
    lines += [f"{query.start.isoformat()!r}"] if query.start else []
    lines += [f"{query.end.isoformat()!r}"] if query.end else []
    named = [f"timespan={query.spec.timespan.value!r}"]
    named += [f"multiplier={query.spec.multiplier}"] if query.spec.multiplier != 1 else []
    named += [f"adjust={query.adjust.value!r}"] if query.adjust is not Adjust.SPLITS else []
    return f"import redline\n\nframe = redline.open().download(\n{', '.join(lines)},\n    {', '.join(named)},\n)"


def _curl(query: BarsQuery, address: str, password: bool) -> str:
    given = [("ticker", query.tickers[0]), ("timespan", query.spec.timespan.value)]
    given += [("multiplier", f"{query.spec.multiplier}")] if query.spec.multiplier != 1 else []
    given += [("start", query.start.isoformat())] if query.start else []
    given += [("end", query.end.isoformat())] if query.end else []
    given += [("adjust", query.adjust.value), ("format", "csv")]
    token = ['  -H "Authorization: Bearer $REDLINE_TOKEN"'] if password else []
    lines = [f"curl -G {address}/data/bars", *token]
    lines += [
        "  " + " ".join(f"-d {shlex.quote(f'{name}={quote(value)}')}" for name, value in given[at : at + 2])
        for at in range(0, len(given), 2)
    ]
    return " \\\n".join(lines)
