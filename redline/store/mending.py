"""Holding the tables against the ledger: what is no longer there, and how it is marked so that it comes back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from redline.errors import CorruptPartition
from redline.market.bar import BarSpec, Timespan
from redline.market.calendar import TradingCalendar
from redline.market.part import WHOLE_MARKET
from redline.market.request import Dataset
from redline.store.asked import CHANGED, LOST, Asked, Series
from redline.store.contents import Counts, added_up, counted
from redline.store.layout import DataFile, Partition, period_of
from redline.store.ledger import Ledger
from redline.store.reading import read_file
from redline.store.table import Table


@dataclass(frozen=True, slots=True)
class Shortage:
    """A series and date (an ordinal) of which the files hold another number of bars than the ledger counts."""

    series: Series
    day: int
    held: int
    counted: int


def spec_of(partition: Partition) -> BarSpec:
    """Return the width of the bars of a partition."""
    return BarSpec(Timespan(partition.timespan), partition.multiplier)


def counts_of(table: Table, files: Iterable[DataFile]) -> Counts:
    """Return how many rows the files hold. Raises ``FileNotFoundError`` or ``CorruptPartition``."""
    key = ("source", "ticker", table.kind.day)
    return added_up(counted([read_file(table.root, one, table.kind, key)], table.kind.day) for one in files)


def shortages(ledger: Ledger, partition: Partition, held: Counts) -> list[Shortage]:
    """Return where the rows held of a partition are not those that the ledger counts, sorted by series and day."""
    spec, span = spec_of(partition), partition.span
    expected = ledger.counts(spec, *span)
    found = []
    for source, ticker in sorted(expected.keys() | held.keys()):
        wanted, there = expected.get((source, ticker), {}), held.get((source, ticker), {})
        if wanted == there:
            continue
        series = Series(source, Dataset.BARS, ticker, spec)
        found += [
            Shortage(series, day, there.get(day, 0), wanted.get(day, 0))
            for day in sorted(wanted.keys() | there.keys())
            if there.get(day, 0) != wanted.get(day, 0)
        ]
    return found


def lost(
    found: Iterable[Shortage],
    why: str,
    calendar: TradingCalendar,
    changed: Mapping[tuple[Series, int], int] | None = None,
) -> list[Asked]:
    """Return the marks of sessions whose bars are lost: what is left of them, and a sentence.

    ``changed`` says of which series and dates rows were taken out because they were no longer what their source had
    sent; each of those has a mark of its own, the others share one with their neighbours.
    """
    changed = changed or {}
    marks: list[Asked] = []
    for one in found:
        touched = changed.get((one.series, one.day), 0)
        said = _changed(one, touched) if touched else _gone(one, why)
        first, last = _window(one)
        counts = {one.day: one.held} if one.held else {}
        before = marks[-1] if marks else None
        joins = (
            before is not None
            and not touched
            and (before.series, before.answer, before.batch) == (one.series, said, "")
            and not one.series.spec.spreads
            and calendar.next_session(before.last) == first
        )
        if before is not None and joins:
            marks[-1] = Asked(one.series, before.first, last, LOST, said, counts={**(before.counts or {}), **counts})
        else:
            marks.append(Asked(one.series, first, last, LOST, said, CHANGED if touched else "", counts=counts))
    return marks


def _window(one: Shortage) -> tuple[date, date]:
    day = date.fromordinal(one.day)
    return one.series.spec.window(day) if one.series.spec.spreads else (day, day)


def _gone(one: Shortage, why: str) -> str:
    away = one.counted - one.held
    if away < 0:
        return f"{one.held} bars are held where {one.counted} came: {why}."
    if one.held:
        return f"{away} of {one.counted} bars {'is' if away == 1 else 'are'} gone: {why}."
    return f"The bar is gone: {why}." if away == 1 else f"All {away} bars are gone: {why}."


def _changed(one: Shortage, touched: int) -> str:
    away = one.counted - one.held
    rows = "row" if touched == 1 else "rows"
    return f"{away} of {one.counted} bars are gone: another program put {touched} {rows} there that no source sent."


def lists_lost(
    ledger: Ledger, dataset: Dataset, tickers: frozenset[str] | None, why: str, batch: str = ""
) -> list[Asked]:
    """Return the marks of lists of splits or dividends that are lost: of some tickers, of all that were asked for
    (``None``), and of the market, whose windows hold rows of any.
    """
    whole = date.min, date.max
    own = [one for one in ledger.lists(dataset) if tickers is None or one[1] in tickers]
    marks = [Asked(Series(source, dataset, ticker), *whole, LOST, why, batch) for source, ticker in own]
    market = [Series(source, dataset, WHOLE_MARKET) for source in ledger.sources_of_windows(dataset)]
    return [*marks, *(Asked(one, *whole, LOST, why) for one in market)]


def miscounted(table: Table, ledger: Ledger, away: Sequence[DataFile]) -> list[Shortage]:
    """Return where the live bars of a table, without some files, are not those that the ledger counts."""
    snapshot = table.snapshot()
    gone = {one.path for one in away}
    found = []
    for partition in sorted({*snapshot.files, *ledger.partitions()}):
        if not partition.superseded:
            files = [one for one in snapshot.files.get(partition, ()) if one.path not in gone]
            found += shortages(ledger, partition, counts_of(table, files))
    return found


def told_by(found: Iterable[Shortage], files: Sequence[DataFile]) -> tuple[list[Shortage], list[Shortage]]:
    """Part those that follow from damage to ``files``, by what they may hold, from the others."""
    theirs: list[Shortage] = []
    others: list[Shortage] = []
    for one in found:
        period = period_of(one.series.spec, date.fromordinal(one.day))
        live = Partition(one.series.spec.timespan.value, one.series.spec.multiplier, period)
        about = any(file.partition == live and file.may_hold(one.series.ticker) for file in files)
        (theirs if about else others).append(one)
    return theirs, others


def told(found: Sequence[Shortage]) -> Iterator[CorruptPartition]:
    """Yield an error for each series and period that is short of rows, or has too many."""
    for series, group in groupby(found, key=lambda one: one.series):
        some = list(group)
        first, last = date.fromordinal(some[0].day), date.fromordinal(some[-1].day)
        held, wanted = sum(one.held for one in some), sum(one.counted for one in some)
        yield CorruptPartition(
            f"{series.ticker}, {series.label}: the files hold {held:,} bars and the ledger counts {wanted:,} on"
            f" {len(some)} dates from {first} to {last}.",
            "Repair the store, which has those sessions fetched again.",
            ticker=series.ticker,
            start=first.isoformat(),
            end=last.isoformat(),
        )


def of_others(marks: Iterable[Asked]) -> Iterator[CorruptPartition]:
    """Yield an error for each mark of rows that another program changed and nobody has fetched again yet."""
    for one in marks:
        width = f", {one.series.label}" if one.series.label else ""
        days = (
            ""
            if one.first == date.min
            else f", {one.first}"
            if one.first == one.last
            else f", {one.first} to {one.last}"
        )
        yield CorruptPartition(
            f"{one.series.dataset.value.capitalize()} of {one.series.ticker}{width}{days}: {one.answer}",
            "Repair the store, which has them fetched again.",
            ticker=one.series.ticker,
            start=one.first.isoformat(),
            end=one.last.isoformat(),
        )
