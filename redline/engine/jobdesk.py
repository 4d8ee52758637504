"""Jobs: submitting, following and steering them, and the rows that they brought."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from redline.downloaders.base_downloader import BaseDownloader
from redline.engine.holdings import Holdings, Shelf
from redline.engine.planning import Planning
from redline.engine.result import DownloadResult
from redline.engine.workspace import Workspace
from redline.errors import JobFailed
from redline.jobs.job import JobEvent, JobRecord, JobView, PartView
from redline.jobs.worker import Replan
from redline.market.part import Plan
from redline.market.request import Adjust, BarsQuery, Dataset, DownloadRequest
from redline.market.schema import DIVIDENDS_WIRE, SPLITS_WIRE
from redline.query.bars import read_bars


class JobDesk(Planning):
    """The part of the engine that knows jobs. A demo job goes on after a key was saved."""

    def submit(
        self, request: DownloadRequest, api_key: str | None = None, *, idempotency_key: str | None = None
    ) -> JobView:
        """Start the job of a request, or return the one that answers it already.

        ``api_key`` is used for this job alone; it is kept encrypted until the job ends.

        Raises:
            MissingKey: no key is known. BadField: ``api_key`` is no key.
        """
        if api_key is not None:
            self._sources.key(request.source, api_key)
        space = self._space(demo=self._in_demo(request, api_key))
        planned = self.plan(request, api_key)
        sealed = self._sealed(api_key) if api_key is not None else None
        return space.runner.submit(request, planned, sealed, idempotency_key=idempotency_key)

    def wait(self, job_id: str, timeout_s: float) -> JobView:
        """Return the job when it has ended, or as it is after ``timeout_s``."""
        return self._holding(job_id).runner.wait(job_id, timeout_s)

    def job(self, job_id: str) -> JobView:
        """Return a job; raises ``NotFound``."""
        return self._holding(job_id).runner.get(job_id)

    def jobs(self, limit: int = 50) -> list[JobView]:
        """Return the latest jobs, newest first."""
        return self._now_in.runner.list(limit)

    def holdings_of(self, job_id: str) -> Holdings:
        """Return the holdings that a job writes to: the demo's for a demo job, also after a key was saved."""
        space = self._holding(job_id)
        return Shelf(space, self.clock, demo=space.demo)

    def job_parts(self, job_id: str, limit: int = 1_000) -> list[PartView]:
        """Return the parts of a job in order."""
        return self._holding(job_id).runner.parts(job_id, limit)

    def job_events(self, job_id: str, after: int = 0, timeout_s: float = 0.0) -> list[JobEvent]:
        """Return the events of a job after ``after``; wait up to ``timeout_s`` for the first."""
        return self._holding(job_id).runner.events(job_id, after, timeout_s)

    def pause(self, job_id: str) -> JobView:
        """Let a job rest after the part in flight; raises ``Conflict`` when it has ended."""
        return self._holding(job_id).runner.pause(job_id)

    def resume(self, job_id: str) -> JobView:
        """Let a paused job go on."""
        return self._holding(job_id).runner.resume(job_id)

    def cancel(self, job_id: str) -> JobView:
        """End a job after the part in flight; what was fetched is kept."""
        return self._holding(job_id).runner.cancel(job_id)

    def retry(self, job_id: str) -> JobView:
        """Do the failed parts of a job again."""
        return self._holding(job_id).runner.retry(job_id)

    def result(self, job_id: str, adjust: Adjust | None = None, *, empty: bool = False) -> DownloadResult:
        """Return the rows of a job that has ended; bars adjusted as it asked, or as ``adjust`` says.

        Raises:
            JobFailed: it failed, with the code and words of what made it fail.
            NoData: it ended well, and the source has no rows for what was asked; not when ``empty`` is allowed.
        """
        space, job = self._holding(job_id), self.job(job_id)
        if job.error is not None and (job.state.value == "failed" or not job.records):
            raise JobFailed(job.error.code, job.error.status, job.error.sentence, job.error.hint, job_id=job_id)
        request = job.request
        wanted = adjust or (Adjust.SPLITS if request.adjusted else Adjust.NONE)
        found = DownloadResult(request, job, _rows(space, request, wanted), job.gaps, wanted)
        return found if empty else found.some()

    def _replans(self, *, demo: bool) -> Replan:
        """Return what plans a job of the demo, or a real one, once the tickers of its universe are known."""

        def replan(record: JobRecord, tickers: tuple[str, ...]) -> tuple[DownloadRequest, Plan]:
            request = replace(record.request, tickers=tickers)
            downloader = self._demo_for(record) if demo else self._live_for(record)
            return request, self._planned(self._space(demo=demo), request, downloader)

        return replan

    # -- keys of jobs -------------------------------------------------------------------------------------------------

    def _demo_for(self, record: JobRecord) -> BaseDownloader:
        return self._sources.demonstration(record.request.source)

    def _live_for(self, record: JobRecord) -> BaseDownloader:
        own = self._unsealed(record.sealed_key) if record.sealed_key else None
        return self._sources.live(record.request.source, own)

    def _sealed(self, api_key: str) -> str:
        name = secrets.token_hex(8)
        return f"{name} {self._vault.seal(f'job:{name}', api_key)}"

    def _unsealed(self, sealed: str) -> str:
        name, token = sealed.split(" ", 1)
        return self._vault.open(f"job:{name}", token)


def _rows(space: Workspace, request: DownloadRequest, adjust: Adjust) -> Any:
    if request.dataset is Dataset.SPLITS:
        return space.store.splits_table(request.tickers).select(SPLITS_WIRE.names)
    if request.dataset is Dataset.DIVIDENDS:
        return space.store.dividends_table(request.tickers).select(DIVIDENDS_WIRE.names)
    return read_bars(space.store, BarsQuery(request.tickers, request.start, request.end, request.spec, adjust))
