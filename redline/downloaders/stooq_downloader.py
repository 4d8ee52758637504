"""Stooq: days, weeks and months of bars as CSV, by address or from its bulk files on disk.

Source: what Stooq's users report; ``docs/providers/stooq.md`` lists it.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

from redline.clock import Clock, SystemClock, Watch
from redline.downloaders import alone, stooq_bulk, stooq_csv, stooq_errors
from redline.downloaders.base_downloader import BaseDownloader, Capabilities, KeyUse, Option
from redline.downloaders.pager import Parsed
from redline.downloaders.stooq_symbols import to_stooq
from redline.errors import BadField, NotEntitled, RateLimited, RedlineError, Unsupported
from redline.market.adjust import splits_matter
from redline.market.bar import Timespan
from redline.market.calendar import TradingCalendar
from redline.market.normalize import zone
from redline.market.part import Listing, Part
from redline.market.request import Dataset
from redline.market.schema import frame
from redline.market.ticker import parse_ticker
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.net.http import PATIENCE_S, Answer, HttpClient
from redline.net.redact import RedactingFilter, masked_errors, register

BASE_URL = "https://stooq.com"
DEFAULT_LIMIT = 10.0
"""Requests a minute. Stooq names no number, and locks out those who ask for much: a whole history is one request."""

_SAME_MOMENT_S = 60.0
#: At DEBUG the HTTP library logs whole addresses, and Stooq takes its key nowhere else.
_ADDRESSES = logging.getLogger("urllib3.connectionpool")
_MASKED = RedactingFilter()
_PROBE = "AAPL"


class StooqDownloader(BaseDownloader):
    """Bars from Stooq, raw: it is asked to leave out its adjustments. Any range is one call.

    ``api_key``: Stooq has wanted one since 2026-03; it travels in the address, for Stooq takes it nowhere else, and is
    masked wherever an address is shown. ``base_url``, ``budgets`` and ``clock`` come from the engine; without one, the
    settings of this process hold, its key too.
    """

    name = "stooq"
    label = "Stooq"
    address = "stooq_base_url"
    key_use = KeyUse.OPTIONAL
    capabilities: ClassVar[Capabilities] = Capabilities(
        datasets=frozenset({Dataset.BARS}),
        timespans=frozenset({Timespan.DAY, Timespan.WEEK, Timespan.MONTH}),
        page_rows=100_000,
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("api_key", str, None, "Key from stooq.com/q/d/?s=aapl.us&get_apikey.", secret=True),
        Option("base_url", str, BASE_URL, "Address of the service; an emulator's in tests."),
        Option("rate_limit_per_minute", float, DEFAULT_LIMIT, "Requests a minute."),
        Option("timeout", float, 30.0, "Seconds until a silent answer is given up."),
    )

    def __init__(
        self,
        api_key: str | None = None,
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
        if base_url is None or budgets is None:
            found = alone.settings()
            base_url = found.stooq_base_url if base_url is None else base_url
            budgets = alone.budgets(found, clock) if budgets is None else budgets
            if api_key is None and found.stooq_api_key is not None:
                api_key = found.stooq_api_key.reveal()
        key = _checked_key(api_key)
        register(key)
        _ADDRESSES.addFilter(_MASKED)
        self.base_url = base_url.rstrip("/")
        budget = budgets.key(self.name, self.base_url, key, rate_limit_per_minute, default_limit=DEFAULT_LIMIT)
        super().__init__(output_dir=output_dir, clock=clock, budget=budget)
        self._key, self._patience_s = key, patience_s
        self._http = HttpClient(
            self.name,
            self.base_url,
            budget,
            clock,
            rng or random.Random(),  # noqa: S311  spreads retries, guards nothing
            timeout_s=timeout,
            headers={"User-Agent": "REDLINE market-data downloader"},
            breaker=breaker,
            explain=self._explain,
        )

    def __repr__(self) -> str:
        return f"<StooqDownloader {self.base_url}>"

    def first_url(self, part: Part, *, adjusted: bool) -> str:
        """Return the address of a part's one answer, without the key."""
        marks = "" if not splits_matter(part.ticker) else stooq_csv.SPLITS_ONLY if adjusted else stooq_csv.RAW
        interval = stooq_csv.INTERVALS[part.spec]
        return stooq_csv.url(self.base_url, to_stooq(part.ticker), interval, part.start, part.end, marks)

    def parse_page(self, body: bytes, part: Part, *, adjusted: bool) -> Parsed:
        return stooq_csv.parse(body, part, self._finished(part))

    def fetch(self, url: str, part: Part, watch: Watch) -> bytes:
        return self._get(url, part.what, part.dataset.value, watch)

    def listing(self, ticker: str, watch: Watch) -> Listing:
        """Return whether Stooq has any row of a ticker: one call, for all of its months."""
        url = stooq_csv.url(self.base_url, to_stooq(ticker), "m")
        with masked_errors():
            what = f"the ticker {ticker}"
            return Listing(known=stooq_csv.has_rows(self._get(url, what, "tickers", watch), what))

    def test_key(self, watch: Watch) -> dict[str, object]:
        """Return what the key may do, found out with one call.

        Raises:
            InvalidKey, MissingKey: Stooq wants another key, or one.
            BrowserCheck, DailyLimit: it lets no program in from here, or not today.
        """
        with masked_errors():
            url = stooq_csv.url(self.base_url, to_stooq(_PROBE), "m")
            stooq_csv.has_rows(self._get(url, "a test", "test", watch), "a test")
        return {
            "plan": "free",
            "entitlements": {Dataset.BARS.value: True},
            "rate_limit_per_minute": DEFAULT_LIMIT,
            "calls": 1,
            "said": {Dataset.BARS.value: "OK"},
        }

    def narrower(self, part: Part, error: NotEntitled, today: date) -> tuple[Part, ...]:
        return ()

    def calls_for(self, part: Part, sessions: int) -> int:
        return 1

    def read_bulk(self, path: str | Path, tickers: Iterable[str] | None = None) -> dict[str, Any]:
        """Return ticker to DataFrame of daily bars from one of Stooq's bulk files: a ``.zip``, or a ``.txt`` out of it.

        Without ``tickers`` all that have a word of ours; else in the order asked, and what the file lacks is in
        ``failures``. **Prices are adjusted for splits and dividends** up to the day the file was made, which cannot be
        undone: ``source`` is ``stooq_bulk``, and ``frame.attrs`` say ``adjustment``, and how many rows were
        ``set_aside``. Nothing is sent.

        Raises:
            BadField: there is no such file.
            MalformedPage: it is no bulk file of Stooq's, or is damaged.
            Unsupported: it holds no days.
        """
        wanted = None if tickers is None else [parse_ticker(one) for one in dict.fromkeys(tickers)]
        found, self.failures = stooq_bulk.read(Path(path), wanted)
        frames: dict[str, Any] = {}
        for ticker, (table, aside) in found.items():
            frames[ticker] = frame(table)
            frames[ticker].attrs |= {"adjustment": "splits and dividends", "set_aside": aside}
        return frames

    # -- inside -------------------------------------------------------------------------------------------------------

    def check_offered(self, part: Part) -> None:
        super().check_offered(part)
        to_stooq(part.ticker)
        if part.spec not in stooq_csv.INTERVALS:
            offered = ", ".join(str(spec) for spec in stooq_csv.INTERVALS)
            raise Unsupported(f"stooq has no {part.spec} bars.", f"It has {offered}.")
        if part.spec.timespan is Timespan.WEEK and part.ticker.startswith(("C:", "X:")):
            # Stooq's week ends on Sunday and ours begins there: of what trades on Sundays these are not the same bars.
            raise Unsupported(f"stooq has no weeks of {part.ticker} that begin on a Sunday.", "Ask for days.")

    def _finished(self, part: Part) -> date:
        """Return the last day that is over: its session, or for what trades all day, the day itself."""
        now = self._clock.now()
        today = now.astimezone(zone(part.ticker)).date()
        if part.end < today - timedelta(days=31):  # no row of the part can be of a session under way
            return today
        yesterday = today - timedelta(days=1)
        if part.ticker.startswith(("C:", "X:")):
            return yesterday
        return max(yesterday, TradingCalendar(today).last_finished(now))

    def _get(self, url: str, what: str, endpoint: str, watch: Watch) -> bytes:
        keyed = f"{url}&apikey={quote(self._key, safe='')}" if self._key else url
        try:
            return self._http.get(keyed, what=what, endpoint=endpoint, watch=watch, patience_s=self._patience_s).body
        except RateLimited as error:
            limit = stooq_errors.daily_limit(what, self._clock.now())
            if abs(error.retry_after_s - limit.retry_after_s) > _SAME_MOMENT_S:
                raise  # a 429 with a wait of its own
            raise limit from error

    def _explain(self, answer: Answer, what: str) -> RedlineError | None:
        return stooq_errors.explain(answer.status, answer.body, what, self._clock.now(), with_key=bool(self._key))


def _checked_key(api_key: str | None) -> str:
    key = (api_key or "").strip()
    if not key.isascii() or not (key.isprintable() or not key) or " " in key or len(key) > 256:
        raise BadField("api_key", "••••", "it must be at most 256 letters and digits, without spaces")
    return key
