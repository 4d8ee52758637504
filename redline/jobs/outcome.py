"""What a job came to: asked of the store, session by session, not of the job's own memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from redline.errors import MalformedPage, NotEntitled
from redline.jobs.job import JobError, PartState, PartView
from redline.jobs.results import TickerResult
from redline.jobs.rows import Rows
from redline.jobs.seams import adjustable
from redline.jobs.stage import Stage
from redline.market.bar import BarSpec
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
    failed = {one.part.ticker for one in parts if one.state is not PartState.DONE}
    results: list[TickerResult] = []
    found: list[Gap] = []
    explained = 0
    for ticker in request.tickers:
        if request.dataset is Dataset.BARS:
            statuses = store.statuses(request.source, request.spec, ticker, request.start, request.end, now)
            known = sum(one.state.explained for one in statuses)
            found += gaps(ticker, statuses)
            whole = known == len(statuses) and adjustable(store, request, ticker, now)
            explained += known
        else:
            whole = store.actions_asked(request.source, request.dataset, ticker) is not None
            statuses, explained = [], explained + whole
        records = _records(request, ticker, statuses, store)
        results.append(TickerResult(ticker, records, whole and ticker not in failed))
    error = error or next((one.error for one in parts if one.error is not None), None) or _of_gaps(request, found)
    ended = _ended(stage, all(one.complete for one in results), explained > 0 or error is None)
    records = sum(one.records for one in results)
    error = None if ended is Stage.COMPLETE else error
    return Outcome(ended, records, tuple(found), tuple(results), error, _text(ended, records, found, error))


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


def _records(request: DownloadRequest, ticker: str, statuses: Sequence[SessionStatus], store: Rows) -> int:
    """Return the rows held for what was asked. A bar of a week counts once, though each of its sessions has it."""
    spec: BarSpec = request.spec
    if request.dataset is Dataset.SPLITS:
        return int(store.splits_table((ticker,)).num_rows)
    if request.dataset is Dataset.DIVIDENDS:
        return int(store.dividends_table((ticker,)).num_rows)
    if not spec.spreads:
        return sum(one.rows for one in statuses)
    if not any(one.state is SessionState.STORED for one in statuses):
        return 0
    held = store.bars_table((ticker,), spec, *spec.dated(request.start, request.end), source=request.source)
    return sum(spec.window(day)[1] >= request.start for day in held["date"].to_pylist())


def _text(stage: Stage, records: int, found: Sequence[Gap], error: JobError | None) -> str:
    rows = f"{records} rows held for what was asked"
    listed = f"{len(found)} gap" + ("" if len(found) == 1 else "s")
    return f"{stage.value.capitalize()}: {rows}, {listed}." + (f" {error.sentence}" if error else "")
