"""What stands around the rows of a Massive answer, and whether it can be believed. Pure.

Source: contract page sections 2.1 (common rules) and 2.2. ``status`` is OK, or DELAYED on delayed plans; a missing
``results`` with a count above 0 is a cut answer, never "no rows"; a blank ``next_url`` is the end.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from redline.downloaders.massive_errors import NAME, said_in_ok
from redline.errors import MalformedPage

type_name = {str: "text", int: "a whole number", bool: "true or false"}
_STATUSES = ("OK", "DELAYED")
_UNSET = msgspec.UNSET


class Envelope(msgspec.Struct, gc=False):
    """The fields beside ``results``; ``UNSET`` where the answer has none."""

    ticker: str | msgspec.UnsetType = _UNSET
    queryCount: int | msgspec.UnsetType = _UNSET
    resultsCount: int | msgspec.UnsetType = _UNSET
    adjusted: bool | msgspec.UnsetType = _UNSET
    status: str | msgspec.UnsetType = _UNSET
    request_id: str | msgspec.UnsetType = _UNSET
    count: int | msgspec.UnsetType = _UNSET
    next_url: str | msgspec.UnsetType = _UNSET
    error: str | msgspec.UnsetType = _UNSET
    message: str | msgspec.UnsetType = _UNSET

    @property
    def quotation_marks(self) -> int:
        """How many quotation marks these fields and their names take in a body."""
        values = [value for name in self.__struct_fields__ if (value := getattr(self, name)) is not _UNSET]
        return sum(4 if isinstance(value, str) else 2 for value in values)

    @property
    def following(self) -> str | None:
        """The address of the next page; ``None`` at the end."""
        return None if self.next_url is _UNSET else self.next_url.strip() or None


def from_mapping(found: Mapping[str, object], what: str) -> Envelope:
    """Return the envelope of an answer that was parsed to plain objects.

    Raises:
        MalformedPage: a field that decides something is of another kind than the vendor's.
    """
    values: dict[str, object] = {}
    kinds = {"ticker": str, "resultsCount": int, "adjusted": bool, "status": str, "count": int, "next_url": str}
    for name, kind in {**kinds, "error": str, "message": str}.items():
        value = found.get(name)
        if value is None:
            continue
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise MalformedPage(NAME, f"the answer to {what} has a {name} that is not {type_name[kind]}.")
        values[name] = value
    return Envelope(**values)  # type: ignore[arg-type]


def checked(envelope: Envelope, what: str, came: int) -> None:
    """Check status and counts against the number of rows that came.

    Raises:
        MalformedPage: no status, or other counts than rows.
        NotEntitled, RateLimited: the status and its text say so.
    """
    status = "" if envelope.status is _UNSET else envelope.status
    if status not in _STATUSES:
        text = next((one for one in (envelope.error, envelope.message) if one is not _UNSET), "")
        raise said_in_ok(status, text, what)
    for name in ("resultsCount", "count"):
        counted = getattr(envelope, name)
        if counted is not _UNSET and counted != came:
            raise MalformedPage(
                NAME,
                f"the answer to {what} says {name} {counted:,} and has {came:,} rows.",
                "It was cut or mixed up; nothing of it was kept. Retry.",
            )
