"""From a request and what is held to the parts that have to be fetched, and their bill. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from redline.jobs.alternatives import alternatives, of_unknown
from redline.jobs.bill import minutes
from redline.jobs.mix import Days, Lacking, Mixer
from redline.jobs.seams import needs_splits
from redline.jobs.spans import CallsFor
from redline.market.calendar import TradingCalendar
from redline.market.part import Part, Plan
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import Gap, SessionState, SessionStatus, gaps

RESTS = timedelta(minutes=15)  # Design 6: what is not settled is asked again at most this often.
REFUSED = timedelta(hours=24)  # A plan may have been changed, and its floor moves by a day each day.
ACTIONS = timedelta(hours=24)  # Design 6: splits once a day.
SKEW = timedelta(minutes=1)  # An answer from further in the future says that the clock was wrong then.
REPAIRED = frozenset({SessionState.FAILED, SessionState.LATE})

Statuses = Mapping[str, Sequence[SessionStatus]]
ActionsAsked = Mapping[tuple[Dataset, str], datetime | None]


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
    market_bars: bool = False,
) -> Plan:
    """Return the cheapest parts that bring what ``request`` lacks, and what they cost.

    The plan of a universe whose tickers are not known yet asks for its list, and reckons with a market that holds
    nothing.

    Args:
        statuses: for each ticker of a request for bars, the status of each session of ``asked_range(request)``; equal
            lists may be one and the same, which makes a plan for thousands of tickers quick.
        actions_asked: when the splits (or dividends) of a ticker were last fetched.
        now: aware.
        calls_for: the source's bill: the most calls that a part with so many sessions takes.
        limit_per_minute: of the key; ``None`` when it has none.
        seams: for each ticker, the status of each session whose day bar ``jobs.seams`` needs.
        market_bars: whether the source answers for the whole market: a session's day bars, or splits of a year.
    """
    if request.universe and not request.tickers:
        return of_unknown(
            request,
            lambda stand_in, never: plan(
                stand_in,
                statuses=never,
                actions_asked={},
                now=now,
                calendar=calendar,
                calls_for=calls_for,
                limit_per_minute=limit_per_minute,
                market_bars=market_bars,
            ),
            now=now,
            calendar=calendar,
            limit_per_minute=limit_per_minute,
        )
    known = _looked_at(request, statuses, now)
    lists, own = _lists(request, actions_asked, now, seams or {})
    lacking = Lacking(tuple(known.kinds), known.kind, lists, own)
    mixer = Mixer(request, lacking, now=now, calendar=calendar, calls_for=calls_for)
    chosen = mixer.cheapest() if market_bars else mixer.pages()
    return Plan(
        route=chosen.route,
        calls=chosen.calls,
        size_bytes=chosen.size,
        minutes=minutes(chosen.calls, limit_per_minute),
        parts=chosen.parts,
        sessions=known.sessions,
        held=known.held,
        not_in_plan=tuple(known.outside),
        refused=known.refused,
        alternatives=alternatives(request, chosen, mixer, lacking, limit_per_minute) if market_bars else (),
    )


@dataclass(slots=True)
class _Known:
    """What is known of the sessions of all tickers of a request: which they lack, and figures for the bill."""

    kinds: dict[Days, int] = field(default_factory=dict)
    kind: dict[str, int] = field(default_factory=dict)
    sessions: int = 0
    held: int = 0
    refused: int = 0
    outside: list[Gap] = field(default_factory=list)


def _looked_at(request: DownloadRequest, statuses: Statuses, now: datetime) -> _Known:
    found = _Known()
    if request.dataset is not Dataset.BARS:
        return found
    seen: dict[int, tuple[int, int, int, list[SessionStatus]]] = {}  # By identity: thousands share few lists.
    for ticker in request.tickers:
        mine = statuses.get(ticker, ())
        if id(mine) not in seen:
            lacks = [one.session for one in mine if _lacks(request, one, now)]
            lacking, need = frozenset(lacks), tuple(lacks)
            wanted = [one for one in mine if request.start <= one.session <= request.end]
            if request.repair:
                wanted = [one for one in wanted if one.session in lacking]
            held = [one for one in wanted if one.session not in lacking]
            refused = [one for one in held if one.state is SessionState.NOT_ENTITLED]
            kind = found.kinds.setdefault(need, len(found.kinds)) if need else -1
            seen[id(mine)] = kind, len(wanted), len(held), refused
        kind, sessions, held_here, refused = seen[id(mine)]
        if kind >= 0:
            found.kind[ticker] = kind
        found.sessions += sessions
        found.held += held_here
        found.refused += len(refused)
        found.outside += gaps(ticker, refused) if refused else []
    return found


def _lacks(request: DownloadRequest, status: SessionStatus, now: datetime) -> bool:
    return needs_asking(status, now) and not (request.repair and status.state not in REPAIRED)


def _lists(
    request: DownloadRequest, asked: ActionsAsked, now: datetime, seams: Statuses
) -> tuple[dict[str, Part], frozenset[str]]:
    """Return the parts for splits or dividends by ticker, and whose list must be the ticker's own.

    Bars of a week or longer need the day bars around each split, which the part for the ticker's own list brings.
    """
    lists: dict[str, Part] = {}
    for ticker in request.tickers:
        cut = [one.session for one in seams.get(ticker, ()) if needs_asking(one, now)]
        for part in action_parts(request, ticker, asked, now, cut):
            lists[ticker] = part
    alone = request.dataset is not Dataset.BARS or request.spec.spreads
    return lists, frozenset(one for one in lists if alone or ":" in one)


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
