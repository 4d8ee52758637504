"""What a job came to: asked of the store, session by session, not of the job's own memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from redline.errors import MalformedPage, NotEntitled
from redline.jobs.job import JobError, PartState, PartView
from redline.jobs.results import COMPLETE, FAILED, INCOMPLETE, TickerResult
from redline.jobs.rows import Rows
from redline.jobs.seams import adjustable, needs_splits
from redline.jobs.stage import Stage
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import Gap, SessionState, SessionStatus, gaps

SAID = "The vendor said: "


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a job as the ledger writes it down."""

    stage: Stage
    records: int
    gaps: tuple[Gap, ...]
    tickers: tuple[TickerResult, ...]
    error: JobError | None
    text: str


def outcome(
    request: DownloadRequest,
    parts: Sequence[PartView],
    store: Rows,
    now: datetime,
    *,
    stage: Stage,
    error: JobError | None,
) -> Outcome:
    """Return what a job at rest came to.

    Complete: every session asked for is explained, and what the prices are adjusted with is there. Failed: nothing of
    it is, for an error; what is merely not published yet is incomplete. ``stage`` is what the ledger says now,
    ``error`` what made it give up.
    """
    failed = {one.part.ticker: one.error for one in parts if one.state is not PartState.DONE}
    known = _Known(request, store, now)
    results: list[TickerResult] = []
    found: list[Gap] = []
    explained = 0
    for ticker in request.tickers:
        one = known.of(ticker)
        mine = gaps(ticker, list(one.statuses))
        found += mine
        explained += one.explained
        error_here = failed.get(ticker)
        whole = one.whole and ticker not in failed
        reason = "" if whole else _reason(error_here, mine)
        state = COMPLETE if whole else INCOMPLETE if one.records or one.explained else FAILED
        results.append(TickerResult(ticker, one.records, whole, state, reason))
    results += [TickerResult(ticker, 0, False, FAILED, reason) for ticker, reason in request.refused]
    error = error or next((one.error for one in parts if one.error is not None), None) or _of_gaps(request, found)
    ended = _ended(stage, all(one.complete for one in results), explained > 0 or error is None)
    records = sum(one.records for one in results)
    error = None if ended is Stage.COMPLETE else error
    return Outcome(ended, records, tuple(found), tuple(results), error, _text(ended, records, found, error))


@dataclass(frozen=True, slots=True)
class _Ticker:
    """What the store knows of one ticker: statuses, how many are explained, rows, and whether nothing is lacking."""

    statuses: Sequence[SessionStatus]
    explained: int
    records: int
    whole: bool


class _Known:
    """Asks the store for all tickers at once where it can; thousands share few lists of statuses."""

    def __init__(self, request: DownloadRequest, store: Rows, now: datetime) -> None:
        self._request, self._store, self._now = request, store, now
        self._statuses: dict[str, list[SessionStatus]] = {}
        self._sums: dict[int, tuple[int, int]] = {}
        if request.dataset is Dataset.BARS:
            plain = [one for one in request.tickers if needs_splits(request, one)]
            span = (request.start, request.end)
            self._statuses = store.statuses_many(request.source, request.spec, request.tickers, *span, now)
            self._asked = store.actions_asked_many(request.source, Dataset.SPLITS, plain, request.start)
        else:
            self._asked = store.actions_asked_many(request.source, request.dataset, request.tickers)
            self._counts = self._listed()

    def of(self, ticker: str) -> _Ticker:
        """Return what is known of a ticker."""
        request = self._request
        if request.dataset is not Dataset.BARS:
            asked = self._asked[ticker] is not None
            return _Ticker((), int(asked), self._counts.get(ticker, 0), asked)
        statuses = self._statuses[ticker]
        if id(statuses) not in self._sums:
            self._sums[id(statuses)] = sum(one.state.explained for one in statuses), sum(one.rows for one in statuses)
        explained, rows = self._sums[id(statuses)]
        adjustable_too = ticker not in self._asked or self._asked[ticker] is not None
        if request.spec.spreads:
            adjustable_too = adjustable_too and adjustable(self._store, request, ticker, self._now)
            rows = self._long_bars(ticker, statuses)
        return _Ticker(statuses, explained, rows, explained == len(statuses) and adjustable_too)

    def _listed(self) -> Counter[str]:
        """Return how many splits or dividends are held of each ticker."""
        splits = self._request.dataset is Dataset.SPLITS
        table = (self._store.splits_table if splits else self._store.dividends_table)(self._request.tickers)
        return Counter(table["ticker"].to_pylist())

    def _long_bars(self, ticker: str, statuses: Sequence[SessionStatus]) -> int:
        """Return the bars held: one of a week counts once, though each of its sessions has it."""
        request = self._request
        if not any(one.state is SessionState.STORED for one in statuses):
            return 0
        dated = request.spec.dated(request.start, request.end)
        held = self._store.bars_table((ticker,), request.spec, *dated, source=request.source)
        return sum(request.spec.window(day)[1] >= request.start for day in held["date"].to_pylist())


def _reason(error: JobError | None, mine: Sequence[Gap]) -> str:
    """Return why a ticker is not complete, in a sentence."""
    if error is not None:
        return error.sentence
    gap = next((one for one in mine if not one.state.explained), None)
    if gap is None:
        return "Its splits could not be fetched, so its prices cannot be adjusted."
    span = f"{gap.start}" if gap.start == gap.end else f"{gap.start} to {gap.end}"
    return f"{span}: {gap.state.words}. {gap.answer or gap.reason}".strip()


def _ended(stage: Stage, complete: bool, anything: bool) -> Stage:
    if stage is Stage.CANCELLING:
        return Stage.CANCELLED
    if stage is Stage.FAILING:
        return Stage.FAILED
    if complete:
        return Stage.COMPLETE
    return Stage.INCOMPLETE if anything else Stage.FAILED


def _of_gaps(request: DownloadRequest, found: Sequence[Gap]) -> JobError | None:
    """Return the error behind a gap that no part of this job met: rows that could not be used, or the refusal of an
    earlier job, which is not asked for again the same day but stands all the same.
    """
    failed = next((gap for gap in found if gap.state is SessionState.FAILED), None)
    refused = next((gap for gap in found if gap.state is SessionState.NOT_ENTITLED), None)
    if failed is not None:
        hint = "Retry; what was set aside is kept with its reason."
        return JobError.of(MalformedPage(request.source, f"{failed.answer.rstrip('.')}.", hint))
    if refused is None:
        return None
    what = f"{request.spec} bars {refused.ticker} {refused.start} to {refused.end}"
    return JobError.of(NotEntitled(request.source, what, refused.answer.removeprefix(SAID), timeframe=True))


def _text(stage: Stage, records: int, found: Sequence[Gap], error: JobError | None) -> str:
    rows = f"{records} rows held for what was asked"
    listed = f"{len(found)} gap" + ("" if len(found) == 1 else "s")
    return f"{stage.value.capitalize()}: {rows}, {listed}." + (f" {error.sentence}" if error else "")
