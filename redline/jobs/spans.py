"""From lacking sessions of one ticker to the parts that bring them with the fewest calls. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime

from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Part
from redline.market.request import Dataset, DownloadRequest

CallsFor = Callable[[Part, int], int]


def bar_parts(
    request: DownloadRequest,
    ticker: str,
    need: Sequence[date],
    *,
    now: datetime,
    calendar: TradingCalendar,
    calls_for: CallsFor,
) -> list[Part]:
    """Return the fewest-call parts that cover the sessions ``need`` (sorted) of one ticker.

    Bars of several days, weeks, … are asked for as the whole range: the vendor does not say where it anchors them, so
    two ranges might give bars that overlap.
    """
    if not need:
        return []
    latest = max(day_of(now), request.end)

    def part(span: tuple[date, date]) -> Part:
        return Part(request.source, Dataset.BARS, ticker, span[0], min(span[1], latest), request.spec)

    def calls(part: Part) -> int:
        return calls_for(part, len(calendar.sessions(part.start, part.end)))

    if request.spec.spreads and request.spec.multiplier > 1:
        return [part(request.spec.snap(request.start, request.end))]
    whole = part(request.spec.snap(need[0], need[-1]))
    if calls(whole) <= 1:
        return [whole]
    spans = _snapped(request, runs(need, calendar.sessions(need[0], need[-1])))
    return joined([part(span) for span in spans], calls)


def runs(days: Iterable[date], sessions: Sequence[date]) -> list[tuple[date, date]]:
    """Return ``days`` as spans, first and last inclusive, of neighbours in ``sessions`` (sorted, holding all days)."""
    wanted = set(days)
    found: list[tuple[date, date]] = []
    before = False
    for day in sessions:
        if day in wanted:
            found[-1:] = [(found[-1][0], day)] if before else [*found[-1:], (day, day)]
        before = day in wanted
    return found


def joined(parts: Sequence[Part], calls: Callable[[Part], int]) -> list[Part]:
    """Return ``parts`` (sorted, apart) with neighbours made one, gap and all, wherever that takes fewer calls.

    Exact: the cheapest of all ways to cut the sequence; among equals the one that fetches least twice.
    """
    alone = [calls(part) for part in parts]
    best: list[tuple[int, int]] = [(0, 0)]  # (calls, days fetched twice) for the first n parts
    cut: list[int] = []
    for end in range(len(parts)):
        choices = []
        separate = 0
        for start in range(end, -1, -1):
            separate += alone[start]
            one = _span(parts, start, end)
            cost = alone[end] if start == end else calls(one)
            twice = (one.end - one.start).days - sum((p.end - p.start).days for p in parts[start : end + 1])
            choices.append((best[start][0] + cost, best[start][1] + twice, start))
            if cost > separate:
                break  # For a bill of whole pages: a cut right after this start is never dearer than a longer part.
        calls_so_far, twice_so_far, at = min(choices, key=lambda choice: (choice[0], choice[1], -choice[2]))
        best.append((calls_so_far, twice_so_far))
        cut.append(at)
    found: list[Part] = []
    end = len(parts) - 1
    while end >= 0:
        found.append(_span(parts, cut[end], end))
        end = cut[end] - 1
    return found[::-1]


def _span(parts: Sequence[Part], start: int, end: int) -> Part:
    first, last = parts[start], parts[end]
    return Part(first.source, first.dataset, first.ticker, first.start, last.end, first.spec)


def _snapped(request: DownloadRequest, spans: list[tuple[date, date]]) -> list[tuple[date, date]]:
    found: list[tuple[date, date]] = []
    for start, end in (request.spec.snap(*span) for span in spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
