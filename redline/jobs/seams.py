"""Splits that fall inside of bars of a week or longer: such a bar can only be adjusted from the bars of its days.

The spans follow from the request and the splits held, so every room of the house comes to the same ones.
"""

from __future__ import annotations

from datetime import date, datetime

from redline.jobs.rows import Rows
from redline.market.adjust import splits_matter
from redline.market.bar import DAILY
from redline.market.calendar import day_of
from redline.market.part import Part
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState, SessionStatus

_UNKNOWN = frozenset({SessionState.NEVER_ASKED, SessionState.FAILED, SessionState.NOT_ENTITLED})


def needs_splits(request: DownloadRequest, ticker: str) -> bool:
    """Return whether the bars of a ticker are adjusted for splits; ``O:``, ``I:``, ``C:``, ``X:`` never are."""
    return request.dataset is Dataset.BARS and request.adjusted and splits_matter(ticker)


def seam_parts(store: Rows, request: DownloadRequest, ticker: str, today: date) -> list[Part]:
    """Return the parts of raw day bars that the splits held make necessary, held or not."""
    if not needs_splits(request, ticker) or not request.spec.spreads:
        return []
    splits = store.splits_table((ticker,)).to_pylist()
    days = {one["execution_date"] for one in splits if one["source"] == request.source}
    spans = request.spec.seams(days, request.start, request.end)
    return [
        Part(request.source, Dataset.BARS, ticker, start, min(end, today), DAILY)
        for start, end in spans
        if start <= today
    ]


def seam_statuses(store: Rows, request: DownloadRequest, ticker: str, now: datetime) -> list[SessionStatus]:
    """Return what is known of the sessions of those parts."""
    parts = seam_parts(store, request, ticker, day_of(now))
    return [
        one for part in parts for one in store.statuses(part.source, part.spec, part.ticker, part.start, part.end, now)
    ]


def adjustable(store: Rows, request: DownloadRequest, ticker: str, now: datetime) -> bool:
    """Return whether all is held that a ticker's bars are adjusted with."""
    if not needs_splits(request, ticker):
        return True
    if store.actions_asked(request.source, Dataset.SPLITS, ticker) is None:
        return False
    return not any(one.state in _UNKNOWN for one in seam_statuses(store, request, ticker, now))
