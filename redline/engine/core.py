"""The engine: what web, command line and library call. It wires the rooms together and does no work of its own."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from redline.clock import Clock, SystemClock
from redline.config.access import Access
from redline.config.keys import KeyRing, open_vault
from redline.config.settings import Settings, load
from redline.downloaders.base_downloader import BaseDownloader
from redline.engine.holdings import Holdings, Shelf
from redline.engine.keydesk import KeyDesk
from redline.engine.result import DownloadResult, SourceInfo, Status
from redline.engine.sources import Demo, Sources
from redline.engine.workspace import Workspace
from redline.errors import JobFailed, NotFound
from redline.jobs.job import JobEvent, JobRecord, JobView, PartView
from redline.jobs.planner import asked_range, plan
from redline.jobs.seams import seam_statuses
from redline.market.bar import DAILY
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Plan
from redline.market.request import Adjust, BarsQuery, Dataset, DownloadRequest, year_before
from redline.market.schema import DIVIDENDS_WIRE, SPLITS_WIRE
from redline.net.budget import Budgets
from redline.net.logs import install_logging
from redline.query.bars import read_bars


class Engine(Holdings, KeyDesk):
    """Everything that REDLINE can do, over one ``REDLINE_HOME``. Thread-safe; close it, or use it in a ``with``."""

    def __init__(self, settings: Settings, clock: Clock, *, demo: Demo | None = None, work: bool = True) -> None:
        self.settings, self.clock = settings, clock
        self._vault = open_vault(settings, clock)
        self._keys = KeyRing(self._vault, settings)
        self._mask_known_keys()
        self.access = Access(settings, clock)
        self._budgets = Budgets(settings.state_dir / "budgets.db", clock)
        self._sources = Sources(settings, self._keys, self._budgets, clock, demo)
        self._calendar = TradingCalendar(self.today())
        self._work, self._lock = work, threading.Lock()
        self._spaces: dict[bool, Workspace] = {}
        if work:
            self._space(demo=self.demo)  # Unfinished jobs go on at once.

    # -- where things are ---------------------------------------------------------------------------------------------

    @property
    def demo(self) -> bool:
        """Whether the demo market stands behind ``massive``; it steps aside the moment a key is known."""
        return self._sources.demo

    def today(self) -> date:
        """Return today's date in New York."""
        return day_of(self.clock.now())

    def last_session(self) -> date:
        """Return the last finished session; of the demo market, its last one."""
        demo = self._sources.demo_market
        return demo.last_session if self.demo and demo else self._calendar.last_finished(self.clock.now())

    @property
    def demo_tickers(self) -> tuple[str, ...]:
        """The tickers of the demo market; none when no demo stands in."""
        market = self._sources.demo_market
        return market.tickers if self.demo and market else ()

    def default_range(self) -> tuple[date, date]:
        """Return the dates (inclusive) of a request that names none: one year up to the last finished session."""
        last = self.last_session()
        return year_before(last), last

    def sources(self) -> list[SourceInfo]:
        """Return the sources that can be asked."""
        return self._sources.infos()

    def _space(self, *, demo: bool) -> Workspace:
        with self._lock:
            if demo not in self._spaces:
                home = self.settings.home / "demo" if demo else self.settings.home
                self._spaces[demo] = Workspace(
                    home, self.clock, self._calendar, self._demo_for if demo else self._live_for, work=self._work
                )
            return self._spaces[demo]

    @property
    def _now_in(self) -> Workspace:
        return self._space(demo=self.demo)

    def _holding(self, job_id: str) -> Workspace:
        """Return the workspace that knows a job: a demo job goes on after a key was saved."""
        current = self._now_in
        for space in [current, *[one for one in self._spaces.values() if one is not current]]:
            if space.ledger.knows(job_id):
                return space
        raise NotFound(f'There is no job "{job_id[:40]}".', "The list of jobs is at /jobs.")

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

    # -- downloads ----------------------------------------------------------------------------------------------------

    def parse_download(self, body: Mapping[str, object]) -> DownloadRequest:
        """Return the request in the body of ``POST /download`` (without ``api_key`` and ``format``).

        Raises:
            BadField, BadRange, BadName: by name of the field.
        """
        request = DownloadRequest.parse(body, today=self.today(), last_session=self.last_session())
        self._sources.label(request.source)
        return request

    def plan(self, request: DownloadRequest, api_key: str | None = None) -> Plan:
        """Return what a request would fetch and cost. Nothing is fetched.

        Raises:
            MissingKey: no key is known, and no demo stands in.
        """
        space, now = self._now_in, self.clock.now()
        downloader = (
            self._sources.demonstration(request.source)
            if self._in_demo(api_key)
            else self._sources.live(request.source, api_key)
        )
        start, end = asked_range(request)
        bars = request.dataset is Dataset.BARS
        actions = [Dataset.SPLITS] if bars else [request.dataset]
        return plan(
            request,
            statuses={
                ticker: space.store.statuses(request.source, request.spec, ticker, start, end, now) if bars else []
                for ticker in request.tickers
            },
            actions_asked={
                (dataset, ticker): space.store.actions_asked(request.source, dataset, ticker)
                for dataset in actions
                for ticker in request.tickers
            },
            seams={ticker: seam_statuses(space.store, request, ticker, now) for ticker in request.tickers},
            now=now,
            calendar=self._calendar,
            calls_for=downloader.calls_for,
            limit_per_minute=60.0 / downloader.rate_limit_delay,
        )

    def _in_demo(self, api_key: str | None) -> bool:
        return self.demo and api_key is None

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
        space = self._space(demo=self._in_demo(api_key))
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
        return Shelf(space, self.clock, demo=space is self._spaces.get(True))

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
        found = DownloadResult(request, job, self._rows(space, request, wanted), job.gaps, wanted)
        return found if empty else found.some()

    def _rows(self, space: Workspace, request: DownloadRequest, adjust: Adjust) -> Any:
        if request.dataset is Dataset.SPLITS:
            return space.store.splits_table(request.tickers).select(SPLITS_WIRE.names)
        if request.dataset is Dataset.DIVIDENDS:
            return space.store.dividends_table(request.tickers).select(DIVIDENDS_WIRE.names)
        return read_bars(space.store, BarsQuery(request.tickers, request.start, request.end, request.spec, adjust))

    # -- life ---------------------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """Return what is held, what runs and each key's budget."""
        return Status(self._now_in.home, tuple(self.held()), tuple(self.jobs(20)), tuple(self.usage()), demo=self.demo)

    def health(self) -> dict[str, object]:
        """Return that the engine answers, and for whom."""
        return {"status": "ok", "demo": self.demo}

    def close(self) -> None:
        """Stop the workers and close the files. Unfinished jobs go on when an engine opens again."""
        for space in list(self._spaces.values()):
            space.close()
        self._budgets.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def dividends_for(self, request: DownloadRequest) -> DownloadRequest:
        """Return the request for the dividends that ``adjust=all`` of ``request`` needs."""
        return replace(request, dataset=Dataset.DIVIDENDS, spec=DAILY)


def open_engine(
    home: str | Path | None = None,
    *,
    arguments: Mapping[str, object] | None = None,
    demo: Demo | None = None,
    work: bool = True,
) -> Engine:
    """Return the engine of this process: settings from arguments and environment, the machine's clock.

    ``work=False``: look, do not fetch (``status``, ``keys``).
    """
    given = dict(arguments or {})
    if home is not None:
        given["home"] = str(home)
    settings = load(os.environ, arguments=given, cwd=Path.cwd())
    return Engine(settings, SystemClock(), demo=demo, work=work)


__all__ = ["Engine", "install_logging", "open_engine"]
