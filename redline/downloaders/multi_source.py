"""Several sources as one: the next is asked for what the one before could not give, session by session."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from redline.clock import Clock, SystemClock, Watch
from redline.config.settings import Settings
from redline.downloaders import alone
from redline.downloaders.base_downloader import BaseDownloader, KeyUse
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.downloaders.stooq_downloader import StooqDownloader
from redline.downloaders.yahoo_downloader import YahooDownloader
from redline.errors import (
    AllSourcesFailed,
    BadField,
    InvalidKey,
    MalformedPage,
    NotEntitled,
    ProviderError,
    ProviderUnavailable,
    RateLimited,
    RedlineError,
    UnknownTicker,
    Unsupported,
)
from redline.market.bar import BarSpec, Timespan
from redline.market.calendar import TradingCalendar, day_of
from redline.market.failover import Difference, differences, lacking, of_sessions, span_to_ask
from redline.market.part import Part
from redline.market.request import Dataset, parse_date, parse_flag, parse_multiplier, parse_range
from redline.market.schema import BARS_WIRE, frame
from redline.market.ticker import parse_ticker
from redline.net.breaker import Breaker, Pass
from redline.net.budget import Budgets

ORDER = ("massive", "yahoo", "stooq")
DIFFER_OVER = 0.01
"""One percent: closing prices of two vendors that take different auctions for the close differ by less."""

REST_S = 30.0
"""How long a source that failed is left alone before one request tries it again."""

_CLASSES: tuple[type[BaseDownloader], ...] = (MassiveDownloader, YahooDownloader, StooqDownloader)
_FALLS_ON = (ProviderError, UnknownTicker, Unsupported)
_ALL_DAY = ("X:", "C:")
_log = logging.getLogger(__name__)


class MultiSourceDownloader:
    """Bars from the first source that has them: Massive.com, then Yahoo, then Stooq.

    Falls on when a source fails, may not read a range, or has no bar of a session on which the exchange was open; then
    only what is lacking is asked of the next, and a session comes whole from one source. Each row says which in its
    column ``source``. All prices are adjusted alike: for splits up to today, or (``adjusted=False``) not at all.

    ``downloaders``: name to downloader, ``None`` for a source without its key; ``skipped`` says why. Add your own under
    a name of its own, and put that into ``source_priority``. After a call: ``gaps`` (ticker to the sessions that none
    had), ``reasons`` (ticker to source to error, of those that could not help), ``differences`` (prices of the same bar
    in two sources that differ by more than ``differ_over``), and ``failures`` of ``download_multiple_tickers``.

    A source that failed is left alone for ``REST_S`` seconds, one that says "too many requests" for as long as it says.
    Not thread-safe: the lists above are those of the last call.
    """

    def __init__(
        self,
        output_dir: str | Path = "data",
        *,
        source_priority: Sequence[str] = ORDER,
        differ_over: float = DIFFER_OVER,
        budgets: Budgets | None = None,
        clock: Clock | None = None,
        rng: random.Random | None = None,
    ) -> None:
        """Find keys where every program of this user does: the environment, then those saved in Settings.

        Raises:
            KeysUnreadable: the saved keys do not open.
        """
        self.output_dir, self.differ_over = Path(output_dir), differ_over
        self.source_priority = list(source_priority)
        self.downloaders: dict[str, BaseDownloader | None] = {}
        self.skipped: dict[str, str] = {}
        self.gaps: dict[str, tuple[date, ...]] = {}
        self.reasons: dict[str, dict[str, RedlineError]] = {}
        self.differences: list[Difference] = []
        self.failures: dict[str, RedlineError] = {}
        self._clock = clock or SystemClock()
        self._breakers: dict[str, Breaker] = {}
        settings = alone.settings()
        shared = budgets or alone.budgets(settings, self._clock)
        self._make_all(settings, shared, rng or random.Random())  # noqa: S311  spreads retries, guards nothing

    def download_single_ticker(
        self,
        ticker: str,
        start_date: str | date | None = None,
        end_date: str | date | None = None,
        *,
        timespan: str = "day",
        multiplier: int = 1,
        adjusted: bool = True,
        sources: Sequence[str] | None = None,
    ) -> Any:
        """Return the bars of one ticker as a DataFrame (columns: ``market.schema.BAR_COLUMNS``), sorted by time.

        Dates and ``adjusted`` as in ``BaseDownloader``. ``sources``: the order for this call alone. An empty frame: a
        source knows the ticker, and none has bars there.

        Raises:
            BadField, BadRange, BadName: an argument is wrong; nothing was sent.
            UnknownTicker: no source knows the ticker.
            AllSourcesFailed: there is no bar, and not because there are none; it names each source's reason.
        """
        self._forget()
        return self._single(ticker, start_date, end_date, (timespan, multiplier, adjusted), self._order(sources))

    def download_multiple_tickers(
        self,
        tickers: Iterable[str],
        start_date: str | date | None = None,
        end_date: str | date | None = None,
        *,
        sources: Sequence[str] | None = None,
    ) -> dict[str, Any]:
        """Return ticker to DataFrame of daily bars, in the order asked; what failed is in ``failures`` instead.

        Raises:
            BadField: ``tickers`` is one text, or ``sources`` names one that there is not.
        """
        if isinstance(tickers, str):
            raise BadField("tickers", tickers, 'it must be a list, such as ["AAPL", "MSFT"]')
        order = self._order(sources)
        self._forget()
        frames: dict[str, Any] = {}
        for ticker in dict.fromkeys(tickers):
            try:
                frames[ticker] = self._single(ticker, start_date, end_date, ("day", 1, True), order)
            except (*_FALLS_ON, BadField) as error:
                self.failures[ticker] = error
        return frames

    # -- one ticker ---------------------------------------------------------------------------------------------------

    def _single(self, ticker: str, start: object, end: object, how: tuple[str, int, bool], order: Sequence[str]) -> Any:
        timespan, multiplier, flag = how
        adjusted = parse_flag(flag, "adjusted")
        part = self._part(ticker, start, end, BarSpec(Timespan.parse(timespan), parse_multiplier(multiplier)))
        sessions, judged = self._sessions(part)
        found, lacks = BARS_WIRE.empty_table(), sessions
        reasons: dict[str, RedlineError] = {}
        answered: list[str] = []
        for name in order:
            asked = part
            if found.num_rows:
                first, last = span_to_ask(sessions, lacks)
                asked = replace(part, start=first, end=last)
            try:
                bars = self._ask(name, replace(asked, source=name), adjusted=adjusted)
            except _FALLS_ON as error:
                _log.info("%s: %s", name, error.sentence)
                reasons[name] = error
                continue
            answered.append(name)
            self.differences += differences(found, bars, self.differ_over)
            found = pa.concat_tables([found, of_sessions(bars, lacks) if found.num_rows else bars])
            lacks = lacking(lacks, found)
            if not lacks and (found.num_rows or judged):
                break
        self.reasons[part.ticker], self.gaps[part.ticker] = reasons, tuple(lacks)
        if not found.num_rows:
            self._explain(part.ticker, answered, reasons)
        return frame(found.sort_by("timestamp"))

    def _ask(self, name: str, part: Part, *, adjusted: bool) -> pa.Table:
        """Return what one source has of a part: of all of it, or of what its plan covers."""
        downloader = self.downloaders[name]
        if downloader is None:
            raise ProviderUnavailable(name, self.skipped.get(name, "there is no downloader for it."), "")
        downloader.check_offered(part)
        paused_s = downloader.paused_s
        if paused_s > 0:
            raise RateLimited(name, part.what, round(paused_s, 1), asked_by_server=True)
        given = self._breakers.setdefault(name, Breaker(name, self._clock, opens_after=1, rest_s=REST_S)).enter()
        if given is None:
            raise ProviderUnavailable(
                name, "it failed a moment ago and is given a rest.", "Ask again in half a minute."
            )
        return self._watched(downloader, part, given, adjusted=adjusted)

    def _watched(self, downloader: BaseDownloader, part: Part, given: Pass, *, adjusted: bool) -> pa.Table:
        breaker = self._breakers[part.source]
        try:
            bars = self._covered(downloader, part, adjusted=adjusted)
        except (ProviderUnavailable, MalformedPage, InvalidKey):
            breaker.failed(given)
            raise
        except BaseException:
            breaker.left(given)
            raise
        breaker.succeeded(given)
        return bars

    def _covered(self, downloader: BaseDownloader, part: Part, *, adjusted: bool) -> pa.Table:
        try:
            return downloader.bars_table(part, adjusted=adjusted)
        except NotEntitled as error:
            for smaller in downloader.narrower(part, error, day_of(self._clock.now())):
                try:
                    return downloader.bars_table(smaller, adjusted=adjusted)
                except NotEntitled:
                    continue
            raise

    def _explain(self, ticker: str, answered: Sequence[str], reasons: dict[str, RedlineError]) -> None:
        """Say why there is no bar; return only when a source knows the ticker."""
        for name in answered:
            downloader = self.downloaders[name]
            if downloader is not None and downloader.listing(ticker, Watch()).known:
                return
        helpless = {name: error for name, error in reasons.items() if not isinstance(error, UnknownTicker)}
        if answered or (reasons and not helpless):
            raise UnknownTicker(", ".join([*answered, *(name for name in reasons if name not in helpless)]), ticker, ())
        raise AllSourcesFailed(ticker, {name: error.sentence for name, error in reasons.items()})

    # -- inside -------------------------------------------------------------------------------------------------------

    def _part(self, ticker: str, start: object, end: object, spec: BarSpec) -> Part:
        today = day_of(self._clock.now())
        last = parse_date(end, "end_date") if end else TradingCalendar(today).last_finished(self._clock.now())
        first, last = spec.snap(*parse_range(start, last, today=today, last_session=last))
        return Part(self.source_priority[0], Dataset.BARS, parse_ticker(ticker), first, last, spec)

    def _sessions(self, part: Part) -> tuple[list[date], bool]:
        """Return the sessions that must have bars, and whether that can be told at all.

        Not for bars longer than a day, and not for what trades while the exchange is closed.
        """
        if part.spec.spreads or part.ticker.startswith(_ALL_DAY):
            return [], False
        now = self._clock.now()
        calendar = TradingCalendar(day_of(now))
        return calendar.sessions(part.start, min(part.end, calendar.last_finished(now))), True

    def _order(self, sources: Sequence[str] | None) -> list[str]:
        order = list(dict.fromkeys(self.source_priority if sources is None else sources))
        unknown = [name for name in order if name not in self.downloaders]
        if unknown or not order:
            field = "source_priority" if sources is None else "sources"
            raise BadField(field, ", ".join(unknown), f"it must name some of {', '.join(self.downloaders)}")
        return order

    def _forget(self) -> None:
        self.gaps, self.reasons, self.differences, self.failures = {}, {}, [], {}

    def _make_all(self, settings: Settings, budgets: Budgets, rng: random.Random) -> None:
        keys = alone.keys(settings, self._clock)
        for cls in _CLASSES:
            key = None if cls.key_use is KeyUse.NONE else keys.resolve(cls.name)
            if key is None and cls.key_use is KeyUse.NEEDED:
                self.downloaders[cls.name] = None
                self.skipped[cls.name] = f"there is no {cls.label} API key: set {cls.name.upper()}_API_KEY or save one."
                continue
            own: dict[str, Any] = {}
            if key is not None:
                own["api_key"] = key.api_key.reveal()
                own["rate_limit_per_minute"], own["timeout"] = key.rate_limit_per_minute, key.timeout_s
            made: Any = cls
            self.downloaders[cls.name] = made(
                output_dir=self.output_dir,
                base_url=getattr(settings, cls.address),
                budgets=budgets,
                clock=self._clock,
                rng=rng,
                patience_s=0.0,  # The next source is asked in place of waiting.
                **own,
            )
