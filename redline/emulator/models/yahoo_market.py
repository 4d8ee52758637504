"""Yahoo's symbols for the tickers of a folder, and the hours they trade."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from redline.emulator.calendar import SessionKind, close_minute, session_kind
from redline.emulator.eastern import NEW_YORK

_INDICES = {"^GSPC": "I:SPX", "^IXIC": "I:COMP"}
_PAIR = re.compile(r"([A-Z0-9]+)-([A-Z]{3})")
_FOREX = re.compile(r"([A-Z]{3})([A-Z]{3})=X")
_CLASS = re.compile(r"([A-Z]+)-([A-Z])")
_OPEN_MINUTE = 9 * 60 + 30
_LAST_MINUTE = 23 * 60 + 59


@dataclass(frozen=True, slots=True)
class Instrument:
    """A symbol, the folder's ticker of it, and its zone; ``all_day``: it trades from midnight to midnight there."""

    symbol: str
    ticker: str
    kind: str
    exchange: str
    zone: ZoneInfo
    all_day: bool = False

    def opens_s(self, day: date) -> int:
        """Return when a day's trading begins, in seconds since 1970: its stamp."""
        return self._at(day, 0 if self.all_day else _OPEN_MINUTE)

    def closes_s(self, day: date) -> int:
        return self._at(day, _LAST_MINUTE if self.all_day else close_minute(session_kind(day)))

    def is_session(self, day: date) -> bool:
        return self.all_day or session_kind(day) is not SessionKind.CLOSED

    def session_of(self, now: datetime) -> date:
        """Return today when it is a session, else the one before."""
        day = now.astimezone(self.zone).date()
        return day if self.is_session(day) else self.session_before(day)

    def session_before(self, day: date) -> date:
        day -= timedelta(days=1)
        while not self.is_session(day):
            day -= timedelta(days=1)
        return day

    def hours_between(self, start_s: int, end_s: int) -> Iterator[tuple[int, int]]:
        """Yield opening and close of each session that begins in a span of time."""
        day = datetime.fromtimestamp(start_s, self.zone).date()
        while (opens := self.opens_s(day)) <= end_s:
            if self.is_session(day) and opens >= start_s:
                yield opens, self.closes_s(day)
            day += timedelta(days=1)

    def _at(self, day: date, minute: int) -> int:
        at = datetime.combine(day, time(minute // 60, minute % 60), self.zone)
        return int(at.astimezone(UTC).timestamp())


def instrument(symbol: str, tickers: Set[str]) -> Instrument | None:
    """Return what a symbol stands for in a folder with these tickers; ``None``: the vendor does not know it."""
    if symbol.startswith("^"):
        made = Instrument(symbol, _INDICES.get(symbol, f"I:{symbol[1:]}"), "INDEX", "SNP", NEW_YORK)
        return made if made.ticker in tickers else None
    if pair := _PAIR.fullmatch(symbol):
        for ticker in (f"X:{pair[1]}{pair[2]}", f"X:{pair[1]}-{pair[2]}"):
            if ticker in tickers:
                return Instrument(symbol, ticker, "CRYPTOCURRENCY", "CCC", ZoneInfo("UTC"), all_day=True)
    if pair := _FOREX.fullmatch(symbol):
        for ticker in (f"C:{pair[1]}{pair[2]}", f"C:{pair[1]}-{pair[2]}"):
            if ticker in tickers:
                return Instrument(symbol, ticker, "CURRENCY", "CCY", ZoneInfo("Europe/London"), all_day=True)
        return None
    share = _CLASS.fullmatch(symbol)
    ticker = f"{share[1]}.{share[2]}" if share else symbol
    found = Instrument(symbol, ticker, "EQUITY", "NMS", NEW_YORK)
    return found if ticker in tickers and not set(symbol) & {":", "."} else None
