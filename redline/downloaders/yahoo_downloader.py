"""Yahoo Finance: bars, splits and dividends from its chart, without a key.

Source: recorded answers and what Yahoo's users report; ``docs/providers/yahoo.md`` lists it. Why the plain chart and
not ``yfinance``: ``docs/decisions/0009-yahoo-chart.md``.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import ClassVar

from redline.clock import Clock, SystemClock, Watch
from redline.downloaders import alone, yahoo_bars, yahoo_chart, yahoo_errors
from redline.downloaders.base_downloader import BaseDownloader, Capabilities, KeyUse, Option
from redline.downloaders.pager import Parsed
from redline.downloaders.yahoo_chart import Chart, SplitEvent
from redline.downloaders.yahoo_symbols import to_yahoo
from redline.errors import NoData, NotEntitled, RedlineError, UnknownTicker, Unsupported
from redline.market.adjust import splits_matter
from redline.market.bar import BarSpec, Timespan
from redline.market.calendar import NEW_YORK, day_of
from redline.market.normalize import zone
from redline.market.part import Listing, Page, Part
from redline.market.request import Dataset
from redline.market.schema import BARS_WIRE, DIVIDENDS_WIRE, SPLITS_WIRE
from redline.net.breaker import Breaker
from redline.net.budget import Budgets
from redline.net.http import PATIENCE_S, Answer, HttpClient
from redline.net.redact import masked_errors

BASE_URL = "https://query2.finance.yahoo.com"
DEFAULT_LIMIT = 30.0
"""Requests a minute: 1,800 an hour stay below the 2,000 of Yahoo's old public interface; none is published today."""

#: Whole days that bars within a day reach back. The wall stands at 30, 60 and 730; a day before it is safe.
REACH_DAYS = {"1m": 29, "2m": 59, "5m": 59, "15m": 59, "30m": 59, "60m": 729}
#: Days of one answer of 1-minute bars. Eight were allowed when last seen, seven before.
MINUTE_DAYS = 7
#: What browsers say too: without it Yahoo answers 429 whatever the pace.
_USER_AGENT = "Mozilla/5.0 (compatible; REDLINE market-data downloader)"
_PROBE = "AAPL"
_FIRST = date(1970, 1, 2)
_SCHEMAS = {Dataset.BARS: BARS_WIRE, Dataset.SPLITS: SPLITS_WIRE, Dataset.DIVIDENDS: DIVIDENDS_WIRE}


@dataclass(frozen=True, slots=True)
class _Piece(Part):
    """A part, or a piece of one, with what came before it: the ``splits`` since, which its own answer lacks."""

    splits: tuple[SplitEvent, ...] = ()


class YahooDownloader(BaseDownloader):
    """Bars, splits and dividends from Yahoo, raw: its split adjustment is undone. It takes no key.

    Day bars take one call, from their first date to today, for the splits since come with it; bars within a day one
    more for those. The pace is shared by all programs of the user, 30 requests a minute when nobody names another.
    ``base_url``, ``budgets`` and ``clock`` come from the engine; without one, the settings of this process hold.
    """

    name = "yahoo"
    label = "Yahoo"
    address = "yahoo_base_url"
    key_use = KeyUse.NONE
    capabilities: ClassVar[Capabilities] = Capabilities(
        datasets=frozenset(Dataset.downloads()),
        timespans=frozenset({Timespan.MINUTE, Timespan.HOUR, Timespan.DAY}),
        page_rows=20_000,
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("base_url", str, BASE_URL, "Address of the service; an emulator's in tests."),
        Option("rate_limit_per_minute", float, DEFAULT_LIMIT, "Requests a minute."),
        Option("timeout", float, 30.0, "Seconds until a silent answer is given up."),
    )

    def __init__(
        self,
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
            base_url = found.yahoo_base_url if base_url is None else base_url
            budgets = alone.budgets(found, clock) if budgets is None else budgets
        self.base_url = base_url.rstrip("/")
        budget = budgets.key(self.name, self.base_url, "", rate_limit_per_minute, default_limit=DEFAULT_LIMIT)
        super().__init__(output_dir=output_dir, clock=clock, budget=budget)
        self._patience_s = patience_s
        self._http = HttpClient(
            self.name,
            self.base_url,
            budget,
            clock,
            rng or random.Random(),  # noqa: S311  spreads retries, guards nothing
            timeout_s=timeout,
            headers={"User-Agent": _USER_AGENT},
            breaker=breaker,
            explain=_explain,
        )

    def __repr__(self) -> str:
        return f"<YahooDownloader {self.base_url}>"

    def first_url(self, part: Part, *, adjusted: bool) -> str:
        """Return the address of a part's one answer. Day bars go on to today, for the splits that come with them."""
        symbol = to_yahoo(part.ticker)
        if part.dataset is Dataset.BARS and part.spec.timespan.intraday:
            start, after = _midnight(part, part.start), _midnight(part, part.end + timedelta(days=1))
            return yahoo_chart.url(self.base_url, symbol, yahoo_bars.INTERVALS[part.spec], start, after - 1)
        first = part.start if part.dataset is Dataset.BARS or isinstance(part, _Piece) else _FIRST
        # A day's stamp may lie in the evening before, where its own zone is ahead of ours.
        start, after = _midnight(part, first - timedelta(days=1)), _midnight(part, self._today() + timedelta(days=1))
        return yahoo_chart.url(self.base_url, symbol, "1d", start, after, "div|split")

    def parse_page(self, body: bytes, part: Part, *, adjusted: bool) -> Parsed:
        interval = yahoo_bars.INTERVALS[part.spec] if part.dataset is Dataset.BARS else "1d"
        chart = yahoo_chart.read(body, part.what, to_yahoo(part.ticker), interval)
        _check_market(chart, part.ticker)
        if part.dataset is Dataset.SPLITS:
            return yahoo_bars.splits_of(chart, part)
        if part.dataset is Dataset.DIVIDENDS:
            return yahoo_bars.dividends_of(chart, part)
        splits = part.splits if isinstance(part, _Piece) else chart.splits
        undone = () if adjusted or not splits_matter(part.ticker) else splits
        return yahoo_bars.bars_of(chart, part, undone, int(self._clock.now().timestamp()))

    def fetch(self, url: str, part: Part, watch: Watch) -> bytes:
        """Return the whole body of one answer.

        Raises:
            UnknownTicker: 404, and Yahoo says that it knows no such symbol.
            NoData: it knows the symbol, and has nothing for the dates.
        """
        return self._get(url, part.what, part.dataset.value, part.ticker, watch)

    def listing(self, ticker: str, watch: Watch) -> Listing:
        """Return what Yahoo says of a ticker: its name and the day of its first trade; one call."""
        with masked_errors():
            try:
                chart = self._recent(ticker, f"the ticker {ticker}", "tickers", watch)
            except UnknownTicker:
                return Listing(known=False)
            except NoData:
                return Listing(known=True)
        return Listing(known=True, name=chart.name, listed=chart.first_day)

    def test_key(self, watch: Watch) -> dict[str, object]:
        """Return what may be had, the same for everybody: there is no key. One call, to see that it answers."""
        with masked_errors():
            self._recent(_PROBE, "a test", "test", watch)
        return {
            "plan": "free",
            "entitlements": {dataset.value: True for dataset in Dataset.downloads()},
            "rate_limit_per_minute": DEFAULT_LIMIT,
            "calls": 1,
            "said": {dataset.value: "OK" for dataset in Dataset.downloads()},
        }

    def narrower(self, part: Part, error: NotEntitled, today: date) -> tuple[Part, ...]:
        if not error.timeframe or part.dataset is not Dataset.BARS or not part.spec.timespan.intraday:
            return ()
        first = _reach(part, today)
        return (replace(part, start=first),) if part.start < first <= part.end else ()

    def calls_for(self, part: Part, sessions: int) -> int:
        """Return the most calls of a part: one; within a day one for each piece, and one for the splits since."""
        if part.dataset is not Dataset.BARS or not part.spec.timespan.intraday:
            return 1
        return len(_pieces(part)) + splits_matter(part.ticker)

    # -- inside -------------------------------------------------------------------------------------------------------

    def check_offered(self, part: Part) -> None:
        super().check_offered(part)
        to_yahoo(part.ticker)
        if part.dataset is Dataset.BARS and part.spec not in yahoo_bars.INTERVALS:
            offered = ", ".join(str(spec) for spec in yahoo_bars.INTERVALS)
            raise Unsupported(f"yahoo has no {part.spec} bars.", f"It has {offered}.")

    def _walk(self, part: Part, watch: Watch, *, adjusted: bool) -> Iterator[Page]:
        if part.dataset is not Dataset.BARS or not part.spec.timespan.intraday:
            yield from self._asked(part, watch, adjusted=adjusted)
            return
        first = _reach(part, self._today())
        if part.start < first:
            raise yahoo_errors.too_old(part.what, first)
        undone = splits_matter(part.ticker) and not adjusted
        splits = self._splits_since(part, watch) if undone else ()
        for start, end in _pieces(part):
            piece = _Piece(part.source, part.dataset, part.ticker, start, end, part.spec, splits)
            yield from self._asked(piece, watch, adjusted=adjusted)

    def _asked(self, part: Part, watch: Watch, *, adjusted: bool) -> Iterator[Page]:
        try:
            yield from super()._walk(part, watch, adjusted=adjusted)
        except NoData as nothing:
            table = _SCHEMAS[part.dataset].empty_table()
            yield Page(table, part.start, part.end, answer=f"400 {nothing.hint}, 0 rows")

    def _splits_since(self, part: Part, watch: Watch) -> tuple[SplitEvent, ...]:
        since = _Piece(part.source, Dataset.SPLITS, part.ticker, part.start, self._today())
        rows = [row for page in self._asked(since, watch, adjusted=False) for row in page.table.to_pylist()]
        return tuple(SplitEvent(row["execution_date"], row["split_to"], row["split_from"]) for row in rows)

    def _recent(self, ticker: str, what: str, endpoint: str, watch: Watch) -> Chart:
        symbol, now_s = to_yahoo(ticker), int(self._clock.now().timestamp())
        url = yahoo_chart.url(self.base_url, symbol, "1d", now_s - 7 * 86_400, now_s)
        return yahoo_chart.read(self._get(url, what, endpoint, ticker, watch), what, symbol, "1d")

    def _get(self, url: str, what: str, endpoint: str, ticker: str, watch: Watch) -> bytes:
        try:
            answer = self._http.get(url, what=what, endpoint=endpoint, watch=watch, patience_s=self._patience_s)
        except UnknownTicker:
            raise UnknownTicker(self.name, ticker) from None
        return answer.body

    def _today(self) -> date:
        return day_of(self._clock.now())


def _explain(answer: Answer, what: str) -> RedlineError | None:
    return yahoo_errors.explain(answer.status, answer.body, what)


def _check_market(chart: Chart, ticker: str) -> None:
    """Refuse shares that trade elsewhere: their sessions are not New York's, and would look like gaps."""
    if chart.kind in ("EQUITY", "ETF", "MUTUALFUND") and chart.zone != NEW_YORK:
        raise Unsupported(
            f"yahoo: {ticker} trades in the zone {chart.zone}.",
            "REDLINE keeps the sessions of New York; ask for a ticker of a US exchange.",
        )


def _reach(part: Part, today: date) -> date:
    """Return the first day of which Yahoo has such bars within a day."""
    return today - timedelta(days=REACH_DAYS[yahoo_bars.INTERVALS[part.spec]])


def _pieces(part: Part) -> list[tuple[date, date]]:
    """Return first and last day of each answer that the bars within a day of a part take."""
    if part.spec != BarSpec(Timespan.MINUTE):
        return [(part.start, part.end)]
    starts = range(0, (part.end - part.start).days + 1, MINUTE_DAYS)
    firsts = [part.start + timedelta(days=at) for at in starts]
    return [(first, min(part.end, first + timedelta(days=MINUTE_DAYS - 1))) for first in firsts]


def _midnight(part: Part, day: date) -> int:
    """Return the start of a day in the zone of the ticker's days, in seconds."""
    return int(datetime.combine(day, time(), zone(part.ticker)).timestamp())
