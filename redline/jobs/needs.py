"""Which tickers of a job lack a session, when one answer for the whole market is asked for."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime

from redline.clock import Clock
from redline.jobs.job import JobRecord
from redline.jobs.planner import REPAIRED, needs_asking
from redline.jobs.rows import Rows
from redline.jobs.spans import runs
from redline.market.calendar import TradingCalendar
from redline.market.session import SessionState, SessionStatus

Needs = Mapping[date, tuple[str, ...]]
JOBS_KEPT = 4


def lacks(job: JobRecord, status: SessionStatus, now: datetime) -> bool:
    """Return whether a job has to ask for a session; what was answered since the job began is not asked for again."""
    answered = (
        status.asked_at is not None
        and job.asked_from <= status.asked_at <= now
        and status.state not in (SessionState.FAILED, SessionState.NEVER_ASKED)
    )
    if job.request.repair and status.state not in REPAIRED:
        return False
    return not answered and needs_asking(status, now, explicit=job.explicit)


class MarketNeeds:
    """Looks once a job, for its thousands of tickers lack the same sessions mostly. Thread-safe.

    An answer for the whole market may speak only for tickers that lack the session: of another it could lack a row that
    the ticker's own pages brought, an over-the-counter stock's say. ``paged`` names the tickers of a job that have
    pages of their own.
    """

    def __init__(self, store: Rows, clock: Clock, paged: Callable[[str], set[str]]) -> None:
        self._store, self._clock, self._paged = store, clock, paged
        self._known: dict[tuple[str, datetime, int], Needs] = {}
        self._lock = threading.Lock()

    def of(self, job: JobRecord) -> Needs:
        """Return the tickers that lack each session, in the order of the request."""
        key = (job.job_id, job.asked_from, len(job.request.tickers))
        with self._lock:
            if key not in self._known:
                while len(self._known) >= JOBS_KEPT:
                    del self._known[next(iter(self._known))]
                self._known[key] = self._look(job)
            return self._known[key]

    def _look(self, job: JobRecord) -> Needs:
        request, now = job.request, self._clock.now()
        paged = self._paged(job.job_id)
        tickers = [one for one in request.tickers if ":" not in one and one not in paged]
        found = self._store.statuses_many(request.source, request.spec, tickers, request.start, request.end, now)
        days: dict[int, tuple[date, ...]] = {}  # by the list itself: equal tickers share theirs
        lacking: dict[date, list[str]] = defaultdict(list)
        for ticker in tickers:
            statuses = found[ticker]
            if id(statuses) not in days:
                days[id(statuses)] = tuple(one.session for one in statuses if lacks(job, one, now))
            for day in days[id(statuses)]:
                lacking[day].append(ticker)
        shared: dict[tuple[str, ...], tuple[str, ...]] = {}  # one tuple for all sessions that the same tickers lack
        return {day: shared.setdefault(tuple(names), tuple(names)) for day, names in lacking.items()}


def same_tickers(
    days: Sequence[date], needs: Needs, calendar: TradingCalendar
) -> list[tuple[tuple[date, date], tuple[str, ...]]]:
    """Return ``days`` as spans (inclusive) of neighbouring sessions that the same tickers lack, with those tickers."""
    by_tickers: dict[tuple[str, ...], list[date]] = defaultdict(list)
    for day in sorted(days):
        if needs.get(day):
            by_tickers[needs[day]].append(day)
    return [
        (span, tickers)
        for tickers, mine in by_tickers.items()
        for span in runs(mine, calendar.sessions(mine[0], mine[-1]))
    ]
