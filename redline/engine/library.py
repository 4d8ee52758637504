"""What ``redline.open()`` gives: the engine of the web app, in the words of a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from redline.engine.core import Engine
from redline.engine.result import Status
from redline.errors import JobFailed
from redline.jobs.job import JobView
from redline.market.part import Plan
from redline.market.request import Adjust, BarsQuery, DownloadRequest, Format
from redline.market.schema import frame
from redline.market.session import Gap

When = str | date | None
Whom = str | Sequence[str]


class Library:
    """Download, look and export. Dates are ``YYYY-MM-DD`` or ``date``, both inclusive; left out: the last year.

    Close it, or use it in a ``with``. ``engine`` is what it stands on.

    A list of tickers is one job by the cheapest route. ``failures``: ticker to reason, of whom the last ``download``
    of a list did not get everything.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.failures: dict[str, str] = {}

    def __enter__(self) -> Library:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop the workers and close the files; an unfinished job goes on when somebody opens again."""
        self.engine.close()

    def plan(self, ticker: Whom, start: When = None, end: When = None, **options: object) -> Plan:
        """Return what ``download`` with the same arguments would fetch and cost. Nothing is fetched."""
        return self.engine.plan(self._request(ticker, start, end, options)[0])

    def download(self, ticker: Whom, start: When = None, end: When = None, **options: object) -> Any:
        """Fetch what is not held, wait for it, and return the bars as a DataFrame (columns of ``BAR_COLUMNS``).

        Args:
            options: ``timespan`` ("day"), ``multiplier`` (1), ``adjust`` ("splits", "none" or "all"), ``source``.

        A frame without rows means that the source said so. One bad ticker in a list spoils nothing: it is in
        ``failures``.

        Raises:
            RequestError, ConfigError: the request or the installation is wrong.
            JobFailed: the source failed. What came before is kept, and the next call goes on from there.
        """
        request, adjust = self._request(ticker, start, end, options)
        if adjust is Adjust.ALL:
            self._finish(self.engine.dividends_for(request))
        job = self._finish(request)
        self.failures = {one.ticker: one.reason for one in job.tickers if not one.complete}
        return frame(self.engine.held_bars(_query(request, adjust)))

    def status(self) -> Status:
        """Return what is held, what runs and each key's budget."""
        return self.engine.status()

    def gaps(self, ticker: Whom, start: When = None, end: When = None, **options: object) -> list[Gap]:
        """Return the sessions that are not stored though the market was open, with the reason for each."""
        request, _ = self._request(ticker, start, end, options)
        return self.engine.gaps_of(request.tickers, request.spec, request.start, request.end, request.source)

    def export(self, ticker: Whom, path: str | Path, start: When = None, end: When = None, **options: object) -> Path:
        """Write bars that are held to a file; its ending (csv, parquet, feather, xlsx, duckdb, json) is the format."""
        request, adjust = self._request(ticker, start, end, options)
        destination = Path(path)
        fmt = Format.parse(destination.suffix.removeprefix(".").lower())
        return self.engine.write(self.engine.bars(_query(request, adjust)), fmt, destination)

    def _request(
        self, ticker: Whom, start: When, end: When, options: dict[str, object]
    ) -> tuple[DownloadRequest, Adjust]:
        adjust = Adjust.parse(options.pop("adjust", "splits"))
        body = {"start_date": start, "end_date": end, **options, "adjusted": adjust is not Adjust.NONE}
        if isinstance(ticker, str):
            return self.engine.parse_download({"ticker": ticker, **body}), adjust
        return self.engine.parse_bulk({"tickers": list(ticker), **body}), adjust

    def _finish(self, request: DownloadRequest) -> JobView:
        job = self.engine.submit(request)
        while not job.ended:
            job = self.engine.wait(job.job_id, 3600.0)
        partly = len(job.tickers) > 1 and job.state.value != "failed"
        if job.error is not None and not partly:
            raise JobFailed(job.error.code, job.error.status, job.error.sentence, job.error.hint, job_id=job.job_id)
        return job


def _query(request: DownloadRequest, adjust: Adjust) -> BarsQuery:
    return BarsQuery(request.tickers, request.start, request.end, request.spec, adjust)
