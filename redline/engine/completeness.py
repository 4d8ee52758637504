"""Completeness: listing gaps, reading files against their checksums and counts, and fetching again what is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from redline.engine.jobdesk import JobDesk
from redline.errors import CorruptPartition
from redline.jobs.job import JobView
from redline.market.bar import DAILY, BarSpec
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import Gap, SessionState, SessionStatus, gaps
from redline.store import Known

LACKING = frozenset({SessionState.FAILED, SessionState.LATE})


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading every file of the store found: nothing, when all is as it was written."""

    damaged: tuple[CorruptPartition, ...]

    @property
    def ok(self) -> bool:
        """Whether all files are as they were written."""
        return not self.damaged

    def as_json(self) -> dict[str, object]:
        """Return the answer of ``POST /verify``."""
        return {"ok": self.ok, "damaged": [one.as_json() for one in self.damaged]}


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair does: the damaged files that it took out, and the jobs that fetch what is lacking."""

    taken_out: tuple[CorruptPartition, ...]
    jobs: tuple[JobView, ...]

    @property
    def calls(self) -> int:
        """How many calls the jobs take, as far as their plans know."""
        return sum(int(str(job.plan["calls"])) for job in self.jobs)

    def as_json(self) -> dict[str, object]:
        """Return the answer of ``POST /repair``."""
        return {
            "taken_out": [one.as_json() for one in self.taken_out],
            "jobs": [
                {"job_id": job.job_id, "state": job.state.value, "plan": job.plan, "links": job.as_json()["links"]}
                for job in self.jobs
            ],
            "calls": self.calls,
        }


class Completeness(JobDesk):
    """The part of the engine that knows what is missing, and brings it back."""

    def gaps_of(
        self,
        tickers: Sequence[str] | None = None,
        spec: BarSpec = DAILY,
        start: date | None = None,
        end: date | None = None,
        source: str = "massive",
    ) -> list[Gap]:
        """Return the gaps of bars, ticker by ticker; ``None``: of all tickers that were ever asked for.

        A date that is left out is the first or last that was asked for of that ticker (of one that never was: the
        year up to the last finished session). Both are inclusive.
        """
        found = self.coverage_of(tickers, spec, start, end, source)
        return [gap for ticker, statuses in found.items() for gap in gaps(ticker, statuses)]

    def coverage_of(
        self,
        tickers: Sequence[str] | None = None,
        spec: BarSpec = DAILY,
        start: date | None = None,
        end: date | None = None,
        source: str = "massive",
    ) -> dict[str, list[SessionStatus]]:
        """Return what is known about each session of bars, ticker by ticker; arguments as in ``gaps_of``.

        Raises:
            BadField: there is no such source.
        """
        self._sources.label(source)
        known = {one.ticker: one for one in self._known(source, spec)}
        spans = {one: self._span(known.get(one), start, end) for one in (sorted(known) if tickers is None else tickers)}
        return dict(self._cut({one: span for one, span in spans.items() if span[0] <= span[1]}, spec, source))

    def verify(self) -> Verification:
        """Read every file of the store and compare it with its checksum and the ledger's counts."""
        return Verification(tuple(self._now_in.store.verify()))

    def repair(self, tickers: Sequence[str] | None = None) -> Repair:
        """Take damaged files out, and start the jobs that fetch what failed, was lost or came late; nothing else.

        ``tickers``: only of these; ``None``: of all that were ever asked for.

        Raises:
            MissingKey: no key is known.
        """
        taken_out = tuple(self._now_in.store.repair())
        wanted = None if tickers is None else frozenset(tickers)
        return Repair(taken_out, tuple(self.submit(one) for one in self._lacking(wanted)))

    def _lacking(self, wanted: frozenset[str] | None) -> Iterator[DownloadRequest]:
        series: dict[tuple[str, BarSpec], list[Known]] = defaultdict(list)
        lists: dict[tuple[str, Dataset], list[str]] = defaultdict(list)
        for one in self._now_in.store.known():
            if wanted is not None and one.ticker not in wanted:
                continue
            if one.dataset is Dataset.BARS:
                series[one.source, one.spec].append(one)
            else:
                lists[one.source, one.dataset].append(one.ticker)
        for (source, dataset), tickers in lists.items():
            asked = self._now_in.store.actions_asked_many(source, dataset, tickers)
            lost = tuple(one for one in tickers if asked[one] is None)
            if lost:
                yield DownloadRequest(lost, *self.default_range(), source, dataset)
        for (source, spec), known in series.items():
            days = dict(_lacking_days(self._cut({one.ticker: (one.first, one.last) for one in known}, spec, source)))
            if days:
                first, last = min(one[0] for one in days.values()), max(one[-1] for one in days.values())
                yield DownloadRequest(tuple(days), first, last, source, Dataset.BARS, spec, repair=True)

    def _known(self, source: str, spec: BarSpec) -> list[Known]:
        return [
            one
            for one in self._now_in.store.known()
            if (one.source, one.dataset, one.spec) == (source, Dataset.BARS, spec)
        ]

    def _span(self, known: Known | None, start: date | None, end: date | None) -> tuple[date, date]:
        first, last = (known.first, known.last) if known else self.default_range()
        return start or first, end or last

    def _cut(
        self, spans: dict[str, tuple[date, date]], spec: BarSpec, source: str
    ) -> Iterator[tuple[str, list[SessionStatus]]]:
        """Yield the statuses of each ticker from its first to its last date: one look at the ledger for all of them."""
        if not spans:
            return
        first, last = min(one for one, _ in spans.values()), max(one for _, one in spans.values())
        found = self.coverage_many(tuple(spans), spec, first, last, source)
        for ticker, (start, end) in spans.items():
            yield ticker, [one for one in found[ticker] if start <= one.session <= end]


def _lacking_days(found: Iterable[tuple[str, list[SessionStatus]]]) -> Iterator[tuple[str, list[date]]]:
    for ticker, statuses in found:
        days = [one.session for one in statuses if one.state in LACKING]
        if days:
            yield ticker, days
