"""Scripted bad days: which requests are hit, and what happens to them. ``docs/emulator.md`` lists every key.

A fault is ``{"match": {"path", "nth", "times", "key"}, "do": {...}}``; all of ``match`` is optional.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

#: What Stooq says in place of rows, with status 200 (quoted by several of its users, 2026-07 and 08).
SAYS = {
    "browser_check": (
        b'<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="robots" content="noindex,nofollow"></head><body>'
        b"<noscript>This site requires JavaScript to verify your browser. Please enable JavaScript and reload."
        b"</noscript>"
        b'<script>fetch("/__verify")</script></body></html>'
    ),
    "hits_limit": b"Exceeded the daily hits limit",
    "no_data": b"No data",
}


class BadFault(ValueError):
    """A fault that cannot be read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Match:
    """Requests whose path starts with ``path``, or in whose path or path with query that regular expression is found.

    Of the matching ones the ``nth`` (from 1) is hit and ``times - 1`` after it. Without ``times``: that one when
    ``nth`` is given, else all. ``times`` 0: all from there on. ``key``: only requests with this key, or last four.
    """

    path: str = ""
    nth: int | None = None
    times: int | None = None
    key: str = ""

    def fits(self, path: str, query: str, key: str) -> bool:
        if self.key and self.key not in (key, key[-4:]):
            return False
        if path.startswith(self.path):
            return True
        return bool(re.search(self.path, path) or re.search(self.path, f"{path}?{query}"))

    def hits(self, seen: int) -> bool:
        """Return whether the ``seen``-th matching request is hit."""
        first = self.nth or 1
        times = self.times if self.times is not None else (1 if self.nth else 0)
        return seen >= first and (times == 0 or seen < first + times)


@dataclass(frozen=True, slots=True)
class Do:
    """What happens. The answer itself, then its page, then its delivery."""

    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    body_file: str | None = None
    html: bool = False
    says: str | None = None
    revoke: bool = False

    set: Mapping[str, Any] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    row: Mapping[str, Any] = field(default_factory=dict)
    page: str | None = None
    loop: bool | str = False
    next_url: str | None = None

    delay_s: float = 0.0
    hang: bool = False
    reset: bool = False
    cut_after: float | None = None
    chunked: bool = False
    length: int | None = None
    gzip: str | None = None
    drip_s: float = 0.0

    @property
    def replaces_answer(self) -> bool:
        other = (self.status, self.body, self.body_file, self.says)
        return self.html or any(one is not None for one in other)

    @property
    def edits_page(self) -> bool:
        return bool(self.set or self.drop or self.row or self.page or self.loop or self.next_url is not None)


@dataclass(slots=True)
class Fault:
    """A fault with its counts. ``origin`` is the first page that a loop goes back to."""

    number: int
    match: Match
    do: Do
    seen: int = 0
    fired: int = 0
    origin: tuple[str, dict[str, str]] | None = None

    def as_json(self) -> dict[str, Any]:
        shown = {name: getattr(self.do, name) for name in _names(Do)}
        default = Do()
        do = {name: value for name, value in shown.items() if value != getattr(default, name)}
        match = {name: getattr(self.match, name) for name in _names(Match) if name != "key"}
        return {"number": self.number, "match": match, "do": do, "seen": self.seen, "fired": self.fired}


class Faults:
    """The faults in force, in order; the first one due for a request hits it. Thread-safe."""

    def __init__(self, start: list[tuple[Match, Do]]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._number = 0
        self.add(start)

    def add(self, faults: list[tuple[Match, Do]]) -> list[int]:
        """Put faults behind the others; return their numbers."""
        with self._lock:
            made = [Fault(self._number + at, match, do) for at, (match, do) in enumerate(faults, 1)]
            self._number += len(made)
            self._faults += made
        return [fault.number for fault in made]

    def clear(self) -> None:
        with self._lock:
            self._faults = []

    def reset(self) -> None:
        """Go back to the faults of the start."""
        self.clear()
        self.add(self._start)

    def take(self, path: str, query: str, key: str) -> Fault | None:
        """Count a request and return the fault that hits it."""
        due = None
        with self._lock:
            for fault in self._faults:
                if fault.match.fits(path, query, key):
                    fault.seen += 1
                    if due is None and fault.match.hits(fault.seen):
                        due = fault
            if due is not None:
                due.fired += 1
        return due

    def as_json(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_json() for fault in self._faults]


def read_faults(value: object, folder: Path) -> list[tuple[Match, Do]]:
    """Return faults from decoded JSON; a ``body_file`` is looked for in ``folder``.

    Raises:
        BadFault: an unknown key, a wrong type, a pattern or file that does not exist.
    """
    listed = value.get("faults", [value]) if isinstance(value, dict) else value
    if not isinstance(listed, list):
        raise BadFault("faults were no list")
    return [_read_one(one, folder) for one in listed]


def read_faults_file(path: Path) -> list[tuple[Match, Do]]:
    """Return the faults of a JSON file."""
    return read_faults(json.loads(path.read_text("utf-8")), path.parent)


def _read_one(value: object, folder: Path) -> tuple[Match, Do]:
    if not isinstance(value, dict) or not isinstance(value.get("do"), dict):
        raise BadFault('a fault was no object with "do"')
    unknown = set(value) - {"match", "do"}
    if unknown:
        raise BadFault(f"unknown keys in a fault: {sorted(unknown)}")
    match = Match(**_known(value.get("match") or {}, Match))
    try:
        re.compile(match.path)
    except re.error as error:
        raise BadFault(f"path was no regular expression: {error}") from error
    given = _known(value["do"], Do)
    if "body_file" in given:
        given["body_file"] = str((folder / given["body_file"]).resolve())
        if not Path(given["body_file"]).is_file():
            raise BadFault("body_file was not found")
    if "says" in given and given["says"] not in SAYS:
        raise BadFault(f"says was none of {sorted(SAYS)}")
    given |= {"drop": tuple(given["drop"])} if "drop" in given else {}
    return match, Do(**given)


def _known(value: object, kind: type) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadFault(f"{kind.__name__.lower()} was no object")
    unknown = set(value) - set(_names(kind))
    if unknown:
        raise BadFault(f"unknown keys in {kind.__name__.lower()}: {sorted(unknown)}; known: {sorted(_names(kind))}")
    return dict(value)


def _names(kind: type) -> list[str]:
    return [one.name for one in fields(kind)]
