"""From the body of a request to a plan: which tickers a universe stands for, what is held, and what the rest costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta

from redline.downloaders.base_downloader import BaseDownloader
from redline.engine.house import House
from redline.engine.sources import DEMO_SOURCE
from redline.engine.workspace import Workspace
from redline.errors import BadField, Unsupported
from redline.jobs.planner import asked_range, plan
from redline.jobs.seams import seam_statuses
from redline.market.adjust import splits_matter
from redline.market.bar import DAILY
from redline.market.bulk import COLLECTION, HELD, parse_bulk
from redline.market.part import Part, Plan
from redline.market.request import Dataset, DownloadRequest

LIST_RESTS = timedelta(hours=24)  # D8: a list of today is asked for again after a day, one of a past date never.


class Planning(House):
    """The part of the engine that knows what a request would cost, and fetches nothing."""

    def parse_download(self, body: Mapping[str, object]) -> DownloadRequest:
        """Return the request in the body of ``POST /download`` (without ``api_key`` and ``format``).

        Raises:
            BadField, BadRange, BadName: by name of the field.
        """
        last = self.last_session(body.get("source", DEMO_SOURCE))
        request = DownloadRequest.parse(body, today=self.today(), last_session=last)
        self._sources.label(request.source)
        return request

    def parse_bulk(self, body: Mapping[str, object]) -> DownloadRequest:
        """Return the request in the body of ``POST /download/bulk`` (without ``api_key`` and what saves it).

        The universes ``held`` and ``collection:NAME`` become their tickers at once; ``us_stocks`` when its list is
        held, else with the job's first part.

        Raises:
            BadField, BadRange: by name of the field. NotFound: there is no such collection.
        """
        last = self.last_session(body.get("source", DEMO_SOURCE))
        request = parse_bulk(body, today=self.today(), last_session=last)
        self._sources.label(request.source)
        return self._resolved(request)

    def dividends_for(self, request: DownloadRequest) -> DownloadRequest:
        """Return the request for the dividends that ``adjust=all`` of ``request`` needs."""
        return replace(request, dataset=Dataset.DIVIDENDS, spec=DAILY)

    def plan(self, request: DownloadRequest, api_key: str | None = None) -> Plan:
        """Return what a request would fetch and cost. Nothing is fetched.

        Raises:
            MissingKey: no key is known, and no demo stands in. Unsupported: the source has nothing of the kind.
        """
        demo = self._in_demo(request, api_key)
        if demo:
            downloader = self._sources.demonstration(request.source)
        else:
            downloader = self._sources.live(request.source, api_key)
        _check_offered(downloader, request)
        return self._planned(self._space(demo=demo), request, downloader)

    def _in_demo(self, request: DownloadRequest, api_key: str | None) -> bool:
        return request.source == DEMO_SOURCE and api_key is None and self.demo

    def _planned(self, space: Workspace, request: DownloadRequest, downloader: BaseDownloader) -> Plan:
        store, now = space.store, self.clock.now()
        bars = request.dataset is Dataset.BARS
        start, end = asked_range(request)
        statuses = store.statuses_many(request.source, request.spec, request.tickers, start, end, now) if bars else {}
        # Windows of the whole market's splits count for plain stocks; all else has lists of its own.
        plain = [one for one in request.tickers if splits_matter(one)]
        asked: dict[tuple[Dataset, str], datetime | None] = {}
        for dataset in [Dataset.SPLITS] if bars else [request.dataset]:
            since = request.start if bars else None
            found = store.actions_asked_many(request.source, dataset, plain if bars else request.tickers, since)
            asked |= {(dataset, ticker): at for ticker, at in found.items()}
        return plan(
            request,
            statuses=statuses,
            actions_asked=asked,
            seams={one: seam_statuses(store, request, one, now) for one in request.tickers if request.spec.spreads},
            now=now,
            calendar=self._calendar,
            calls_for=downloader.calls_for,
            limit_per_minute=60.0 / downloader.rate_limit_delay,
            market_bars=downloader.capabilities.market_bars,
        )

    # -- universes ----------------------------------------------------------------------------------------------------

    def _resolved(self, request: DownloadRequest) -> DownloadRequest:
        """Return the request with the tickers that its universe stands for, as far as they are known here."""
        if not request.universe or request.tickers:
            return request
        if request.universe == HELD:
            return replace(request, tickers=self._held_tickers(request))
        if request.universe.startswith(COLLECTION):
            return self._of_collection(request)
        return replace(request, tickers=self._listed(request.source, request.universe, request.as_of))

    def _held_tickers(self, request: DownloadRequest) -> tuple[str, ...]:
        found = {one.ticker for one in self.held() if one.source == request.source and one.dataset is Dataset.BARS}
        if not found:
            raise BadField("universe", request.universe, f"no bars from {request.source} are held yet")
        return tuple(sorted(found))

    def _of_collection(self, request: DownloadRequest) -> DownloadRequest:
        kept = self._now_in.ledger.collections.get(request.universe.removeprefix(COLLECTION)).request
        tickers = kept.get("tickers")
        if isinstance(tickers, list):
            return replace(request, tickers=tuple(str(one) for one in tickers))
        return self._resolved(replace(request, universe=str(kept["universe"])))

    def _listed(self, source: str, name: str, as_of: date | None) -> tuple[str, ...]:
        """Return the list of a universe when it is held and not too old, else nothing: the job asks for it."""
        kept = self._now_in.store.universe(source, name, as_of or self.today())
        if kept is None:
            return ()
        asked_at, tickers = kept
        final = as_of is not None and as_of < self.today()
        return tickers if final or self.clock.now() - asked_at <= LIST_RESTS else ()


def _check_offered(downloader: BaseDownloader, request: DownloadRequest) -> None:
    """Raise ``Unsupported`` when the source has what is asked for of none of the tickers; each part sees to its own."""
    refused: Unsupported | None = None
    for ticker in request.tickers:
        part = Part(request.source, request.dataset, ticker, request.start, request.end, request.spec)
        try:
            downloader.check_offered(part)
        except Unsupported as error:
            refused = refused or error
        else:
            return
    if refused is not None:
        raise refused
