"""The work on one part: ask for what it still lacks, commit page by page, write down why the rest stays out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import TypeVar

from redline.clock import Clock, Watch
from redline.downloaders.base_downloader import BaseDownloader
from redline.errors import DiskFull, NotEntitled, UnknownTicker
from redline.jobs.job import JobError, JobRecord, Lease
from redline.jobs.planner import actions_due, needs_asking
from redline.jobs.rows import Rows
from redline.jobs.seams import seam_parts
from redline.jobs.spans import bar_parts, runs
from redline.market.calendar import TradingCalendar, day_of
from redline.market.part import Listing, Page, Part
from redline.market.request import Dataset
from redline.market.session import SessionState, SessionStatus

DISK_LOOK_S = 10.0  # Reliability P3: a job goes on by itself within 30 s of the disk having space again.
NOT_LISTED_TEXT = "The source's reference data: {}."
_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Progress:
    """A page that is in the store: ``records`` of what the job is for, ``sessions`` that the part lacked until now."""

    records: int
    sessions: int
    set_aside: int
    text: str


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
    """One attempt at one part. ``report`` is called after each commit and raises when the lease is lost.

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
        report: Callable[[Progress], None],
    ) -> None:
        self._job, self._lease = job, lease
        self._store, self._clock, self._calendar = store, clock, calendar
        self._watch, self._report = watch, report
        self._downloader: BaseDownloader
        self._need: set[date] = set()
        self._pages = 0
        self._refused: JobError | None = None

    def run(self, downloader: BaseDownloader) -> Fetched:
        """Fetch what the part lacks now; pages that are in the store already are not asked for again.

        Raises:
            UnknownTicker: the source does not know it; that is written down as failed.
            ProviderError, StoreError: what is committed stays; the next attempt goes on from there.
            Cancelled: somebody asked to stop.
        """
        self._downloader = downloader
        part, now = self._lease.part, self._clock.now()
        if part.dataset is not Dataset.BARS:
            if actions_due(self._store.actions_asked(part.source, part.dataset, part.ticker), now):
                self._fetch(part)
            lacking = sum(self._bars(one) for one in self._cut())
            return Fetched(lacking, lacking, self._refused)
        self._need = set(self._needed(part, now))
        asked = self._job.request
        self._bars(part)
        lacking = len(self._unexplained(part, max(part.start, asked.start), min(part.end, asked.end)))
        return Fetched(lacking, len(self._need), self._refused)

    def note_failed(self, error: JobError) -> None:
        """Write down that the sessions which stay unexplained were asked for in vain."""
        part = self._lease.part
        for one in [part] if part.dataset is Dataset.BARS else self._cut():
            days = self._unexplained(one, one.start, one.end)
            self._note(one, days, SessionState.FAILED, error.sentence)

    # -- what is lacking ----------------------------------------------------------------------------------------------

    def _cut(self) -> list[Part]:
        """Return the day bars that the splits of this part make necessary; its job may be for longer bars."""
        return seam_parts(self._store, self._job.request, self._lease.part.ticker, day_of(self._clock.now()))

    def _bars(self, part: Part) -> int:
        """Ask for what a part of bars lacks now; return how many of its sessions stay unexplained."""
        now = self._clock.now()
        wanted = replace(self._job.request, start=part.start, end=part.end, spec=part.spec)
        for one in bar_parts(
            wanted,
            part.ticker,
            self._needed(part, now),
            now=now,
            calendar=self._calendar,
            calls_for=self._downloader.calls_for,
        ):
            self._ask(one)
        return len(self._unexplained(part, part.start, part.end))

    def _statuses(self, part: Part, start: date, end: date) -> list[SessionStatus]:
        return self._store.statuses(part.source, part.spec, part.ticker, start, end, self._clock.now())

    def _needed(self, part: Part, now: datetime) -> list[date]:
        return [one.session for one in self._statuses(part, part.start, part.end) if self._lacks(one, now)]

    def _lacks(self, status: SessionStatus, now: datetime) -> bool:
        answered = (
            status.asked_at is not None
            and self._job.asked_from <= status.asked_at <= now
            and status.state not in (SessionState.FAILED, SessionState.NEVER_ASKED)
        )
        return not answered and needs_asking(status, now, explicit=self._job.explicit)

    def _unexplained(self, part: Part, start: date, end: date) -> list[date]:
        return [one.session for one in self._statuses(part, start, end) if not one.state.explained]

    def _note(
        self, part: Part, days: list[date], state: SessionState, answer: str, asked_at: datetime | None = None
    ) -> None:
        at = asked_at or self._clock.now()
        for span in runs(days, self._calendar.sessions(days[0], days[-1]) if days else ()):
            self._kept(partial(self._store.note, part, *span, state, answer, at))

    # -- asking -------------------------------------------------------------------------------------------------------

    def _ask(self, part: Part) -> None:
        try:
            self._fetch(part)
        except NotEntitled as error:
            self._refused = JobError.of(error)
            covered = self._narrowed(part, error) if error.timeframe else None
            left_out = [
                day
                for day in self._unexplained(part, part.start, part.end)
                if covered is None or not covered.start <= day <= covered.end
            ]
            self._note(part, left_out, SessionState.NOT_ENTITLED, error.hint or error.sentence)

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

    def _fetch(self, part: Part) -> None:
        """Commit the pages of a part. Pages without rows are held back until it is known why: there may be no such
        ticker, and then they say nothing about sessions.
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
            silent.append((page, asked_at))
            while anything and silent:
                self._commit(part, *silent.pop(0))
        if silent:
            self._explain(part, silent)

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

    def _commit(self, part: Part, page: Page, asked_at: datetime) -> None:
        job, lease = self._job, self._lease
        batch = f"{job.job_id}-{lease.n}-{lease.token}-{self._pages}"
        done = self._kept(lambda: self._store.commit(part, page, batch, asked_at))
        self._pages += 1
        answered = {day for day in self._need if page.first <= day <= page.last}
        self._need -= answered
        if page.set_aside and part.dataset is Dataset.BARS:
            self._note_spoilt(part, page, asked_at)
        rows = done.rows_new + done.rows_changed + done.rows_same
        text = f"{part.what}: {rows} rows to {page.last}, {done.rows_new} new, {done.rows_changed} changed"
        text += f", {done.set_aside} set aside." if done.set_aside else "."
        counted = rows if part.dataset is job.request.dataset is lease.part.dataset else 0
        self._report(Progress(counted, len(answered), done.set_aside, text))

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
