"""The engine: what web, command line and library call. It wires the rooms together and does no work of its own."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from redline.clock import Clock, SystemClock, Watch
from redline.config.access import Access
from redline.config.key_in import KeyIn
from redline.config.keys import KeyOut, KeyRing, open_vault
from redline.config.settings import Settings, load
from redline.downloaders.base_downloader import BaseDownloader
from redline.engine.result import DownloadResult, ExportFile, SourceInfo, Status, budget_json
from redline.engine.sources import Demo, Sources
from redline.engine.workspace import Workspace
from redline.errors import BadField, JobFailed, NoData, NotFound
from redline.jobs.job import JobEvent, JobRecord, JobView, PartView
from redline.jobs.planner import asked_range, plan
from redline.market.bar import DAILY, BarSpec
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Plan
from redline.market.request import Adjust, BarsQuery, Dataset, DownloadRequest, Format, year_before
from redline.market.schema import DIVIDENDS_WIRE, SPLITS_WIRE
from redline.market.session import Gap, SessionStatus, gaps
from redline.net.budget import Budgets
from redline.net.logs import install_logging
from redline.net.usage import KeyUsage
from redline.query.bars import read_bars
from redline.query.export import export, file_name, media_type
from redline.store import Held


class Engine:
    """Everything that REDLINE can do, over one ``REDLINE_HOME``. Thread-safe; close it, or use it in a ``with``."""

    def __init__(self, settings: Settings, clock: Clock, *, demo: Demo | None = None, work: bool = True) -> None:
        self.settings, self.clock = settings, clock
        self._vault = open_vault(settings, clock)
        self._keys = KeyRing(self._vault, settings)
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
            with suppress(NotFound):
                space.runner.get(job_id)
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
        table = self._rows(space, request, adjust)
        found = DownloadResult(request, job, table, job.gaps)
        return found if empty else found.some()

    def _rows(self, space: Workspace, request: DownloadRequest, adjust: Adjust | None) -> Any:
        if request.dataset is Dataset.SPLITS:
            return space.store.splits_table(request.tickers).select(SPLITS_WIRE.names)
        if request.dataset is Dataset.DIVIDENDS:
            return space.store.dividends_table(request.tickers).select(DIVIDENDS_WIRE.names)
        wanted = adjust or (Adjust.SPLITS if request.adjusted else Adjust.NONE)
        return read_bars(space.store, BarsQuery(request.tickers, request.start, request.end, request.spec, wanted))

    # -- what is held -------------------------------------------------------------------------------------------------

    def bars(self, query: BarsQuery) -> Any:
        """Return the bars that are held as a pyarrow table, adjusted as asked.

        Raises:
            NoData: nothing is held there, or not the corporate actions that the adjustment needs.
        """
        found = self.held_bars(query)
        if not found.num_rows:
            span = f" from {query.start or 'the first day'} to {query.end or 'today'}"
            raise NoData(
                f"No {query.spec} bars of {', '.join(query.tickers)} are held{span}.",
                "Download them first: POST /download, or the Download page.",
                ticker=query.tickers[0],
            )
        return found

    def held_bars(self, query: BarsQuery) -> Any:
        """Return the bars that are held, maybe none."""
        return read_bars(self._now_in.store, query)

    def export(self, query: BarsQuery, fmt: Format) -> ExportFile:
        """Write the bars of a query to a file of its own; whoever sends it deletes it."""
        table = self.bars(query)
        folder = self._now_in.home / "exports"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / f"{secrets.token_hex(8)}.{fmt.value}"
        export(table, fmt, path)
        return ExportFile(path, file_name(query, fmt), media_type(fmt))

    def write(self, table: Any, fmt: Format, destination: Path) -> Path:
        """Write rows to a file of the user's; it is whole or as it was before.

        Raises:
            BadField: the file cannot be written, or the format cannot hold so many rows.
        """
        try:
            export(table, fmt, destination)
        except ValueError as error:
            raise BadField("format", fmt.value, str(error)) from error
        except OSError as error:
            raise BadField("out", destination.name, f"it cannot be written: {error.strerror}") from error
        return destination

    def coverage(
        self, ticker: str, spec: BarSpec, start: date, end: date, source: str = "massive"
    ) -> list[SessionStatus]:
        """Return what is known about each session, ``start`` to ``end`` inclusive."""
        return self._now_in.store.statuses(source, spec, ticker, start, end, self.clock.now())

    def gaps(self, ticker: str, spec: BarSpec, start: date, end: date, source: str = "massive") -> list[Gap]:
        """Return the gaps from ``start`` to ``end``, both inclusive."""
        return gaps(ticker, self.coverage(ticker, spec, start, end, source))

    def splits(self, ticker: str) -> Any:
        """Return the splits that are held of a ticker as a pyarrow table (``SPLITS_WIRE`` and more), by date."""
        return self._now_in.store.splits_table((ticker,))

    def held(self) -> Sequence[Held]:
        """Return what is held, series by series."""
        return self._now_in.store.held()

    def status(self) -> Status:
        """Return what is held, what runs and each key's budget."""
        return Status(self._now_in.home, tuple(self.held()), tuple(self.jobs(20)), tuple(self.usage()), demo=self.demo)

    # -- keys and budgets ---------------------------------------------------------------------------------------------

    def usage(self) -> list[KeyUsage]:
        """Return the budgets of the keys that are known, and of those that were used since this engine began."""
        return self._sources.usage()

    def budget(self) -> list[dict[str, object]]:
        """Return the rows of ``GET /budget`` (design 4.3)."""
        return [budget_json(one) for one in self.usage()]

    def keys(self) -> Sequence[KeyOut]:
        """Return all keys that are known, without the keys."""
        return self._keys.list()

    def save_key(self, body: Mapping[str, object], *, form: bool = False) -> KeyOut:
        """Save a key (design 4.3, *key in*); its limit holds for everybody from now on. In a form all values are text.

        Raises:
            BadField: by name of the field.
        """
        wanted = KeyIn.parse_form({name: str(value) for name, value in body.items()}) if form else KeyIn.parse(body)
        saved = self._keys.save(wanted)
        self._sources.note_limit(saved.source)
        return saved

    def delete_key(self, source: str) -> None:
        """Forget a saved key; raises ``NotFound``."""
        self._keys.delete(source)

    def test_key(self, source: str) -> dict[str, object]:
        """Ask the source what its key may do, and remember plan and limit.

        Raises:
            MissingKey, InvalidKey, RateLimited, ProviderUnavailable: as the source answers.
        """
        key = self._sources.key(source)
        found = self._sources.live(source, patience_s=60.0).test_key(Watch())
        self._keys.note_test(source, found, key.api_key)
        self._sources.note_limit(source)
        return found

    def rotate_master_key(self) -> None:
        """Encrypt all keys anew under a new master key; the old one opens nothing afterwards."""
        self._vault.rotate()

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
