"""What it costs to fetch what is lacking: the request that a button sends, and its price."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redline.errors import RedlineError
from redline.market.bar import BarSpec
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState
from redline.web.contexts.words import counted, duration

if TYPE_CHECKING:
    from redline.engine import Engine

#: What a repair asks for again.
LACKING = frozenset({SessionState.FAILED, SessionState.LATE})
FEW = 20


@dataclass(frozen=True, slots=True)
class Fill:
    """A form with one button: where it goes, what it sends, its words and its price; ``why`` there is no button."""

    path: str = ""
    sends: tuple[tuple[str, str], ...] = ()
    button: str = ""
    price: str = ""
    why: str = ""


def fews(tickers: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield the tickers a few at a time: among ten thousand that are held, few are looked up much faster than many."""
    for at in range(0, len(tickers), FEW):
        yield tuple(tickers[at : at + FEW])


def repair_of(engine: Engine, tickers: Sequence[str], spec: BarSpec, source: str) -> Fill:
    """Return the form that asks again for what failed or came late of some tickers: all of their series of bars.

    ``spec`` is looked at even when none of its rows are held.
    """
    try:
        plans = [engine.plan(one) for one in _lacking(engine, tickers, spec, source)]
    except RedlineError as wrong:
        return Fill(why=f"{wrong.sentence} {wrong.hint}".strip())
    calls = sum(one.calls for one in plans)
    if not calls:
        return Fill(why="Nothing can be asked for again right now: it was asked for only minutes ago.")
    return Fill(
        "/repair",
        (("tickers", ",".join(tickers)),),
        f"Fill these, {counted(calls, 'call')}",
        _took(sum(one.minutes for one in plans)),
    )


def download_of(engine: Engine, asked: DownloadRequest) -> Fill:
    """Return the form that downloads one ticker's bars, never asked for before."""
    try:
        plan = engine.plan(asked)
    except RedlineError as wrong:
        return Fill(why=f"{wrong.sentence} {wrong.hint}".strip())
    sends = {
        "ticker": asked.tickers[0],
        "source": asked.source,
        "start_date": asked.start.isoformat(),
        "end_date": asked.end.isoformat(),
        "timespan": asked.spec.timespan.value,
        "multiplier": f"{asked.spec.multiplier}",
    }
    return Fill("/download", tuple(sends.items()), f"Download it, {counted(plan.calls, 'call')}", _took(plan.minutes))


def _lacking(engine: Engine, tickers: Sequence[str], spec: BarSpec, source: str) -> list[DownloadRequest]:
    """Return the requests that a repair of these tickers' bars makes, one for each length of bar."""
    wanted = frozenset(tickers)
    held = {
        one.spec
        for one in engine.held()
        if (one.dataset, one.source) == (Dataset.BARS, source) and one.ticker in wanted
    }
    found = []
    for one in sorted(held | {spec}, key=lambda it: it.label):
        known = {
            ticker: statuses
            for few in fews(tickers)
            for ticker, statuses in engine.coverage_of(few, one, source=source).items()
        }
        days = {ticker: [it.session for it in all_of if it.state in LACKING] for ticker, all_of in known.items()}
        lacking = {ticker: its for ticker, its in days.items() if its}
        if lacking:
            first, last = min(its[0] for its in lacking.values()), max(its[-1] for its in lacking.values())
            found.append(DownloadRequest(tuple(lacking), first, last, source, Dataset.BARS, one, repair=True))
    return found


def _took(minutes: float) -> str:
    return f"{duration(minutes * 60)} at this key's pace" if minutes * 60 >= 1 else "less than a second"
