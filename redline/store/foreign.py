"""What other programs did to a table: rows that stayed as they were are taken over, all others are taken out.

Another program knows neither our file names nor what a source said. Its new files are held against the files that it
replaced, which stay on the disk until somebody cleans up: a row that is there as before goes to a file of ours, a row
that no source sent goes nowhere, a row that is gone is lost, which the ledger is told and its session is fetched again.
Where the old files are gone too, all rows together are held against what the log says of them, and are all or none as
they were. History (superseded rows), which no source sends twice, is put back from the old files.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from redline.errors import CorruptPartition
from redline.market.calendar import TradingCalendar
from redline.store.asked import CHANGED, Asked, Series, record_of
from redline.store.contents import Numbers, added_up, content_of, counted, fingerprints, joined
from redline.store.layout import BARS, DataFile, Partition
from redline.store.ledger import Ledger
from redline.store.log import LogEntry, Snapshot
from redline.store.mending import Shortage, counts_of, lists_lost, lost, shortages, spec_of, told_by
from redline.store.reading import in_order, read_file
from redline.store.table import Table
from redline.store.upkeep import intact

ACCEPTED = "accepted"
GONE = "another program's change to the table took them out"


@dataclass(slots=True)
class _Review:
    """What becomes of the rows of one partition: taken over (a table for each file), refused, or gone."""

    kept: list[pa.Table]
    refused: list[pa.Table]
    gone: list[pa.Table]
    unknown: bool  # Old files are gone and what they held cannot be told: nothing of theirs is taken over.


def accept(table: Table, ledger: Ledger, strangers: Sequence[LogEntry], calendar: TradingCalendar) -> None:
    """Take over what other programs' versions left as it was, take out the rest, and tell the ledger what is lost, in
    one commit. The caller holds the table's lock, and ``ledger`` knows all of our own versions.

    Raises:
        ForeignWriter: yet another version came meanwhile.
        DiskFull, StoreUnwritable, StoreError: nothing is changed.
    """
    snapshot = table.snapshot()
    named = {one.path: one for one in snapshot.all_files()}
    came, went = _net(strangers)
    new = [named[path] for path in sorted(came & named.keys())]
    old = sorted(went - named.keys())
    added: list[tuple[DataFile, str]] = []
    marks: list[Asked] = []
    for partition in sorted({one.partition for one in new} | {_partition(path) for path in old}):
        fresh = [one for one in new if one.partition == partition]
        review = _reviewed(table, fresh, [path for path in old if _partition(path) == partition], partition)
        added += [table.write(in_order([rows], table.kind), partition) for rows in review.kept if rows.num_rows]
        if not partition.superseded:
            marks += _marks(table, ledger, snapshot, partition, fresh, review, calendar)
    record = record_of(marks) | {ACCEPTED: snapshot.version}
    ledger.mark(marks, table.kind.dataset, table.commit(snapshot.version, added, new, record))


def _net(strangers: Sequence[LogEntry]) -> tuple[set[str], set[str]]:
    """Return the paths that several versions together added and removed: what came and went again is in neither."""
    came: set[str] = set()
    went: set[str] = set()
    for entry in strangers:
        for path in entry.removed:
            (came.remove if path in came else went.add)(path)
        for one in entry.added:
            (went.remove if one.path in went else came.add)(one.path)
    return came, went


def _partition(path: str) -> Partition:
    return Partition.in_folder(path.rpartition("/")[0])


def _reviewed(table: Table, new: Sequence[DataFile], old: Sequence[str], partition: Partition) -> _Review:
    before = [_readable(table, DataFile(one, partition, 0, 0, ("", ""), (date.min, date.max))) for one in old]
    after = [rows for one in new if (rows := _readable(table, one)) is not None]
    prints = [fingerprints(rows) for rows in after]
    was = [rows for rows in before if rows is not None]
    vanished = len(was) < len(old)
    if vanished and joined(table.content_once(one) or "0:0" for one in old) == content_of(prints):
        return _Review(after, [], [], unknown=False)
    known = [fingerprints(rows) for rows in was]
    if partition.superseded:
        same = content_of(known) == content_of(prints)
        return _Review(after if same else was, [], [], unknown=False)
    keep = _first_of(prints, np.unique(np.concatenate([*known, np.empty(0, np.uint64)])))
    there = np.concatenate([*prints, np.empty(0, np.uint64)])
    return _Review(
        [rows.filter(pa.array(mine)) for rows, mine in zip(after, keep, strict=True)],
        [rows.filter(pa.array(~mine)) for rows, mine in zip(after, keep, strict=True)],
        [rows.filter(pa.array(~np.isin(its, there))) for rows, its in zip(was, known, strict=True)],
        vanished,
    )


def _readable(table: Table, file: DataFile) -> pa.Table | None:
    """Return the rows of a file; ``None``: it is gone or not sound. Of ours the name must be true."""
    if file.ours and not intact(table, file):
        return None
    try:
        return read_file(table.root, file, table.kind)
    except (FileNotFoundError, CorruptPartition):
        return None


def _first_of(prints: Iterable[Numbers], known: Numbers) -> list[Any]:
    """Return which rows are known and stand for the first time."""
    seen = np.empty(0, np.uint64)
    found = []
    for its in prints:
        first = np.zeros(len(its), bool)
        first[np.unique(its, return_index=True)[1]] = True
        mine = first & np.isin(its, known) & ~np.isin(its, seen)
        seen = np.concatenate([seen, its[mine]])
        found.append(mine)
    return found


def _marks(
    table: Table,
    ledger: Ledger,
    snapshot: Snapshot,
    partition: Partition,
    new: Sequence[DataFile],
    review: _Review,
    calendar: TradingCalendar,
) -> list[Asked]:
    if table.kind is not BARS:
        return _marks_of_lists(table, ledger, review)
    away = {one.path for one in new}
    beside: list[DataFile] = []
    missing: list[DataFile] = []
    for one in snapshot.files.get(partition, ()):
        if one.path not in away:
            (beside if intact(table, one) else missing).append(one)
    held = added_up([counts_of(table, beside), counted(review.kept, table.kind.day)])
    changed = _changed(ledger, partition, review)
    _, short = told_by(shortages(ledger, partition, held), missing)
    told = {(one.series, one.day) for one in short}
    whole = [
        Shortage(series, day, *([held.get((series.source, series.ticker), {}).get(day, 0)] * 2))
        for series, day in changed
        if (series, day) not in told
    ]
    why = f"{GONE}, or nobody can tell that it left them as they were" if review.unknown else GONE
    return lost([*short, *whole], why, calendar, {} if review.unknown else changed)


def _changed(ledger: Ledger, partition: Partition, review: _Review) -> dict[tuple[Series, int], int]:
    """Return how many rows that no source sent were there, of series and dates that were ever asked for."""
    spec = spec_of(partition)
    found = {}
    for (source, ticker), days in counted(review.refused, BARS.day).items():
        series = Series(source, BARS.dataset, ticker, spec)
        for day, rows in days.items():
            at = date.fromordinal(day)
            if ledger.spans(series, at, at):
                found[series, day] = rows
    return found


def _marks_of_lists(table: Table, ledger: Ledger, review: _Review) -> list[Asked]:
    dataset = table.kind.dataset
    if review.unknown:
        return lists_lost(ledger, dataset, None, f"Lost: {GONE}, or nobody can tell that it left them as they were.")
    changed = frozenset(ticker for rows in review.refused for ticker in rows["ticker"].to_pylist())
    gone = frozenset(ticker for rows in review.gone for ticker in rows["ticker"].to_pylist())
    marks = []
    if gone - changed:
        marks += lists_lost(ledger, dataset, gone - changed, f"Lost: {GONE}.")
    if changed:
        marks += lists_lost(
            ledger, dataset, changed, "Lost: another program put rows there that no source sent.", CHANGED
        )
    return marks
