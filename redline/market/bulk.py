"""What somebody wants of many tickers: a list, text, a file, or a universe. Nothing wrong in it spoils the rest."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from datetime import date

from redline.errors import BadField, BadName
from redline.market.request import (
    Dataset,
    DownloadRequest,
    parse_date,
    parse_flag,
    parse_range,
    parse_source,
    parse_spec,
    refuse_unknown,
)
from redline.market.ticker import parse_ticker

MAX_TICKERS = 20_000
SHOWN = 64  # So many letters of an entry that can be no ticker are kept to name it.
US_STOCKS, HELD, COLLECTION = "us_stocks", "held", "collection:"
_BETWEEN = re.compile(r"[,;\s]+")
_HEADS = ("ticker", "tickers", "symbol", "symbols")
_DATES = {"as_of", "start_date", "end_date"}
_FIELDS = frozenset({"tickers", "universe", "source", "dataset", "timespan", "multiplier", "adjusted"} | _DATES)


def parse_bulk(body: Mapping[str, object], *, today: date, last_session: date) -> DownloadRequest:
    """Read the body of ``POST /download/bulk`` without ``api_key`` and what saves it.

    ``tickers`` is a list, or text with commas, semicolons, spaces or new lines between; or ``universe`` names a list:
    ``us_stocks`` as of the date ``as_of`` (left out: today), ``held``, ``collection:NAME``; its tickers are empty
    here. Doubles are dropped, the order stays. An entry that can be no ticker is in ``refused``, with the reason.

    Raises:
        BadField: a field that is wrong or that nobody knows, by name; no ticker at all; more than 20,000.
        BadRange: an end before the start, or dates in the future.
    """
    refuse_unknown(body, _FIELDS)
    universe = _universe(body.get("universe"))
    given = body.get("tickers")
    if universe and given not in (None, "", []):
        raise BadField("universe", universe, "name either tickers or a universe")
    good, refused = parse_tickers(given) if not universe else ((), ())
    start, end = parse_range(body.get("start_date"), body.get("end_date"), today=today, last_session=last_session)
    return DownloadRequest(
        tickers=good,
        start=start,
        end=end,
        source=parse_source(body.get("source", "massive")),
        dataset=Dataset.parse(body.get("dataset", "bars")),
        spec=parse_spec(body.get("timespan", "day"), body.get("multiplier", 1)),
        adjusted=parse_flag(body.get("adjusted", True), "adjusted"),
        universe=universe,
        as_of=_as_of(body.get("as_of"), universe, today),
        refused=refused,
    )


def parse_tickers(given: object) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the tickers of a list or a text, and what can be no ticker, each with the reason; without doubles.

    Raises:
        BadField: neither list nor text; not one ticker in it; more than 20,000.
    """
    if isinstance(given, str):
        entries: Iterable[object] = (one.strip("\"'") for one in _BETWEEN.split(given))
        entries = [one for one in entries if one]
    elif given is None or isinstance(given, list | tuple):
        entries = given or ()
    else:
        raise BadField("tickers", given, 'it must be a list, such as ["AAPL", "MSFT"], or text')
    good: dict[str, None] = {}
    refused: dict[str, str] = {}
    for entry in entries:
        try:
            good[parse_ticker(entry)] = None
        except (BadField, BadName) as error:
            refused.setdefault(_named(entry), error.sentence)
    if len(good) + len(refused) > MAX_TICKERS:
        counted = len(good) + len(refused)
        raise BadField("tickers", f"{counted:,} tickers", f"a download has at most {MAX_TICKERS:,}")
    if not good:
        wrong = ", ".join(list(refused)[:3])
        raise BadField("tickers", wrong, "it must name at least one ticker, such as AAPL")
    return tuple(good), tuple(refused.items())


def parse_ticker_file(data: bytes) -> list[str]:
    """Return the tickers of a CSV or text file: its column headed ticker or symbol, else its first column.

    The header may be in any case; a file without one has one ticker a line. Whether each can be a ticker is not
    looked at here.

    Raises:
        BadField: it is no text (binary, not UTF-8), or there is nothing in it.
    """
    shown = f"{len(data):,} bytes"
    try:
        lines = [line for line in data.decode("utf-8-sig").splitlines() if line.strip()]
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines, delimiter=_delimiter(lines))]
    except (UnicodeDecodeError, csv.Error):
        rows = [["\0"]]
    if any("\0" in cell for row in rows for cell in row):
        raise BadField("file", shown, "it must be text in UTF-8, such as a CSV file with a ticker a line")
    found = [one for one in _column(rows) if one]
    if not found:
        raise BadField("file", shown, "it must have a ticker a line")
    return found


def _delimiter(lines: list[str]) -> str:
    first = lines[0] if lines else ""
    return max(",;\t", key=first.count)


def _column(rows: list[list[str]]) -> list[str]:
    heads = [cell.lower() for cell in rows[0]] if rows else []
    named = next((head for head in _HEADS if head in heads), None)
    if named:
        at = heads.index(named)
        return [row[at] for row in rows[1:] if len(row) > at]
    if len(rows) == 1:
        return rows[0]  # One line: A, B, C
    if all(len(row) == 1 for row in rows):
        return [word for row in rows for word in row[0].split()]
    return [row[0] for row in rows]


def _universe(was: object) -> str:
    if was in (None, ""):
        return ""
    if isinstance(was, str):
        named = was.removeprefix(COLLECTION)
        if was in (US_STOCKS, HELD) or (was.startswith(COLLECTION) and 0 < len(named) <= SHOWN):
            return was
    raise BadField("universe", was, f"it must be {US_STOCKS}, {HELD}, or {COLLECTION}NAME")


def _as_of(was: object, universe: str, today: date) -> date | None:
    if universe != US_STOCKS:
        if was not in (None, ""):
            raise BadField("as_of", was, f"only the universe {US_STOCKS} has a date")
        return None
    day = today if was in (None, "") else parse_date(was, "as_of")
    if day > today:
        raise BadField("as_of", day.isoformat(), f"it must not be after today, {today}")
    return day


def _named(entry: object) -> str:
    """Return an entry that can be no ticker so that it can stand in a list: printable, and not long."""
    text = entry if isinstance(entry, str) else repr(entry)
    return "".join(one if one.isprintable() else "?" for one in text[:SHOWN]) or "(empty)"
