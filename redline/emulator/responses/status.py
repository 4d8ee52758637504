"""Market status and holidays (massive-contract, section 2.5). From the exchange's rules, for any year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from redline.emulator.asks import Ask
from redline.emulator.calendar import SessionKind, close_minute, early_closes, holidays, session_kind
from redline.emulator.eastern import NEW_YORK
from redline.emulator.models.folder import MarketFolder
from redline.emulator.wire import Reply

EARLY_START, OPEN, LATE_END = 4 * 60, 9 * 60 + 30, 20 * 60
AHEAD = timedelta(days=365)


def now(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v1/marketstatus/now`` at the emulator's time."""
    local = ask.now.astimezone(NEW_YORK).replace(microsecond=0)
    kind, minute = session_kind(local.date()), local.hour * 60 + local.minute
    day = kind is not SessionKind.CLOSED
    early = day and EARLY_START <= minute < OPEN
    late = day and close_minute(kind) <= minute < LATE_END
    is_open = day and OPEN <= minute < close_minute(kind)
    word = "open" if is_open else "extended-hours" if early or late else "closed"
    answer: dict[str, Any] = {"market": word, "earlyHours": early, "afterHours": late}
    answer["serverTime"] = local.isoformat()
    answer["exchanges"] = dict.fromkeys(("nyse", "nasdaq", "otc"), word)
    answer["currencies"] = {"fx": "closed" if _forex_rests(local) else "open", "crypto": "open"}
    return Reply.json(200, answer)


def upcoming(ask: Ask, market: MarketFolder) -> Reply:
    """Answer ``/v1/marketstatus/upcoming``: a bare array, the year ahead, one row for each exchange."""
    today = ask.now.astimezone(NEW_YORK).date()
    rows = []
    for year in (today.year, today.year + 1):
        named = [(day, name, False) for day, name in holidays(year).items()]
        named += [(day, name, True) for day, name in early_closes(year).items()]
        for day, name, early in sorted(named):
            if today <= day <= today + AHEAD:
                rows += [_holiday(day, name, exchange, early) for exchange in ("NYSE", "NASDAQ", "OTC")]
    return Reply.json(200, rows)


def _holiday(day: date, name: str, exchange: str, early: bool) -> dict[str, str]:
    row = {"date": day.isoformat(), "exchange": exchange, "name": name, "status": "early-close" if early else "closed"}
    if early:
        row |= {"open": _instant(day, OPEN), "close": _instant(day, 13 * 60)}
    return row


def _instant(day: date, minute: int) -> str:
    local = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=NEW_YORK)
    return local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _forex_rests(local: datetime) -> bool:
    """Return whether currencies rest: Friday 17:00 to Sunday 17:00 New York."""
    day, hour = local.weekday(), local.hour
    return day == 5 or (day == 4 and hour >= 17) or (day == 6 and hour < 17)
