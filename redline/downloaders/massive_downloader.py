"""Massive.com, formerly Polygon.io: bars, splits and dividends over its REST service.

Source: the contract page, sections 1 to 4, and the vendor's own client 2.9.1, which stands behind ``client``.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from redline.clock import Clock, SystemClock, Watch
from redline.downloaders import (
    alone,
    massive_actions,
    massive_bars,
    massive_errors,
    massive_grouped,
    massive_listing,
    massive_plans,
)
from redline.downloaders.base_downloader import BaseDownloader, Capabilities, Option
from redline.downloaders.pager import Paging, Parsed
from redline.errors import BadField, MissingKey, NoData, NotEntitled, RedlineError
from redline.market.bar import Timespan
from redline.market.bulk import US_STOCKS
from redline.market.calendar import day_of
from redline.market.part import Listing, Part
from redline.market.request import Dataset
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.net.http import PATIENCE_S, Answer, HttpClient
from redline.net.redact import masked_errors, register
from redline.net.transport import PacedPool

BASE_URL = "https://api.massive.com"
_ENDPOINTS = {Dataset.BARS: "aggs", Dataset.SPLITS: "splits", Dataset.DIVIDENDS: "dividends"}
_BASE_BARS_A_MINUTE = {Timespan.SECOND: 60.0, Timespan.MINUTE: 1.0, Timespan.HOUR: 1.0}
_BASE_BARS_IN_ONE = {Timespan.HOUR: 60, Timespan.WEEK: 5, Timespan.MONTH: 23, Timespan.QUARTER: 66, Timespan.YEAR: 262}


class MassiveDownloader(BaseDownloader):
    """Bars, splits and dividends from Massive.com, paced by the limit of the key, which all programs share.

    ``base_url``, ``budgets`` and ``clock`` come from the engine; without one, the settings of this process and the
    budgets in the user's state folder hold. ``rate_limit_per_minute`` named here becomes the key's for everybody;
    without it the key's known one holds, else 10. ``patience_s``: how long a 429 without progress is waited out
    before ``RateLimited`` (``None``: for ever, as jobs do); ``breaker``: shared by all who use the source.
    """

    name = "massive"
    label = "Massive.com"
    address = "massive_api_base_url"
    capabilities: ClassVar[Capabilities] = Capabilities(
        datasets=frozenset(Dataset.downloads()),
        timespans=frozenset(Timespan),
        page_rows=massive_bars.LIMIT,
        market_bars=True,
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("api_key", str, None, "Key from massive.com, Dashboard → Keys.", secret=True),
        Option("base_url", str, BASE_URL, "Address of the service; an emulator's in tests."),
        Option("rate_limit_per_minute", float, None, "Requests a minute; free keys have 5."),
        Option("timeout", float, 30.0, "Seconds until a silent answer is given up."),
    )

    def __init__(
        self,
        api_key: str,
        output_dir: str | Path = "data",
        *,
        base_url: str | None = None,
        rate_limit_per_minute: float | None = None,
        timeout: float = 30.0,
        budgets: Budgets | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        patience_s: float | None = PATIENCE_S,
        breaker: Breaker | None = None,
    ) -> None:
        clock = clock or SystemClock()
        key = _checked_key(api_key)
        register(key)
        if base_url is None or budgets is None:
            found = alone.settings()
            base_url = found.massive_api_base_url if base_url is None else base_url
            budgets = alone.budgets(found, clock) if budgets is None else budgets
        self.base_url = base_url.rstrip("/")
        budget = budgets.key(self.name, self.base_url, key, rate_limit_per_minute)
        super().__init__(output_dir=output_dir, clock=clock, budget=budget)
        self._key, self._patience_s = key, patience_s
        self._http = HttpClient(
            self.name,
            self.base_url,
            budget,
            clock,
            rng or random.Random(),  # noqa: S311  spreads retries, guards nothing
            timeout_s=timeout,
            headers={"Authorization": f"Bearer {key}"},
            breaker=breaker,
            explain=_explain,
        )

    def __repr__(self) -> str:
        return f"<MassiveDownloader {self.base_url}>"

    @cached_property
    def client(self) -> Any:
        """The vendor's own ``RESTClient``: every method of it, paced, counted and checked as ours are."""
        from massive import RESTClient

        made = RESTClient(api_key=self._key, base=self.base_url, retries=0)
        made.client = made.vx.client = PacedPool(self._http)
        return made

    def first_url(self, part: Part, *, adjusted: bool) -> str:
        if part.dataset is Dataset.BARS and part.whole_market:
            return massive_grouped.first_url(self.base_url, part)
        if part.dataset is Dataset.BARS:
            return massive_bars.first_url(self.base_url, part, adjusted=adjusted)
        return massive_actions.first_url(self.base_url, part)

    def parse_page(self, body: bytes, part: Part, *, adjusted: bool) -> Parsed:
        if part.dataset is Dataset.BARS and part.whole_market:
            return massive_grouped.parse_page(body, part)
        if part.dataset is Dataset.BARS:
            return massive_bars.parse_page(body, part, adjusted=adjusted)
        return massive_actions.parse_page(body, part)

    def fetch(self, url: str, part: Part, watch: Watch) -> bytes:
        grouped = part.dataset is Dataset.BARS and part.whole_market
        return self._get(url, part.what, "grouped" if grouped else _ENDPOINTS[part.dataset], watch)

    def listing(self, ticker: str, watch: Watch) -> Listing:
        """Return what Massive knows of a ticker: one call, and a second for one that is not listed today."""
        with masked_errors():
            return self._listing(ticker, watch)

    def _listing(self, ticker: str, watch: Watch) -> Listing:
        what = f"the ticker {ticker}"
        try:
            body = self._get(f"{self.base_url}/v3/reference/tickers/{quote(ticker, safe=':')}", what, "tickers", watch)
        except NoData:
            url = f"{self.base_url}/v3/reference/tickers?ticker={quote(ticker)}&active=false&limit=1000"
            return massive_listing.parse_list(self._get(url, what, "tickers", watch), ticker)
        return massive_listing.parse_overview(body, ticker)

    def universe(self, name: str, as_of: date, watch: Watch) -> tuple[str, ...]:
        """Return the active US stocks as of a date, without the exchanges' test symbols: 12 calls or so."""
        if name != US_STOCKS:
            return super().universe(name, as_of, watch)
        what = f"the list of US stocks as of {as_of}"
        first = massive_listing.universe_url(self.base_url, as_of)
        paging, found = Paging(self.name, what, first), dict[str, None]()
        url: str | None = first
        with masked_errors():
            while url is not None:
                watch.check()
                tickers, following = massive_listing.parse_universe(self._get(url, what, "tickers", watch), what)
                before = len(found)
                found |= dict.fromkeys(tickers)
                url = paging.follow(following, len(found) - before)
        return tuple(sorted(found))

    def test_key(self, watch: Watch) -> dict[str, object]:
        """Return the plan and entitlements of the key, found out with three calls.

        Raises:
            InvalidKey: the key was rejected.
        """
        day = day_of(self._clock.now()) - timedelta(days=7)
        entitled: dict[str, bool] = {}
        heard: dict[str, str] = {}
        for entitlement, path in massive_plans.PROBES.items():
            try:
                self._get(self.base_url + path.format(day=day), f"a test of {entitlement}", "test", watch)
                entitled[entitlement], heard[entitlement] = True, "OK"
            except NotEntitled as error:
                entitled[entitlement], heard[entitlement] = error.timeframe, error.hint
            except NoData as error:
                entitled[entitlement], heard[entitlement] = True, error.hint
        plan = massive_plans.plan_of(entitled)
        return {
            "plan": plan,
            "entitlements": entitled,
            "rate_limit_per_minute": massive_plans.limit_of(plan),
            "calls": len(massive_plans.PROBES),
            "said": heard,
        }

    def narrower(self, part: Part, error: NotEntitled, today: date) -> tuple[Part, ...]:
        if not error.timeframe:
            return ()
        thrifty = self._budget.limit_per_minute <= massive_plans.BASIC_LIMIT
        return massive_plans.narrower(part, today, thrifty=thrifty)

    def calls_for(self, part: Part, sessions: int) -> int:
        """Return the most calls of a part: ``limit`` counts base bars, and a bar that the limit cuts is not given."""
        if part.dataset is not Dataset.BARS or sessions <= 0:
            return 1
        timespan = part.spec.timespan
        minutes = massive_plans.minutes_per_session(part.ticker) if timespan.intraday else 1
        base_bars = sessions * minutes * _BASE_BARS_A_MINUTE.get(timespan, 1.0)
        in_one = part.spec.multiplier * _BASE_BARS_IN_ONE.get(timespan, 1)
        return max(1, -int(-base_bars // max(1, massive_bars.LIMIT - in_one + 1)))

    def _get(self, url: str, what: str, endpoint: str, watch: Watch) -> bytes:
        return self._http.get(url, what=what, endpoint=endpoint, watch=watch, patience_s=self._patience_s).body


def _explain(answer: Answer, what: str) -> RedlineError | None:
    return massive_errors.explain(answer.status, answer.body, what)


def _checked_key(api_key: str) -> str:
    if not isinstance(api_key, str) or not api_key.strip():
        raise MissingKey(MassiveDownloader.name, MassiveDownloader.label)
    key = api_key.strip()
    if not key.isascii() or not key.isprintable() or " " in key or len(key) > 256:
        raise BadField("api_key", "••••", "it must be 1 to 256 letters and digits, without spaces")
    return key
