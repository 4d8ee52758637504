"""The work on one part: ask for what it still lacks, hand over its pages, write down why the rest stays out."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Protocol, TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from redline.clock import Clock, Watch
from redline.downloaders.base_downloader import BaseDownloader
from redline.errors import DiskFull, MalformedPage, NotEntitled, UnknownTicker
from redline.jobs.committer import DISK_LOOK_S, Finished
from redline.jobs.job import JobError, JobRecord, Lease
from redline.jobs.marks import Closing
from redline.jobs.needs import MarketNeeds, lacks
from redline.jobs.planner import actions_due
from redline.jobs.rows import Committed, Rows
from redline.jobs.seams import seam_parts
from redline.jobs.spans import bar_parts, runs
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Delivery, Listing, Page, Part
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus

NOT_LISTED_TEXT = "The source's reference data: {}."
_TICKER_OF_ROW = re.compile(r'"T"\s*:\s*"([^"\\]{1,64})"')
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


class Commits(Protocol):
    """What takes finished pages: at once and for good, or, with the end of their part, in its own time."""

    def commit(self, page: Finished) -> Committed: ...
    def put(self, page: Finished) -> None: ...


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of a part.

    ``lacking`` sessions stay unexplained, because of ``refused`` if there was a refusal; ``without_page``: sessions
    that it lacked and no page spoke about.
    """

    lacking: int
    without_page: int
    refused: JobError | None = None


class PartWork:
    """One attempt at one part. ``failed`` hears what became of a page that was handed over and could not be kept.

    Batches are named after job, part, lease and page: an attempt that commits a page twice, after a full disk say,
    repeats itself; a later attempt, which asks for other spans, never touches the files of an earlier one.
    """

    def __init__(
        self,
        job: JobRecord,
        lease: Lease,
        *,
        store: Rows,
        clock: Clock,
        calendar: TradingCalendar,
        watch: Watch,
        commits: Commits,
        needs: MarketNeeds,
        failed: Callable[[Exception], None],
    ) -> None:
        self._job, self._lease = job, lease
        self._store, self._clock, self._calendar = store, clock, calendar
        self._watch, self._commits, self._needs, self._failed = watch, commits, needs, failed
        self._downloader: BaseDownloader
        self._need: set[date] = set()
        self._tickers: tuple[str, ...] = ()
        self._pages = 0
        self._refused: JobError | None = None

    def run(self, downloader: BaseDownloader) -> Fetched | None:
        """Fetch what the part lacks now; pages that are in the store already are not asked for again.

        ``None``: its one page was handed over, and the part is closed with it.

        Raises:
            UnknownTicker: the source does not know it; that is written down as failed.
            ProviderError, StoreError: what is committed stays; the next attempt goes on from there.
            Cancelled: somebody asked to stop.
        """
        self._downloader = downloader
        part, now = self._lease.part, self._clock.now()
        if part.dataset is not Dataset.BARS:
            return self._list(part, now)
        if part.whole_market:
            return self._session(part)
        needed = self._needed(part, now)
        self._need = set(needed)
        asked = self._job.request
        if self._bars(part, needed) is None:
            return None
        lacking = len(self._unexplained(part, max(part.start, asked.start), min(part.end, asked.end)))
        return Fetched(lacking, len(self._need), self._refused)

    def note_failed(self, error: JobError) -> None:
        """Write down that the sessions which stay unexplained were asked for in vain."""
        part = self._lease.part
        if part.whole_market:
            if self._tickers:
                self._note_market(part, self._tickers, SessionState.FAILED, error.sentence)
            return
        for one in [part] if part.dataset is Dataset.BARS else self._cut():
            days = self._unexplained(one, one.start, one.end)
            if one == part:
                days = sorted({*days, *self._need})
            self._note(one, days, SessionState.FAILED, error.sentence)

    # -- lists of splits and dividends --------------------------------------------------------------------------------

    def _list(self, part: Part, now: datetime) -> Fetched | None:
        due = part.whole_market or actions_due(self._store.actions_asked(part.source, part.dataset, part.ticker), now)
        if due and self._fetch(part):
            return None
        lacking = sum(self._bars(one) or 0 for one in self._cut())
        return Fetched(lacking, lacking, self._refused)

    # -- the whole market's session -----------------------------------------------------------------------------------

    def _session(self, part: Part) -> Fetched | None:
        """Ask for a session of the whole market, for the tickers of the job that lack it."""
        self._tickers = tickers = self._needs.of(self._job).get(part.start, ())
        if not tickers:
            return Fetched(0, 0)
        asked_at = self._clock.now()
        try:
            pages = list(self._downloader.pages(part, self._watch))
        except NotEntitled as error:
            self._note_market(part, tickers, SessionState.NOT_ENTITLED, error.hint or error.sentence)
            return Fetched(len(tickers), 0, JobError.of(error))
        page = pages[0]
        settled = self._calendar.settles_at(part.start) <= asked_at
        if settled and not page.table.num_rows:
            why = "has no rows, though the exchange was open."
            raise MalformedPage(self._downloader.label, f"the answer for {part.what} {why}", "Retry the job.")
        spoilt = self._spoilt(page)
        whole = tuple(one for one in tickers if one not in spoilt) if spoilt else tickers
        missing = sorted(spoilt.intersection(tickers))
        if missing:
            reasons = "; ".join(sorted({row.reason for row in page.set_aside}))[:200]
            self._note_market(part, tuple(missing), SessionState.FAILED, f"a row was set aside: {reasons}")
        if not whole:
            return Fetched(len(missing), 0)
        rows = page.table.filter(pc.is_in(page.table["ticker"], value_set=pa.array(whole, pa.string())))
        lacking = len(missing) + (0 if settled else len(whole) - rows.num_rows)
        self._put(part, replace(page, table=rows), asked_at, len(whole), lacking, whole)
        return None

    def _spoilt(self, page: Page) -> set[str]:
        """Return the tickers of rows that could not be used: that they have no row does not mean no trades."""
        found = [_TICKER_OF_ROW.search(one.row) for one in page.set_aside]
        there = set(page.table["ticker"].to_pylist()) if found else set()
        return {one.group(1) for one in found if one is not None} - there

    def _note_market(self, part: Part, tickers: tuple[str, ...], state: SessionState, answer: str) -> None:
        at = self._clock.now()
        self._kept(partial(self._store.note, part, part.start, part.end, state, answer, at, tickers))

    # -- what is lacking ----------------------------------------------------------------------------------------------

    def _cut(self) -> list[Part]:
        """Return the day bars that the splits of this part make necessary; its job may be for longer bars."""
        return seam_parts(self._store, self._job.request, self._lease.part.ticker, day_of(self._clock.now()))

    def _bars(self, part: Part, needed: list[date] | None = None) -> int | None:
        """Ask for what a part of bars lacks now (``needed``, where that is known); return how many of its sessions stay
        unexplained. ``None``: its one page was handed over.
        """
        now = self._clock.now()
        wanted = replace(self._job.request, start=part.start, end=part.end, spec=part.spec)
        for one in bar_parts(
            wanted,
            part.ticker,
            self._needed(part, now) if needed is None else needed,
            now=now,
            calendar=self._calendar,
            calls_for=self._downloader.calls_for,
        ):
            if self._ask(one):
                return None
        return len(self._unexplained(part, part.start, part.end))

    def _statuses(self, part: Part, start: date, end: date) -> list[SessionStatus]:
        return self._store.statuses(part.source, part.spec, part.ticker, start, end, self._clock.now())

    def _needed(self, part: Part, now: datetime) -> list[date]:
        found = self._statuses(part, part.start, part.end)
        if part == self._lease.part and _only_absent(found):
            return [one.session for one in found]
        return [one.session for one in found if lacks(self._job, one, now)]

    def _unexplained(self, part: Part, start: date, end: date) -> list[date]:
        return [one.session for one in self._statuses(part, start, end) if not one.state.explained]

    def _note(
        self, part: Part, days: list[date], state: SessionState, answer: str, asked_at: datetime | None = None
    ) -> None:
        at = asked_at or self._clock.now()
        for span in runs(days, self._calendar.sessions(days[0], days[-1]) if days else ()):
            self._kept(partial(self._store.note, part, *span, state, answer, at))

    # -- asking -------------------------------------------------------------------------------------------------------

    def _ask(self, part: Part) -> bool:
        """Fetch a part as far as the key's plan covers it; return whether its one page was handed over."""
        try:
            return self._fetch(part)
        except NotEntitled as error:
            self._refused = JobError.of(error)
            covered = self._narrowed(part, error) if error.timeframe else None
            left_out = [
                day
                for day in self._unexplained(part, part.start, part.end)
                if covered is None or not covered.start <= day <= covered.end
            ]
            self._note(part, left_out, SessionState.NOT_ENTITLED, error.hint or error.sentence)
            return False

    def _narrowed(self, part: Part, error: NotEntitled) -> Part | None:
        """Fetch the widest smaller part that the plan covers; return it, or ``None``."""
        for smaller in self._downloader.narrower(part, error, day_of(self._clock.now())):
            try:
                self._fetch(smaller)
            except NotEntitled as again:
                if not again.timeframe:
                    return None
                continue
            return smaller
        return None

    def _fetch(self, part: Part) -> bool:
        """Commit the pages of a part, and return whether its only one was handed over. Pages without rows are held back
        until it is known why: there may be no such ticker, and then they say nothing about sessions.
        """
        pages = self._downloader.pages(part, self._watch)
        silent: list[tuple[Page, datetime]] = []
        anything = part.dataset is not Dataset.BARS
        while True:
            self._watch.check()
            asked_at = self._clock.now()
            page = next(pages, None)
            if page is None:
                break
            anything = anything or page.table.num_rows > 0 or bool(page.set_aside)
            if anything and self._says_all(part, page):
                more = next(pages, None)
                if more is None:
                    self._put(part, page, asked_at, *self._counts(part, page, asked_at))
                    return True
                silent += [(page, asked_at), (more, self._clock.now())]
            else:
                silent.append((page, asked_at))
            while anything and silent:
                self._commit(part, *silent.pop(0))
        if silent:
            self._explain(part, silent)
        return False

    def _says_all(self, part: Part, page: Page) -> bool:
        """Whether a page is all there is of the part in hand, and nothing has to be looked at when it is stored."""
        if part != self._lease.part or self._pages or page.set_aside or self._job.request.spec.spreads:
            return False
        return part.dataset is not Dataset.BARS or (page.first <= part.start and page.last >= part.end)

    def _counts(self, part: Part, page: Page, asked_at: datetime) -> tuple[int, int]:
        """Return how many sessions a page answers, and how many it leaves unexplained: not there, and not final."""
        if part.dataset is not Dataset.BARS:
            return 0, 0
        asked = self._job.request
        there = set(pc.unique(page.table["date"]).to_pylist())
        days = self._calendar.sessions(max(part.start, asked.start), min(part.end, asked.end))
        absent = [day for day in days if day not in there and self._calendar.settles_at(day) > asked_at]
        return len(self._need), len([day for day in absent if day <= day_of(asked_at)])

    def _explain(self, part: Part, silent: list[tuple[Page, datetime]]) -> None:
        """Tell apart, with one reference call, an unknown ticker, dates when it was not listed, and no rows."""
        listing = self._listing(part, silent[0][0].first, silent[-1][0].last)
        if not listing.known:
            raise UnknownTicker(self._downloader.label, part.ticker, self._downloader.only_tickers)
        listed, delisted = listing.listed or date.min, listing.delisted or date.max
        for page, asked_at in silent:
            inside = replace(page, first=max(page.first, listed), last=min(page.last, delisted))
            if inside.first <= inside.last:
                self._commit(part, inside, asked_at)
            days = self._calendar.sessions(page.first, page.last)
            for outside, why in (
                ([day for day in days if day < listed], f"listed on {listing.listed}"),
                ([day for day in days if day > delisted], f"delisted on {listing.delisted}"),
            ):
                self._note(part, outside, SessionState.NOT_LISTED, NOT_LISTED_TEXT.format(why))

    def _listing(self, part: Part, first: date, last: date) -> Listing:
        """Return what the source knows of the ticker, without a call when rows are held and the end is still open."""
        request = self._job.request
        sessions = self._calendar.sessions(first, last)
        open_end = bool(sessions) and self._calendar.settles_at(sessions[0]) > self._clock.now()
        around = self._statuses(part, request.start, request.end) if open_end else []
        if any(one.state is SessionState.STORED for one in around):
            return Listing(known=True)
        return self._downloader.listing(part.ticker, self._watch)

    # -- committing ---------------------------------------------------------------------------------------------------

    def _finished(
        self,
        part: Part,
        page: Page,
        asked_at: datetime,
        sessions: int,
        tickers: tuple[str, ...] = (),
        closing: Closing | None = None,
    ) -> Finished:
        job, lease = self._job, self._lease
        batch = f"{job.job_id}-{lease.n}-{lease.token}-{self._pages}"
        self._pages += 1
        counted = part.dataset is job.request.dataset is lease.part.dataset
        delivery = Delivery(part, page, batch, asked_at, tickers)
        return Finished(lease, delivery, counted, sessions, self._watch, self._failed, closing)

    def _put(
        self, part: Part, page: Page, asked_at: datetime, sessions: int, lacking: int, tickers: tuple[str, ...] = ()
    ) -> None:
        """Hand over the page that ends the part; it is committed with others, and the part is closed then."""
        text = f"{part.what}: done" + (f", {lacking} sessions stay unexplained." if lacking else ".")
        closing = Closing(text, lacking=lacking, error=self._refused)
        self._commits.put(self._finished(part, page, asked_at, sessions, tickers, closing))

    def _commit(self, part: Part, page: Page, asked_at: datetime) -> None:
        answered = {day for day in self._need if page.first <= day <= page.last}
        self._commits.commit(self._finished(part, page, asked_at, len(answered)))
        self._need -= answered
        if page.set_aside and part.dataset is Dataset.BARS:
            self._note_spoilt(part, page, asked_at)

    def _note_spoilt(self, part: Part, page: Page, asked_at: datetime) -> None:
        """A session without a row in an answer that had unusable rows is no session that the source has nothing of."""
        silent = (SessionState.VENDOR_HAS_NONE, SessionState.LATE)
        days = [one.session for one in self._statuses(part, page.first, page.last) if one.state in silent]
        reasons = sorted({row.reason for row in page.set_aside})
        answer = f"{len(page.set_aside)} rows set aside: {'; '.join(reasons)[:200]}"
        self._note(part, days, SessionState.FAILED, answer, asked_at)

    def _kept(self, write: Callable[[], _Result]) -> _Result:
        """Write, and while the disk is full wait and write again: what is in hand is not asked for twice."""
        while True:
            try:
                return write()
            except DiskFull as error:
                _log.warning("%s Looking again in %.0f s.", error.sentence, DISK_LOOK_S)
                self._watch.sleep(self._clock, DISK_LOOK_S, error.code)


def _only_absent(found: list[SessionStatus]) -> bool:
    """Whether answers for the whole market never had the ticker: its own page tells then whether it is one at all."""
    states = {one.state for one in found}
    return SessionState.NO_TRADES in states and SessionState.STORED not in states
