"""An engine for the browser: the stand-in of the web tests with a split, a gap of three sessions, intraday bars, a
ticker with sessions in each state, and as many further tickers as one likes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from redline.engine.story import Story, tell
from redline.jobs.job import JobState, JobView, PartCount, PartState, PartView
from redline.jobs.results import Summary, TickerResult
from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import BarsQuery, Dataset, DownloadRequest
from redline.market.schema import BAR_COLUMNS, BARS_WIRE, DIVIDENDS_WIRE, SPLITS_WIRE
from redline.market.session import Gap, SessionState, SessionStatus
from redline.store import Answered
from tests.web.standin import SESSIONS, StandInEngine, StandInHeld

GAP = (date(2024, 6, 11), date(2024, 6, 12), date(2024, 6, 13))
SPLIT = date(2024, 6, 10)
DIVIDEND = date(2024, 6, 20)
MINUTES = BarSpec(Timespan.MINUTE)


MIXED = "MIX.D"
"""A ticker whose sessions are in all states, one after the other."""


@dataclass
class MarketEngine(StandInEngine):
    """AAPL, daily with a gap and a split, and by the minute for one day.

    Beside it ``mixed`` tickers whose sessions are in all states, and ``many`` with the gap alone.
    """

    many: int = 0
    mixed: int = 1

    def put(self, view: JobView) -> None:
        """Keep a job as it is: it neither starts nor ends."""
        self._jobs[view.job_id] = view  # type: ignore[assignment]
        self._events[view.job_id] = []

    def coverage(self, ticker: str, spec: BarSpec, start: date, end: date) -> list[SessionStatus]:
        asked = datetime(2024, 6, 14, 15, 0, tzinfo=UTC)
        if not re.fullmatch(rf"AAPL|MSFT|T\d{{5}}|{MIXED}I*", ticker):  # never asked for
            return [SessionStatus(day, SessionState.NEVER_ASKED) for day in SESSIONS if start <= day <= end]
        if ticker.startswith(MIXED):
            states = list(SessionState)
            return [
                SessionStatus(day, states[n % len(states)], int(n % len(states) == 0), "massive", asked, "as it came")
                for n, day in enumerate(SESSIONS)
                if start <= day <= end
            ]
        return [
            SessionStatus(day, SessionState.VENDOR_HAS_NONE, 0, "massive", asked, "no rows")
            if day in GAP
            else SessionStatus(day, SessionState.STORED, 1, "massive", asked, "1 row")
            for day in SESSIONS
            if start <= day <= end
        ]

    def bars(self, query: BarsQuery) -> pa.Table:
        table = super().bars(query)
        if query.spec.timespan.intraday:
            return minutes_of(query.tickers[0])
        kept = [
            day not in GAP and (query.start or day) <= day <= (query.end or day) for day in table["date"].to_pylist()
        ]
        return table.filter(pa.array(kept))

    def splits(self, ticker: str) -> pa.Table:
        row = {"ticker": ticker, "execution_date": SPLIT, "split_from": 1.0, "split_to": 4.0, "source": "massive"}
        return pa.Table.from_pylist([row], schema=SPLITS_WIRE)

    def dividends(self, ticker: str) -> pa.Table:
        row = {"ticker": ticker, "ex_dividend_date": DIVIDEND, "cash_amount": 0.25, "source": "massive"}
        return pa.Table.from_pylist([row], schema=DIVIDENDS_WIRE)

    def held(self) -> list[StandInHeld]:
        daily = super().held()
        last = SESSIONS[-1]
        minutes = StandInHeld("massive", daily[0].dataset, "AAPL", MINUTES, last, last, 1, 390, 9_000)
        further = [*(MIXED + "I" * n for n in range(self.mixed)), *(f"T{n:05}" for n in range(self.many))]
        return [*daily, minutes, *(replace(daily[0], ticker=ticker) for ticker in further)]

    def coverage_of(
        self,
        tickers: Sequence[str] | None = None,
        spec: BarSpec = DAILY,
        start: date | None = None,
        end: date | None = None,
        source: str = "massive",
    ) -> dict[str, list[SessionStatus]]:
        return self.coverage_many(tickers or (), spec, start or SESSIONS[0], end or SESSIONS[-1], source)

    def explain(self, ticker: str, session: date, spec: BarSpec, source: str = "massive") -> Story:
        status = (
            self.coverage(ticker, spec, session, session) or [SessionStatus(session, SessionState.MARKET_CLOSED)]
        )[0]
        came = None if status.rows else status.state
        past = [Answered(status.asked_at, session, session, status.answer, "j0001-1-1-0", came, status.rows, False)]
        return tell(status, ticker, spec, "Massive.com", source, past)


def bulk_job(state: JobState, tickers: int = 10_000, **more: Any) -> JobView:
    """Return a job of many tickers: as many parts, half of them done; at its end half of the tickers lack something."""
    names = tuple(f"T{n:05}" for n in range(tickers))
    done = tickers // 2
    results = tuple(
        TickerResult(
            name, 18 * (n < done), n < done, "complete" if n < done else "failed", "" if n < done else "No rows."
        )
        for n, name in enumerate(names)
    )
    holes = tuple(Gap(name, GAP[0], GAP[-1], SessionState.FAILED, answer="500") for name in names[done:])
    pieces = tuple(
        PartView(n, Part("massive", Dataset.BARS, name, *GAP[::2]), PartState.DONE, 0, 18, 1, 0, None, None)
        for n, name in enumerate(names[:60])
    )
    plan = {"route": "pages", "calls": tickers, "minutes": 1.0, "sessions": tickers * 3, "held": 0, "alternatives": []}
    ended = {"gaps": holes, "tickers": results, "summary": Summary.of(results, len(holes))} if state.ended else {}
    return JobView(
        **{
            "job_id": "bulk1",
            "state": state,
            "waiting": None,
            "request": DownloadRequest(names if state.ended else names[:10], GAP[0], GAP[-1]),
            "created_at": datetime(2024, 6, 28, 15, tzinfo=UTC),
            "finished_at": datetime(2024, 6, 28, 16, tzinfo=UTC) if state.ended else None,
            "plan": plan,
            "parts": PartCount(tickers, done, tickers - done if state.ended else 0),
            "records": 18 * done,
            "requests": done,
            "sessions_done": done * 3,
            "sessions_total": tickers * 3,
            "set_aside": 0,
            "pieces": pieces,
            "tickers_count": tickers,
            **ended,
            **more,
        }
    )


def minutes_of(ticker: str) -> pa.Table:
    """Return one bar for each minute of the last session, from 13:30 UTC on."""
    day, count = SESSIONS[-1], 390
    start = datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC)
    opens = [100 + (n % 30) / 10 for n in range(count)]
    columns: dict[str, list[Any]] = {
        "ticker": [ticker] * count,
        "timestamp": [start + timedelta(minutes=n) for n in range(count)],
        "date": [day] * count,
        "open": opens,
        "high": [one + 0.2 for one in opens],
        "low": [one - 0.2 for one in opens],
        "close": [one + 0.1 for one in opens],
        "volume": [1_000.5 + n for n in range(count)],
        "vwap": opens,
        "transactions": [10] * count,
        "source": ["massive"] * count,
    }
    return pa.table(columns, schema=BARS_WIRE).select(list(BAR_COLUMNS))
