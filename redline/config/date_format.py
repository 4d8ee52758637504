"""Dates as an API writes them: a format of words such as ``DD/MM/YYYY HH:mm``, or ``iso``, or ``unix``. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Self

#: Words of a format, longest first, and what they match when they are read.
WORDS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "MMM": r"(?P<name>[A-Za-z]{3})",
    "MM": r"(?P<month>[0-9]{2})",
    "DD": r"(?P<day>[0-9]{2})",
    "HH": r"(?P<hour>[0-9]{2})",
    "mm": r"(?P<minute>[0-9]{2})",
    "ss": r"(?P<second>[0-9]{2})",
    "SSS": r"(?P<milli>[0-9]{3})",
    "M": r"(?P<month>[0-9]{1,2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "Z": r"(?P<zone>Z|[+-][0-9]{2}:?[0-9]{2})",
}
ISO, UNIX = "iso", "unix"
DEFAULT = "YYYY-MM-DD"
_SPLIT = re.compile(r"(YYYY|MMM|SSS|MM|DD|HH|mm|ss|M|D|Z)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_LONGEST = 40


@dataclass(frozen=True, slots=True)
class DateFormat:
    """A format. ``pieces``: literal, word, literal, word, … literal; empty for ``iso`` and ``unix``."""

    text: str
    pieces: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a format.

        Raises:
            ValueError: it lacks a word for year, month or day, has one twice, or a letter that is no word.
        """
        if text in (ISO, UNIX):
            return cls(text)
        pieces = _SPLIT.split(text)
        words = pieces[1::2]
        units = [re.sub(r"\W.*", "", WORDS[word][4:]) for word in words]
        months = units.count("month") + units.count("name")
        if len(text) > _LONGEST or units.count("year") != 1 or months != 1 or units.count("day") != 1:
            raise ValueError("must have YYYY, one of MM, M and MMM, and one of DD and D, each once; or be iso or unix")
        if len(set(units)) != len(units):
            raise ValueError("has a word twice")
        if not all(re.fullmatch(r"[T0-9 ,./:_-]*", one) for one in pieces[::2]):
            raise ValueError(f"has letters that are no word; the words are {', '.join(WORDS)}")
        if any("0" <= letter <= "9" for one in pieces[::2] for letter in one):
            raise ValueError("has digits between its words")
        return cls(text, tuple(pieces))

    @property
    def all_digits(self) -> bool:
        """Whether a date in it looks like a number: ``YYYYMMDD``."""
        return bool(self.pieces) and not any(self.pieces[::2]) and not {"MMM", "Z"} & set(self.pieces[1::2])

    def write(self, moment: datetime) -> str:
        """Return a moment in this format; ``iso`` gives the date alone. Not for ``unix``."""
        if not self.pieces:
            return moment.date().isoformat()
        offset = moment.strftime("%z") or "+0000"
        values = {
            "YYYY": f"{moment.year:04}",
            "MMM": _MONTHS[moment.month - 1],
            "MM": f"{moment.month:02}",
            "DD": f"{moment.day:02}",
            "HH": f"{moment.hour:02}",
            "mm": f"{moment.minute:02}",
            "ss": f"{moment.second:02}",
            "SSS": f"{moment.microsecond // 1000:03}",
            "M": f"{moment.month}",
            "D": f"{moment.day}",
            "Z": f"{offset[:3]}:{offset[3:5]}",
        }
        return "".join(values[piece] if at % 2 else piece for at, piece in enumerate(self.pieces))

    def read(self, text: str) -> datetime:
        """Return what a text says: with the offset it names, else naive; midnight where it has no time.

        ``YYYY-MM-DD`` reads ISO 8601 with a time too.

        Raises:
            ValueError: it is not in this format, or there is no such day.
        """
        if len(text) > 2 * _LONGEST:
            raise ValueError("too long")
        if self.text in (ISO, DEFAULT):
            if not _ISO.fullmatch(text):
                raise ValueError(text)
            return datetime.fromisoformat(text)
        found = re.fullmatch(
            "".join(WORDS[one] if at % 2 else re.escape(one) for at, one in enumerate(self.pieces)), text
        )
        if found is None or not self.pieces:
            raise ValueError(text)
        said = found.groupdict()
        month = _MONTHS.index(said["name"].capitalize()) + 1 if said.get("name") else int(said["month"])
        hour, minute, second, milli = (int(said.get(unit) or 0) for unit in ("hour", "minute", "second", "milli"))
        moment = datetime(int(said["year"]), month, int(said["day"]), hour, minute, second, milli * 1_000)
        return moment.replace(tzinfo=_offset(said["zone"])) if said.get("zone") else moment


def start_of(day: date) -> datetime:
    """Return the first moment of a day, naive."""
    return datetime(day.year, day.month, day.day)


def end_of(day: date) -> datetime:
    """Return the last millisecond of a day, naive: for formats with a time, whose last day counts too."""
    return start_of(day) + timedelta(days=1) - timedelta(milliseconds=1)


def _offset(text: str) -> timezone:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    return timezone((timedelta(hours=hours, minutes=minutes)) * (-1 if text[0] == "-" else 1))
