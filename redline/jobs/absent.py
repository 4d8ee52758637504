"""Tickers that no answer for the whole market had: not a stock, a wrong name, or one that hardly trades."""

from __future__ import annotations

from datetime import datetime

from redline.jobs.rows import Rows
from redline.market.bar import DAILY
from redline.market.part import Part
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState


def absent_parts(request: DownloadRequest, store: Rows, now: datetime) -> list[Part]:
    """Return the parts that ask for such tickers one by one: their own pages, then the source's reference data, tell.

    The tickers of a universe are known to be there, and so is one of which any bar is held. The part for a ticker is
    always the same, so that it is asked for once a job.
    """
    if request.dataset is not Dataset.BARS or request.spec != DAILY or request.universe:
        return []
    found = store.statuses_many(request.source, request.spec, request.tickers, request.start, request.end, now)
    absent: list[str] = []
    asked: dict[int, bool] = {}
    for ticker in request.tickers:
        statuses = found[ticker]
        if id(statuses) not in asked:
            states = {one.state for one in statuses}
            asked[id(statuses)] = SessionState.NO_TRADES in states and SessionState.STORED not in states
        if asked[id(statuses)]:
            absent.append(ticker)
    held = {one.ticker for one in store.held() if one.dataset is Dataset.BARS} if absent else set()
    return [
        Part(request.source, Dataset.BARS, ticker, request.start, request.end, DAILY)
        for ticker in absent
        if ticker not in held
    ]
