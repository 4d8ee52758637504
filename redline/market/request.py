"""What somebody wants, parsed and checked, before anything is planned. Vendor-neutral."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self

from redline.errors import BadField, BadRange
from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.ticker import parse_ticker
from redline.market.word import Word

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORD = re.compile(r"[a-z0-9_]{1,64}")
EARLIEST = date(1970, 1, 1)
MAX_MULTIPLIER = 1_000


class Dataset(Word):
    """What kind of rows is asked for. ``TICKERS``, the list of a universe, is fetched by parts of jobs only."""

    BARS = "bars"
    SPLITS = "splits"
    DIVIDENDS = "dividends"
    TICKERS = "tickers"

    @classmethod
    def downloads(cls) -> tuple[Dataset, ...]:
        """Return the datasets that a request may ask for."""
        return tuple(one for one in cls if one is not cls.TICKERS)

    @classmethod
    def parse(cls, was: object) -> Self:
        """Return the dataset of a word that a request may use; raises ``BadField`` that lists them."""
        if was == cls.TICKERS.value:
            words = ", ".join(one.value for one in cls.downloads())
            raise BadField("dataset", was, f"it must be one of {words}")
        return super().parse(was)


class Adjust(Word):
    """How prices are corrected at read: not, for splits, or for splits and dividends."""

    NONE = "none"
    SPLITS = "splits"
    ALL = "all"


class Format(Word):
    """What an answer or an export is written as."""

    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"
    FEATHER = "feather"
    XLSX = "xlsx"
    DUCKDB = "duckdb"


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """Rows of one or several tickers, ``start`` to ``end``, both inclusive, as session dates of the exchange.

    ``universe``: the name of the list that the tickers are, as of ``as_of``; without tickers it is not known yet.
    ``repair``: only sessions that failed, or that came late, are asked for again; none that nobody ever asked for.
    ``refused``: what was asked for and can be no ticker, each with the reason.
    """

    tickers: tuple[str, ...]
    start: date
    end: date
    source: str = "massive"
    dataset: Dataset = Dataset.BARS
    spec: BarSpec = DAILY
    adjusted: bool = True
    universe: str = ""
    as_of: date | None = None
    repair: bool = False
    refused: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, body: Mapping[str, object], *, today: date, last_session: date) -> DownloadRequest:
        """Read the body of ``POST /download`` (design 4.3) without ``api_key`` and ``format``, which are the route's.

        ``today`` bounds the dates; ``last_session`` is the last finished session, the default of ``end_date``.

        Raises:
            BadField: a field that is wrong or that nobody knows, by name.
            BadRange: an end before the start, or dates in the future.
        """
        known = {"ticker", "source", "dataset", "start_date", "end_date", "timespan", "multiplier", "adjusted"}
        refuse_unknown(body, known)
        dataset = Dataset.parse(body.get("dataset", "bars"))
        start, end = parse_range(body.get("start_date"), body.get("end_date"), today=today, last_session=last_session)
        return cls(
            tickers=(parse_ticker(body.get("ticker", "")),),
            start=start,
            end=end,
            source=parse_source(body.get("source", "massive")),
            dataset=dataset,
            spec=parse_spec(body.get("timespan", "day"), body.get("multiplier", 1)),
            adjusted=parse_flag(body.get("adjusted", True), "adjusted"),
        )


@dataclass(frozen=True, slots=True)
class BarsQuery:
    """Bars to read from the store; ``start`` and ``end`` inclusive, ``None`` = as far as is held; ``as_of`` in UTC."""

    tickers: tuple[str, ...]
    start: date | None = None
    end: date | None = None
    spec: BarSpec = DAILY
    adjust: Adjust = Adjust.SPLITS
    as_of: datetime | None = None

    @classmethod
    def parse(cls, args: Mapping[str, object]) -> BarsQuery:
        """Read the arguments of ``GET /data/bars`` without ``format``; all values are text.

        Raises:
            BadField: a field that is wrong or that nobody knows, by name.
        """
        known = {"ticker", "start", "end", "timespan", "multiplier", "adjust", "as_of"}
        refuse_unknown(args, known)
        start = parse_date(args["start"], "start") if args.get("start") else None
        end = parse_date(args["end"], "end") if args.get("end") else None
        if start and end and end < start:
            raise BadRange("end", end.isoformat(), f"it must not be before start, {start}")
        return cls(
            tickers=(parse_ticker(args.get("ticker", "")),),
            start=start,
            end=end,
            spec=BarSpec(Timespan.parse(args.get("timespan", "day")), parse_multiplier(args.get("multiplier", 1))),
            adjust=Adjust.parse(args.get("adjust", "splits")),
            as_of=parse_as_of(args["as_of"]) if args.get("as_of") else None,
        )


def refuse_unknown(given: Mapping[str, object], known: Collection[str]) -> None:
    """Raise ``BadField`` for the first field that nobody knows: a mistyped one must not be passed over."""
    for field in given:
        if field not in known:
            raise BadField(str(field), given[field], f"no such field; there are {', '.join(sorted(known))}")


def parse_date(was: object, field: str) -> date:
    """Return the date of a ``YYYY-MM-DD``; raises ``BadField`` for all else, half-typed dates included."""
    if isinstance(was, date) and not isinstance(was, datetime):
        return was
    if isinstance(was, str) and _DATE.fullmatch(was):
        try:
            day = date.fromisoformat(was)
        except ValueError:
            raise BadField(field, was, "there is no such day") from None
        if day < EARLIEST:
            raise BadField(field, was, f"dates begin with {EARLIEST}")
        return day
    raise BadField(field, was, "it must be a date as YYYY-MM-DD")


def parse_range(start: object, end: object, *, today: date, last_session: date) -> tuple[date, date]:
    """Return start and end, both inclusive; left out: end = ``last_session``, start = one year before the end."""
    last = last_session if end in (None, "") else parse_date(end, "end_date")
    first = year_before(last) if start in (None, "") else parse_date(start, "start_date")
    if first > today:
        raise BadRange("start_date", first.isoformat(), f"it must not be after today, {today}")
    if last > today:
        raise BadRange("end_date", last.isoformat(), f"it must not be after today, {today}")
    if last < first:
        raise BadRange("end_date", last.isoformat(), f"it must not be before start_date, {first}")
    return first, last


def year_before(day: date) -> date:
    """Return the same day of the year before; of February 29, the 28th."""
    return day - timedelta(days=366) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def parse_multiplier(was: object) -> int:
    """Return a whole number from 1 to 1,000; digits as text count too: forms have no numbers."""
    value = int(was) if isinstance(was, str) and was.isascii() and was.isdigit() and len(was) < 6 else was
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_MULTIPLIER:
        raise BadField("multiplier", was, f"it must be a whole number from 1 to {MAX_MULTIPLIER:,}")
    return value


def parse_spec(timespan: object, multiplier: object) -> BarSpec:
    """Return the length of bars; one that holds trades of two sessions is refused: no session could ever be whole."""
    spec = BarSpec(Timespan.parse(timespan), parse_multiplier(multiplier))
    if spec.overnight:
        why = f"{spec} bars run over midnight; take a length that a day is a whole multiple of"
        raise BadField("multiplier", spec.multiplier, why)
    return spec


def parse_flag(was: object, field: str) -> bool:
    """Return a truth value; ``true`` and ``false`` as text are one too, for forms have no others."""
    if isinstance(was, bool):
        return was
    if was in ("true", "false"):
        return was == "true"
    raise BadField(field, was, "it must be true or false")


def parse_source(was: object) -> str:
    """Return the name of a source; whether there is one of that name is the registry's to say."""
    if isinstance(was, str) and _WORD.fullmatch(was):
        return was
    raise BadField("source", was, "it must be the name of a source, such as massive")


def parse_as_of(was: object) -> datetime:
    """Return an instant in UTC: a date means the end of that day, else ISO 8601; without an offset it is UTC."""
    if isinstance(was, str) and _DATE.fullmatch(was):
        day = parse_date(was, "as_of")
        return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) - timedelta(microseconds=1)
    try:
        instant = datetime.fromisoformat(was) if isinstance(was, str) else None
    except ValueError:
        instant = None
    if instant is None:
        raise BadField("as_of", was, "it must be a date or an instant as 2026-11-24T20:00:00Z")
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
