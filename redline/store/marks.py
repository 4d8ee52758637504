"""Rows of the ledger's table ``asked``: how answers become marks, many at once, and marks answers again."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from redline.market.part import WHOLE_MARKET
from redline.market.request import Dataset
from redline.market.session import SessionState
from redline.store.asked import LOST, Asked, Series, packed, rows_by_day, unpacked

LIKE = "source = ? AND dataset = ? AND timespan = ? AND multiplier = ?"
KEY = f"{LIKE} AND ticker = ?"
COLUMNS = "first, last, asked_at, answer, batch, state, counts, rows_new, rows_changed, rows_same, set_aside, market"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)

#: The columns of one row, as they are stored.
Mark = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """Dates (inclusive) for which the whole market's list of splits is known: since when, and as of when."""

    first: date
    last: date
    first_asked: datetime
    last_asked: datetime


def us(at: datetime) -> int:
    """Return an instant as it is stored: microseconds since 1970."""
    return (at - _EPOCH) // _US


def instant(stored: int) -> datetime:
    """Return the instant that ``us`` wrote."""
    return _EPOCH + stored * _US


def windows(rows: Iterable[tuple[Any, ...]]) -> list[Window]:
    """Return rows of the table ``windows`` as values, sorted."""
    return [
        Window(date.fromordinal(first), date.fromordinal(last), instant(begun), instant(newest))
        for _, _, first, last, begun, newest in sorted(rows)
    ]


def key_of(series: Series, *, ticker: bool = True) -> tuple[Any, ...]:
    """Return the values of ``KEY``, or of ``LIKE`` without the ticker."""
    bars = series.dataset is Dataset.BARS
    width = (series.spec.timespan.value, series.spec.multiplier) if bars else ("", 0)
    like = (series.source, series.dataset.value, *width)
    return (*like, series.ticker) if ticker else like


def mark_all(db: sqlite3.Connection, answers: Sequence[Asked]) -> None:
    """Write answers and notes down, in their order, and what follows from them: what is held, and since when."""
    values = [_values(one) for one in answers]
    real = [one for one in answers if one.state is None and one.series.ticker != WHOLE_MARKET]
    sums = _sums(db, real)
    # What a new one covers wholly is no longer needed; an answer outdoes notes too.
    db.executemany(
        f"DELETE FROM asked WHERE {KEY} AND first >= ? AND last <= ? AND (? IS NULL OR state = ?)",  # noqa: S608
        ((*row[:5], row[5], row[6], row[10], row[10]) for row in values),
    )
    names = f"source, dataset, timespan, multiplier, ticker, {COLUMNS}"
    db.executemany(f"INSERT INTO asked ({names}) VALUES ({', '.join('?' * 17)})", values)  # noqa: S608
    for one in answers:
        if one.series.ticker == WHOLE_MARKET:
            _mark_window(db, one)
    _remember(db, real)
    _sum_up(db, sums)


def _mark_window(db: sqlite3.Connection, one: Asked) -> None:
    """A window is told by its first day; it grows with the calendar, and keeps since when it is known."""
    if one.asked_at == LOST:
        db.execute("DELETE FROM windows WHERE source = ? AND dataset = ?", key_of(one.series)[:2])
        return
    at = us(one.asked_at)
    db.execute(
        "INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
        " SET last = excluded.last, last_asked = excluded.last_asked",
        (one.series.source, one.series.dataset.value, one.first.toordinal(), one.last.toordinal(), at, at),
    )


def _remember(db: sqlite3.Connection, answers: Sequence[Asked]) -> None:
    """Keep since when each series is known; of one that was lost, forget it."""
    names = "source, dataset, timespan, multiplier, ticker, asked_at"
    known = [(*key_of(one.series), us(one.asked_at)) for one in answers if one.asked_at != LOST]
    db.executemany(f"DELETE FROM since WHERE {KEY}", [key_of(one.series) for one in answers if one.asked_at == LOST])  # noqa: S608
    db.executemany(
        f"INSERT INTO since ({names}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"  # noqa: S608
        " SET asked_at = MIN(asked_at, excluded.asked_at)",
        known,
    )


#: First and last date ordinal with rows, sessions with rows, rows.
_Sums = tuple[int, int, int, int]


def _sums(db: sqlite3.Connection, answers: Sequence[Asked]) -> dict[Series, _Sums | None]:
    """Return what will be held of each series by answers that are not written down yet; ``None``: it must be counted.

    Thousands of tickers grow by a session at a time, in any order: what overlaps nothing is added to what is held.
    """
    by_series: dict[Series, list[Asked]] = defaultdict(list)
    for one in answers:
        by_series[one.series].append(one)
    found: dict[Series, _Sums | None] = {}
    for series, news in by_series.items():
        row = db.execute(f"SELECT first, last, sessions, rows FROM held WHERE {KEY}", key_of(series)).fetchone()  # noqa: S608
        sums: _Sums = row or (date.max.toordinal(), 0, 0, 0)
        found[series] = _added(sums, news) if _apart(db, series, sums, news) else None
    return found


def _apart(db: sqlite3.Connection, series: Series, held: _Sums, news: Sequence[Asked]) -> bool:
    """Whether answers overlap neither one another nor an earlier answer with rows."""
    until = 0
    for first, last in sorted((one.first.toordinal(), one.last.toordinal()) for one in news):
        if first <= until:
            return False
        until = last
        if first <= held[1] and last >= held[0]:
            overlaps = f"SELECT 1 FROM asked WHERE {KEY} AND last >= ? AND first <= ? AND state IS NULL LIMIT 1"  # noqa: S608
            if db.execute(overlaps, (*key_of(series), first, last)).fetchone():
                return False
    return True


def _added(held: _Sums, news: Sequence[Asked]) -> _Sums:
    first, last, sessions, rows = held
    for one in news:
        counts = {day: count for day, count in (one.counts or {}).items() if count}
        if counts:
            first, last = min(first, *counts), max(last, *counts)
            sessions, rows = sessions + len(counts), rows + sum(counts.values())
    return first, last, sessions, rows


def _sum_up(db: sqlite3.Connection, sums: dict[Series, _Sums | None]) -> None:
    """Write down what is held of each series; where it is not known, count what was written down of it."""
    rows, gone = [], []
    for series, known in sums.items():
        if known is None:
            counts = {day: count for day, count in rows_by_day(spans_of(db, series)).items() if count}
            known = (min(counts, default=0), max(counts, default=0), len(counts), sum(counts.values()))
        if known[2]:
            rows.append((*key_of(series), *known))
        else:
            gone.append(key_of(series))
    names = "source, dataset, timespan, multiplier, ticker, first, last, sessions, rows"
    db.executemany(f"DELETE FROM held WHERE {KEY}", gone)  # noqa: S608
    db.executemany(f"INSERT OR REPLACE INTO held ({names}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)  # noqa: S608


def spans_of(db: sqlite3.Connection, series: Series, start: date = date.min, end: date = date.max) -> list[Asked]:
    """Return what was asked of a series that touches ``start`` to ``end``, in the order of the commits."""
    rows = db.execute(
        f"SELECT {COLUMNS} FROM asked WHERE {KEY} AND last >= ? AND first <= ? ORDER BY seq",  # noqa: S608
        (*key_of(series), start.toordinal(), end.toordinal()),
    ).fetchall()
    return [asked_of(series, row) for row in rows]


def asked_of(series: Series, row: Mark) -> Asked:
    """Return the answer or note that a mark stands for."""
    first, last, asked_at, answer, batch, state, counts, new, changed, same, set_aside, market = row
    return Asked(
        series,
        date.fromordinal(first),
        date.fromordinal(last),
        instant(asked_at),
        answer,
        batch,
        SessionState(state) if state else None,
        unpacked(counts) if counts else {},
        new,
        changed,
        same,
        set_aside,
        bool(market),
    )


def held_of(marks: Iterable[Mark], low: int, high: int) -> dict[int, int]:
    """Return how many rows are held by date ordinal from ``low`` to ``high``, by answers: first, last and counts of
    each, in the order of the commits.
    """
    held: dict[int, int] = {}
    for first, last, counts in marks:
        if held:
            held = {day: rows for day, rows in held.items() if not first <= day <= last}
        held.update(unpacked(counts) if counts else {})
    return {day: rows for day, rows in held.items() if rows and low <= day <= high}


def _values(one: Asked) -> tuple[Any, ...]:
    return (
        *key_of(one.series),
        one.first.toordinal(),
        one.last.toordinal(),
        us(one.asked_at),
        one.answer,
        one.batch,
        one.state.value if one.state else None,
        packed(one.counts) if one.counts else None,
        one.rows_new,
        one.rows_changed,
        one.rows_same,
        one.set_aside,
        one.market,
    )
