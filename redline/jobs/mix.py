"""What is lacking, as parts: page by page, in answers for the whole market, or in the cheapest mix of both. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache

from redline.jobs.bill import market_bytes, size_bytes
from redline.jobs.routes import Lack, cheapest_cover
from redline.jobs.spans import CallsFor, bar_parts
from redline.market.bar import DAILY
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import WHOLE_MARKET, Part, Route
from redline.market.request import Dataset, DownloadRequest

_CALL = 1 << 50  # What a call weighs in bytes: of two mixes with as many calls, the smaller is the cheaper.
Days = tuple[date, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """What a request lacks.

    ``kinds``: the different sets of lacking sessions (sorted); ``kind``: which of them a ticker lacks. ``lists``: the
    parts for splits or dividends that are due, by ticker; for those of ``own`` no list of the whole market stands in.
    """

    kinds: tuple[Days, ...]
    kind: Mapping[str, int]
    lists: Mapping[str, Part]
    own: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Mix:
    """Parts, and what they cost."""

    parts: tuple[Part, ...]
    calls: int
    size: int

    @property
    def route(self) -> Route:
        """How the bars are fetched; how the lists are, when there are only those."""
        bars = [one for one in self.parts if one.dataset is Dataset.BARS]
        ways = {one.whole_market for one in bars or self.parts}
        return {(): Route.NONE, (False,): Route.PAGES, (True,): Route.GROUPED}.get(tuple(ways), Route.MIXED)


class Mixer:
    """Makes mixes of what a request lacks. ``calls_for`` and ``calendar`` as in ``planner.plan``."""

    def __init__(
        self,
        request: DownloadRequest,
        lacking: Lacking,
        *,
        now: datetime,
        calendar: TradingCalendar,
        calls_for: CallsFor,
    ) -> None:
        self._request, self._lacking = request, lacking
        self._now, self._calendar, self._calls_for = now, calendar, calls_for
        self._paged = cache(self._pages)

    def pages(self) -> Mix:
        """Return all as pages of each ticker."""
        return self._made((), frozenset(), ())

    def market(self) -> Mix:
        """Return all as answers for the whole market, but for tickers and lists that those do not hold."""
        kinds = {kind for ticker, kind in self._lacking.kind.items() if self._grouped(ticker)}
        days = frozenset(day for kind in kinds for day in self._lacking.kinds[kind])
        return self._made(frozenset(kinds), days, self._windows())

    def cheapest(self) -> Mix:
        """Return the mix with the fewest calls; of those, the one with the fewest bytes.

        Exact where the pages of one ticker's day bars are one call, as they mostly are: else a ticker's sessions are
        fetched all by pages or all by answers for the whole market, and a mix of both may take a call less.
        """
        counted = Counter(kind for ticker, kind in self._lacking.kind.items() if self._grouped(ticker))
        kinds = [kind for kind in counted if self._lacking.kinds[kind]]
        lacks = []
        for kind in kinds:
            _, calls, size = self._paged(self._lacking.kinds[kind], "")
            lacks.append(Lack(frozenset(self._lacking.kinds[kind]), counted[kind], calls * _CALL + size))
        by_pages, days = cheapest_cover(lacks, _CALL + market_bytes(Dataset.BARS)) if lacks else (frozenset(), ())
        grouped = frozenset(kind for at, kind in enumerate(kinds) if at not in by_pages)
        windows = self._windows()
        fewer = len(windows) < len([one for one in self._lacking.lists if one not in self._lacking.own])
        return self._made(grouped, frozenset(days), windows if fewer else ())

    # -- inside -------------------------------------------------------------------------------------------------------

    def _grouped(self, ticker: str) -> bool:
        """Return whether answers for the whole market hold what the request asks of a ticker."""
        return self._request.dataset is Dataset.BARS and self._request.spec == DAILY and ":" not in ticker

    def _windows(self) -> tuple[Part, ...]:
        """Return the parts for the splits of the whole market, from the request's first year on; one call each."""
        request, today = self._request, day_of(self._now)
        if request.dataset is not Dataset.BARS or not set(self._lacking.lists) - self._lacking.own:
            return ()
        return tuple(
            Part(request.source, Dataset.SPLITS, WHOLE_MARKET, date(year, 1, 1), min(date(year, 12, 31), today))
            for year in range(request.start.year, today.year + 1)
        )

    def _made(self, grouped: Iterable[int], days: frozenset[date], windows: tuple[Part, ...]) -> Mix:
        """Return a mix with answers for the whole market of ``days``, and pages for all but the kinds ``grouped``.

        Sessions come newest first: where a key's history begins, one refusal then speaks for all older ones.
        """
        request, lacking = self._request, self._lacking
        market = [
            Part(request.source, Dataset.BARS, WHOLE_MARKET, day, day, DAILY) for day in sorted(days, reverse=True)
        ]
        parts = [*market, *windows]
        calls = len(parts)
        size = len(market) * market_bytes(Dataset.BARS) + len(windows) * market_bytes(Dataset.SPLITS)
        covered = frozenset(grouped)
        paged: dict[tuple[int, bool, str], tuple[tuple[Part, ...], int, int]] = {}
        for ticker in request.tickers:
            kind, plain = lacking.kind.get(ticker), self._grouped(ticker)
            if kind is not None and not (plain and kind in covered):
                like = (kind, plain, ticker.rpartition(":")[0])
                if like not in paged:
                    left = (day for day in lacking.kinds[kind] if not plain or day not in days)
                    paged[like] = self._paged(tuple(left), like[2])
                mine, more, bytes_ = paged[like]
                parts += [replace(one, ticker=ticker) for one in mine]
                calls, size = calls + more, size + bytes_
            own = lacking.lists.get(ticker)
            if own is not None and not (windows and ticker not in lacking.own):
                parts.append(own)
                calls, size = calls + self._calls_for(own, 0), size + size_bytes(None, 0)
        return Mix(tuple(parts), calls, size)

    def _pages(self, need: Days, prefix: str) -> tuple[tuple[Part, ...], int, int]:
        """Return parts, calls and bytes of the pages for ``need``; they are those of any ticker with that prefix."""
        parts = bar_parts(
            self._request,
            f"{prefix}:A" if prefix else "A",
            need,
            now=self._now,
            calendar=self._calendar,
            calls_for=self._calls_for,
        )
        covered = [len(self._calendar.sessions(one.start, one.end)) for one in parts]
        calls = sum(self._calls_for(one, sessions) for one, sessions in zip(parts, covered, strict=True))
        return (
            tuple(parts),
            calls,
            sum(size_bytes(one.spec, sessions) for one, sessions in zip(parts, covered, strict=True)),
        )
