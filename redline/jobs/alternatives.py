"""The routes beside the chosen one, and the bill of a market whose tickers are not known yet. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from redline.jobs.bill import LIST_CALLS, MARKET_TICKERS, flat_files, minutes, size_bytes
from redline.jobs.mix import Lacking, Mix, Mixer
from redline.market.bar import Timespan
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Part, Plan, Route
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState, SessionStatus

NO_FILES = "Files of whole sessions cost nothing of the key's budget, but this version does not read them."
Planned = Callable[[DownloadRequest, Mapping[str, Sequence[SessionStatus]]], Plan]


def alternatives(
    request: DownloadRequest, chosen: Mix, mixer: Mixer, lacking: Lacking, limit_per_minute: float | None
) -> tuple[Plan, ...]:
    """Return the other routes to the bars that are lacking, the quickest first; what cannot be taken comes last."""
    if not lacking.kind:
        return ()
    found: list[Plan] = []
    for mix in (mixer.pages(), mixer.market()):
        other = _bill(mix.route, mix.calls, mix.size, minutes(mix.calls, limit_per_minute))
        if mix.route is not chosen.route and other not in found:
            found.append(other)
    found.sort(key=lambda one: (one.minutes, one.size_bytes))
    days = {day for ticker, kind in lacking.kind.items() if ":" not in ticker for day in lacking.kinds[kind]}
    if days and request.spec.timespan is not Timespan.SECOND:
        lists = sum(one.dataset is not Dataset.BARS for one in chosen.parts)
        size, coming = flat_files(request.spec.timespan, len(days))
        found.append(
            replace(
                _bill(Route.FLAT_FILES, lists, size, coming + minutes(lists, limit_per_minute)),
                possible=False,
                why=NO_FILES,
            )
        )
    return tuple(found)


def of_unknown(
    request: DownloadRequest,
    planned: Planned,
    *,
    now: datetime,
    calendar: TradingCalendar,
    limit_per_minute: float | None,
) -> Plan:
    """Return the plan of a universe whose tickers are not known yet: its list, and the bill of a whole market.

    ``planned`` plans a request with the statuses of its tickers; it is asked for as many tickers as a market has, of
    which nothing is held.
    """
    day = request.as_of or day_of(now)
    part = Part(request.source, Dataset.TICKERS, request.universe, day, day)
    first, last = request.spec.snap(request.start, request.end)
    sessions = calendar.sessions(first, min(last, day_of(now)))
    never = [SessionStatus(one, SessionState.NEVER_ASKED) for one in sessions]
    tickers = tuple(f"T{n}" for n in range(MARKET_TICKERS))
    rest = planned(replace(request, tickers=tickers), dict.fromkeys(tickers, never))
    plans = [
        replace(
            one,
            calls=one.calls + LIST_CALLS,
            size_bytes=one.size_bytes + LIST_CALLS * size_bytes(None, 0),
            minutes=one.minutes
            - minutes(one.calls, limit_per_minute)
            + minutes(one.calls + LIST_CALLS, limit_per_minute),
        )
        for one in (rest, *rest.alternatives)
    ]
    return replace(plans[0], parts=(part,), alternatives=tuple(plans[1:]))


def _bill(route: Route, calls: int, size: int, took: float) -> Plan:
    return Plan(route, calls, size, took, parts=(), sessions=0, held=0)
