"""Which series of bars a question is about, and from when to when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from redline.errors import BadRange, Unsupported
from redline.market.bar import DAILY, BarSpec
from redline.market.request import Dataset, parse_date, parse_source, parse_spec, refuse_unknown
from redline.market.ticker import parse_ticker


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """Bars of some tickers (``None``: of all that were ever asked for), ``start`` to ``end`` inclusive.

    A date that is ``None`` is the first or last one that was asked for of that ticker.
    """

    tickers: tuple[str, ...] | None
    spec: BarSpec = DAILY
    start: date | None = None
    end: date | None = None
    source: str = "massive"

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> SeriesQuery:
        """Read ``ticker`` (one, or several by comma), ``timespan``, ``multiplier``, ``start``, ``end``, ``source``.

        Raises:
            BadField, BadRange: a field that is wrong or that nobody knows, by name. Unsupported: no bars.
        """
        refuse_unknown(given, {"dataset", "ticker", "timespan", "multiplier", "start", "end", "source"})
        if Dataset.parse(given.get("dataset", "bars")) is not Dataset.BARS:
            raise Unsupported(
                f"{given['dataset']} have no sessions; they come as one list a ticker.",
                "Ask about bars, or leave dataset out.",
                field="dataset",
            )
        start = parse_date(given["start"], "start") if given.get("start") else None
        end = parse_date(given["end"], "end") if given.get("end") else None
        if start and end and end < start:
            raise BadRange("end", end.isoformat(), f"it must not be before start, {start}")
        return cls(
            tickers=_tickers(given.get("ticker")),
            spec=parse_spec(given.get("timespan", "day"), given.get("multiplier", 1)),
            start=start,
            end=end,
            source=parse_source(given.get("source", "massive")),
        )


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """One session of one series of bars."""

    ticker: str
    session: date
    spec: BarSpec = DAILY
    source: str = "massive"

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> SessionQuery:
        """Read ``ticker``, ``date``, ``timespan``, ``multiplier``, ``source``; raises ``BadField`` by name."""
        refuse_unknown(given, {"ticker", "date", "timespan", "multiplier", "source"})
        return cls(
            parse_ticker(given.get("ticker", "")),
            parse_date(given.get("date"), "date"),
            parse_spec(given.get("timespan", "day"), given.get("multiplier", 1)),
            parse_source(given.get("source", "massive")),
        )


def _tickers(was: object) -> tuple[str, ...] | None:
    """Return the tickers of a list by comma, each once; ``None`` for none."""
    if was in (None, ""):
        return None
    entries = [one.strip() for one in was.split(",")] if isinstance(was, str) else [was]
    return tuple(dict.fromkeys(parse_ticker(one) for one in entries))
