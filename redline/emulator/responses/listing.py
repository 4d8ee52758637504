"""Lists of rows as the vendor filters, sorts and pages them, for both generations of its endpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from redline.emulator.asks import Ask
from redline.emulator.exceptions import BadParameter
from redline.emulator.wire import Reply

Row = dict[str, Any]
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}


@dataclass(frozen=True, slots=True)
class Listing:
    """How one endpoint lists. ``fields``: type of each filter; ``dotted``: ``sort=field.asc``, the new generation."""

    fields: dict[str, type]
    sort: str
    default_limit: int
    max_limit: int
    dotted: bool = True
    order: str = "asc"
    sortable: tuple[str, ...] = ()
    counted: bool = False

    def reply(self, ask: Ask, rows: Iterable[Row]) -> Reply:
        """Return one page: all filters applied, then sorted, then cut."""
        query = ask.query
        limit = ask.limit(self.default_limit, self.max_limit)
        found = self._sorted([row for row in rows if self._matches(row, query)], query)
        start = ask.offset()
        page = found[start : start + limit]
        answer: Row = {"results": page, "status": "OK", "request_id": ask.request_id}
        if self.counted:
            answer["count"] = len(page)
        if start + limit < len(found):
            asked = {name: text for name, text in query.items() if name not in ("ap", "limit") and text}
            answer["next_url"] = ask.next_url(ask.raw_path, {"ap": start + limit, **asked, "limit": limit})
        return Reply.json(200, answer, served=[row.get("id") or row.get("ticker") for row in page])

    def _matches(self, row: Row, query: Mapping[str, str]) -> bool:
        for name, text in query.items():
            base, _, test = name.partition(".")
            if base not in self.fields or not text:
                continue
            value = row.get(base)
            if value is None:
                return False
            if test == "any_of":
                if value not in [_typed(self.fields[base], name, one) for one in text.split(",")]:
                    return False
            elif not _passes(value, test, _typed(self.fields[base], name, text)):
                return False
        return True

    def _sorted(self, rows: list[Row], query: Mapping[str, str]) -> list[Row]:
        for name, descending in reversed(self._orders(query)):
            rows.sort(key=lambda row, by=name: _sort_key(row.get(by)), reverse=descending)  # type: ignore[misc]
        return rows

    def _orders(self, query: Mapping[str, str]) -> Sequence[tuple[str, bool]]:
        text = query.get("sort") or self.sort
        orders = []
        for part in text.split(","):
            name, _, direction = part.rpartition(".") if self.dotted and "." in part else (part, "", "")
            direction = direction or ("asc" if self.dotted else query.get("order") or self.order)
            if name not in (self.sortable or self.fields) or direction not in ("asc", "desc"):
                raise BadParameter(f"The parameter 'sort' cannot be '{part}'")
            orders.append((name, direction == "desc"))
        return orders


def _passes(value: Any, test: str, bound: Any) -> bool:
    return bool(COMPARE[test](value, bound)) if test in COMPARE else value == bound


def _sort_key(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else "")


def _typed(kind: type, name: str, text: str) -> Any:
    if kind is bool:
        if text not in ("true", "false"):
            raise BadParameter(f"The parameter '{name}' must be a boolean")
        return text == "true"
    try:
        return kind(text)
    except ValueError:
        raise BadParameter(f"The parameter '{name}' must be a number") from None
