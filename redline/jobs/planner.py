"""From a request and what is held to the parts that have to be fetched, and their bill. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from redline.jobs.bill import minutes, size_bytes
from redline.jobs.seams import needs_splits
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Part, Plan, Route
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import Gap, SessionState, SessionStatus, gaps

RESTS = timedelta(minutes=15)  # Design 6: what is not settled is asked again at most this often.
REFUSED = timedelta(hours=24)  # A plan may have been changed, and its floor moves by a day each day.
ACTIONS = timedelta(hours=24)  # Design 6: splits once a day.
SKEW = timedelta(minutes=1)  # An answer from further in the future says that the clock was wrong then.

Statuses = Mapping[str, Sequence[SessionStatus]]
ActionsAsked = Mapping[tuple[Dataset, str], datetime | None]
CallsFor = Callable[[Part, int], int]


def plan(
    request: DownloadRequest,
    *,
    statuses: Statuses,
    actions_asked: ActionsAsked,
    now: datetime,
    calendar: TradingCalendar,
    calls_for: CallsFor,
    limit_per_minute: float | None,
    seams: Statuses | None = None,
) -> Plan:
    """Return the cheapest parts that bring what ``request`` lacks, and what they cost.

    Args:
        statuses: for each ticker of a request for bars, the status of each session of ``asked_range(request)``.
        actions_asked: when the splits (or dividends) of a ticker were last fetched.
        now: aware.
        calls_for: the source's bill: the most calls that a part with so many sessions takes.
        limit_per_minute: of the key; ``None`` when it has none.
        seams: for each ticker, the status of each session whose day bar ``jobs.seams`` needs.
    """
    parts: list[Part] = []
    calls = size = sessions = held = refused = 0
    outside: list[Gap] = []
    for ticker in request.tickers:
        if request.dataset is Dataset.BARS:
            wanted = [one for one in statuses.get(ticker, ()) if request.start <= one.session <= request.end]
            need = [one.session for one in statuses.get(ticker, ()) if needs_asking(one, now)]
            sessions += len(wanted)
            held += sum(not needs_asking(one, now) for one in wanted)
            resting = [one for one in wanted if not _asked_again(one, now)]
            refused += sum(one.state is SessionState.NOT_ENTITLED for one in resting)
            outside += [gap for gap in gaps(ticker, resting) if gap.state is SessionState.NOT_ENTITLED]
            for one in bar_parts(request, ticker, need, now=now, calendar=calendar, calls_for=calls_for):
                covered = len(calendar.sessions(one.start, one.end))
                calls += calls_for(one, covered)
                size += size_bytes(one.spec, covered)
                parts.append(one)
        cut = [one.session for one in (seams or {}).get(ticker, ()) if needs_asking(one, now)]
        for one in action_parts(request, ticker, actions_asked, now, cut):
            calls += calls_for(one, 0)
            size += size_bytes(None, 0)
            parts.append(one)
    return Plan(
        route=Route.PAGES if parts else Route.NONE,
        calls=calls,
        size_bytes=size,
        minutes=minutes(calls, limit_per_minute),
        parts=tuple(parts),
        sessions=sessions,
        held=held,
        not_in_plan=tuple(outside),
        refused=refused,
    )


def asked_range(request: DownloadRequest) -> tuple[date, date]:
    """Return the dates (inclusive) whose sessions decide what to ask: whole weeks, months, quarters or years."""
    return request.spec.snap(request.start, request.end)


def needs_asking(status: SessionStatus, now: datetime, *, explicit: bool = False) -> bool:
    """Return whether a session has to be asked for (design 6).

    ``explicit``: somebody asked for a retry, so a refusal or a late answer is not waited out.
    """
    if status.state is SessionState.MARKET_CLOSED:
        return False
    if status.asked_at is None or status.state in (SessionState.NEVER_ASKED, SessionState.FAILED):
        return True
    age = now - status.asked_at
    if age < -SKEW or (explicit and not status.state.explained):
        return True
    if not status.settled or status.state is SessionState.LATE:
        return age > RESTS
    return status.state is SessionState.NOT_ENTITLED and age > REFUSED


def actions_due(asked_at: datetime | None, now: datetime) -> bool:
    """Return whether splits or dividends, last fetched at ``asked_at``, have to be fetched again."""
    return asked_at is None or not -SKEW <= now - asked_at <= ACTIONS


def action_parts(
    request: DownloadRequest, ticker: str, asked: ActionsAsked, now: datetime, cut: Sequence[date] = ()
) -> list[Part]:
    """Return the part for the splits or dividends that a request needs, when it is due.

    The part for splits also brings the day bars of bars that a split cuts in two: ``cut`` are sessions of such bars
    that have to be asked for.
    """
    if request.dataset is not Dataset.BARS:
        dataset = request.dataset
    elif needs_splits(request, ticker):
        dataset = Dataset.SPLITS
    else:
        return []
    if not cut and not actions_due(asked.get((dataset, ticker)), now):
        return []
    return [Part(request.source, dataset, ticker, request.start, request.end)]


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
    first, last = asked_range(request)
    if request.spec.spreads and request.spec.multiplier > 1:
        spans = [(first, last)]
    else:
        spans = _snapped(request, runs(need, calendar.sessions(need[0], need[-1])))
    latest = max(day_of(now), request.end)
    whole = [Part(request.source, Dataset.BARS, ticker, start, min(end, latest), request.spec) for start, end in spans]
    return joined(whole, lambda part: calls_for(part, len(calendar.sessions(part.start, part.end))))


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


def _asked_again(status: SessionStatus, now: datetime) -> bool:
    """Return whether a refusal is so old that the session is asked for once more."""
    return status.state is SessionState.NOT_ENTITLED and needs_asking(status, now)
