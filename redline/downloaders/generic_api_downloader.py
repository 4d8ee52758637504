"""A REST API that a user describes: bars of days from whatever answers by HTTP.

The description is data (``config/custom_api.py``, ``docs/providers/custom-apis.md``); each concern is a ``generic_*``
module. Rows are kept as they come: nothing in a description says whether prices are adjusted.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import ClassVar

from redline.clock import Clock, SystemClock, Watch
from redline.config.custom_api import CustomApi
from redline.downloaders import alone, generic_body, generic_errors, generic_rows
from redline.downloaders.base_downloader import BaseDownloader, Capabilities, Option
from redline.downloaders.generic_body import Sheet
from redline.downloaders.generic_paging import Progress, next_url
from redline.downloaders.generic_request import first_url, headers_of, with_key
from redline.downloaders.generic_rows import Rows
from redline.downloaders.pager import Paging, Parsed, bar_pages
from redline.errors import (
    InvalidKey,
    MalformedPage,
    NextUrlRefused,
    NotEntitled,
    ProviderError,
    UnknownTicker,
    Unsupported,
)
from redline.market.bar import DAILY, Timespan
from redline.market.calendar import day_of
from redline.market.part import Listing, Page, Part
from redline.market.request import Dataset
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.net.http import PATIENCE_S, Answer, HttpClient
from redline.net.outgoing import Outgoing
from redline.net.redact import RedactingFilter, masked_errors, redact, register

DEFAULT_LIMIT = 60.0
"""Requests a minute when the configuration names none."""

_PROBE = "AAPL"
_FIRST = date(1970, 1, 2)
_NO_CONTENT = 204
#: At DEBUG the HTTP library logs whole addresses, and a key may stand in them.
_ADDRESSES = logging.getLogger("urllib3.connectionpool")
_MASKED = RedactingFilter()
_log = logging.getLogger(__name__)


class GenericAPIDownloader(BaseDownloader):
    """Bars of days from a REST API as a configuration describes it: a dict, or the path of a JSON file.

    ``name`` and ``label`` come from the configuration. ``outgoing`` says where it may lead; it, ``budgets`` and
    ``clock`` come from the engine. Without one, the settings of this process hold.
    """

    name = "generic"
    label = "Generic"
    capabilities: ClassVar[Capabilities] = Capabilities(
        datasets=frozenset({Dataset.BARS}), timespans=frozenset({Timespan.DAY}), page_rows=50_000
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("name", str, None, "What the source is called."),
        Option("base_url", str, None, "Where the API is: https, or a host listed in REDLINE_ALLOWED_HOSTS."),
        Option("endpoint", str, None, "Path and query, with places for {ticker}, {start_date} and {end_date}."),
        Option("column_mapping", dict, None, "Our column to theirs."),
        Option("api_key", str, None, "Key of the API.", secret=True),
        Option("api_key_param", str, "apiKey", "Where the key stands in the query, when no header names it."),
        Option("ticker_param", str, "ticker", "Parameter of the ticker, when endpoint does not name it."),
        Option("start_date_param", str, "start_date", "Parameter of the first day."),
        Option("end_date_param", str, "end_date", "Parameter of the last day, which counts."),
        Option("date_format", str, "YYYY-MM-DD", "How dates are written: words, iso or unix."),
        Option("date_unit", str, None, "Unit of dates that are numbers: s, ms, us, ns."),
        Option("timezone", str, "America/New_York", "Zone of the days that times belong to."),
        Option("response_format", str, "json", "json, csv or ndjson."),
        Option("data_path", str, "results", "Way to the rows in a JSON answer; empty: the answer itself."),
        Option("pagination", object, None, "next_url, cursor, page, offset or link; or an object with that as type."),
        Option("not_found_status", int, 404, "Status that says: no such ticker."),
        Option("rate_limit_per_minute", float, DEFAULT_LIMIT, "Requests a minute."),
        Option("timeout", float, 30.0, "Seconds until a silent answer is given up."),
        Option("headers", dict, {"Authorization": "Bearer {api_key}"}, "Sent with every request; may name the key."),
    )

    def __init__(
        self,
        config: Mapping[str, object] | str | Path | CustomApi,
        output_dir: str | Path = "data",
        *,
        outgoing: Outgoing | None = None,
        budgets: Budgets | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        patience_s: float | None = PATIENCE_S,
        breaker: Breaker | None = None,
    ) -> None:
        clock = clock or SystemClock()
        api = _api(config)
        key = "" if api.api_key is None else api.api_key.reveal()
        register(key)
        _ADDRESSES.addFilter(_MASKED)
        if outgoing is None or budgets is None:
            found = alone.settings()
            outgoing = Outgoing(found.allowed_hosts, found.port) if outgoing is None else outgoing
            budgets = alone.budgets(found, clock) if budgets is None else budgets
        self.api = api
        self.base_url = outgoing.check(api.base_url)
        self.name, self.label = api.source, api.name  # type: ignore[misc]  # a source is a configuration here
        limit = api.rate_limit_per_minute
        budget = budgets.key(self.name, self.base_url, key, limit, default_limit=DEFAULT_LIMIT)
        super().__init__(output_dir=output_dir, clock=clock, budget=budget)
        self._patience_s = patience_s
        self._http = HttpClient(
            self.name,
            self.base_url,
            budget,
            clock,
            rng or random.Random(),  # noqa: S311  spreads retries, guards nothing
            timeout_s=api.timeout,
            headers=headers_of(api),
            breaker=breaker,
            explain=lambda answer, what: generic_errors.explain(api, answer, what),
            addresses=outgoing.addresses,
        )

    def __repr__(self) -> str:
        return f"<GenericAPIDownloader {self.name} {self.base_url}>"

    def first_url(self, part: Part, *, adjusted: bool) -> str:
        return first_url(self.api, self.base_url, part.ticker, part.start, part.end)

    def parse_page(self, body: bytes, part: Part, *, adjusted: bool) -> Parsed:
        """Return the rows of one answer; where it goes on, ``pages`` knows: that may stand in a header."""
        sheet = generic_body.read(self.api, body, part.what)
        return generic_rows.parsed(self.api, part, [generic_rows.rows_of(self.api, sheet, part)])

    def fetch(self, url: str, part: Part, watch: Watch) -> bytes:
        return self._get(url, part.ticker, part.what, part.dataset.value, watch).body

    def listing(self, ticker: str, watch: Watch) -> Listing:
        """Return whether the API has any row of a ticker: one call, for all of its days.

        An API that refuses so wide a range has not said that it does not know the ticker.
        """
        what = f"the ticker {ticker}"
        url = first_url(self.api, self.base_url, ticker, _FIRST, day_of(self._clock.now()))
        with masked_errors():
            try:
                answer = self._get(url, ticker, what, "tickers", watch)
                return Listing(known=self._sheet(answer, what, first=True).count > 0)
            except UnknownTicker:
                return Listing(known=False)
            except (InvalidKey, MalformedPage):
                raise
            except ProviderError as error:
                if error.retryable:
                    raise
                return Listing(known=True)

    def test_key(self, watch: Watch) -> dict[str, object]:
        """Return what the key may do, found out with one call for the last days of a well-known share.

        Raises:
            InvalidKey, MalformedPage: the key was rejected, or the answer is not as described.
        """
        today = day_of(self._clock.now())
        part = Part(self.name, Dataset.BARS, _PROBE, today - timedelta(days=14), today)
        said = "OK"
        with masked_errors():
            try:
                self._read(self.first_url(part, adjusted=False), part, watch)
            except (UnknownTicker, NotEntitled) as error:  # it let the key in
                said = error.sentence
        return {
            "plan": "",
            "entitlements": {Dataset.BARS.value: said == "OK"},
            "rate_limit_per_minute": self._budget.limit_per_minute,
            "calls": 1,
            "said": {Dataset.BARS.value: said},
        }

    def narrower(self, part: Part, error: NotEntitled, today: date) -> tuple[Part, ...]:
        return ()

    def calls_for(self, part: Part, sessions: int) -> int:
        """Return the calls of a part whose rows fit into one answer, for nobody knows how many fit."""
        return 2 if self.api.paging.counts else 1

    # -- inside -------------------------------------------------------------------------------------------------------

    def check_offered(self, part: Part) -> None:
        super().check_offered(part)
        if part.spec != DAILY:
            raise Unsupported(f"{self.name} has no {part.spec} bars.", "A custom API has bars of one day.")

    def _walk(self, part: Part, watch: Watch, *, adjusted: bool) -> Iterator[Page]:
        def whole(url: str) -> Parsed:
            with masked_errors():
                return self._gather(url, part, watch)

        yield from bar_pages(part, self.first_url(part, adjusted=adjusted), whole)

    def _gather(self, url: str, part: Part, watch: Watch) -> Parsed:
        """Return the rows of all answers of a part: an API may begin with the newest."""
        paging, progress, seen = Paging(self.name, part.what, url), Progress(), set[int]()
        answers: list[Rows] = []
        asked: str | None = url
        while asked is not None:
            answer, sheet, rows = self._read(asked, part, watch, first=not answers)
            answers.append(rows)
            new = rows.days - seen
            seen |= new
            inside = sum(1 for day in new if _ordinal(part.start) <= day <= _ordinal(part.end))
            on = progress.counted(self.api, part.what, sheet, inside, len(new))
            asked = paging.follow(next_url(self.api, asked, sheet, answer.headers, progress, part.what), on)
        return generic_rows.parsed(self.api, part, answers)

    def _read(self, url: str, part: Part, watch: Watch, *, first: bool = True) -> tuple[Answer, Sheet, Rows]:
        """Return one answer and its rows; one that cannot be trusted is asked for once more."""

        def ask() -> tuple[Answer, Sheet, Rows]:
            watch.check()
            answer = self._get(url, part.ticker, part.what, part.dataset.value, watch)
            sheet = self._sheet(answer, part.what, first=first)
            return answer, sheet, generic_rows.rows_of(self.api, sheet, part)

        try:
            return ask()
        except NextUrlRefused:
            raise
        except MalformedPage as error:  # a proxy's page, a cut answer: once more, and then it is an error
            _log.warning("%s Asking once more.", redact(error.sentence))
        return ask()

    def _sheet(self, answer: Answer, what: str, *, first: bool) -> Sheet:
        if answer.status == _NO_CONTENT:
            return Sheet({ours: [] for ours in self.api.columns}, 0, repr)
        return generic_body.read(self.api, answer.body, what, first=first)

    def _get(self, url: str, ticker: str, what: str, endpoint: str, watch: Watch) -> Answer:
        keyed = with_key(self.api, url)
        try:
            return self._http.get(keyed, what=what, endpoint=endpoint, watch=watch, patience_s=self._patience_s)
        except UnknownTicker as error:
            raise generic_errors.unknown(self.api, ticker) from error


def _api(config: Mapping[str, object] | str | Path | CustomApi) -> CustomApi:
    if isinstance(config, CustomApi):
        return config
    return CustomApi.read(Path(config)) if isinstance(config, str | Path) else CustomApi.parse(config)


def _ordinal(day: date) -> int:
    return (day - date(1970, 1, 1)).days
