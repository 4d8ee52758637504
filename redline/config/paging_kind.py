"""How a user's API gives its answers in pages: a word, or an object with the word and the names it uses. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


class PagingWord(Enum):
    """The kinds of paging; ``NONE``: one answer has all."""

    NONE = "none"
    NEXT_URL = "next_url"
    CURSOR = "cursor"
    PAGE = "page"
    OFFSET = "offset"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class PagingKind:
    """``path`` leads to the next mark in an answer, ``param`` sends it; ``start`` is the number of the first page."""

    word: PagingWord
    path: tuple[str, ...] = ()
    param: str = ""
    start: int = 1

    @property
    def counts(self) -> bool:
        """Whether only an empty page says that there are no more."""
        return self.word in (PagingWord.PAGE, PagingWord.OFFSET)


NO_PAGING = "none"
_NAMES: dict[PagingWord, dict[str, object]] = {
    PagingWord.NONE: {},
    PagingWord.NEXT_URL: {"path": "next_url"},
    PagingWord.CURSOR: {"path": "next_cursor", "param": "cursor"},
    PagingWord.PAGE: {"param": "page", "start": 1},
    PagingWord.OFFSET: {"param": "offset"},
    PagingWord.LINK: {},
}
_PARAMETER = re.compile(r"[A-Za-z0-9_.\[\]$-]{1,64}")


def parse_paging(given: object) -> PagingKind:
    """Read ``"cursor"`` or ``{"type": "cursor", "path": "meta.next", "param": "after"}``.

    Raises:
        ValueError: no such kind, a name it does not have, or a value that is none.
    """
    asked = {"type": given} if isinstance(given, str) else dict(given) if isinstance(given, Mapping) else {}
    words = {one.value: one for one in PagingWord}
    word = words.get(str(asked.pop("type", None)))
    if word is None:
        raise ValueError(f"must be one of {', '.join(words)}, or an object with such a type")
    names = dict(_NAMES[word])
    unknown = [str(name) for name in asked if name not in names]
    if unknown:
        known = f"it has type{''.join(f', {one}' for one in names)}"
        raise ValueError(f"of type {word.value} has no {', '.join(unknown)[:80]}; {known}")
    names |= asked
    path, param, start = names.get("path", ""), names.get("param", ""), names.get("start", 1)
    if not isinstance(path, str) or ("path" in names and not path) or len(path) > 200:
        raise ValueError("must have a path such as meta.next_cursor")
    if not isinstance(param, str) or ("param" in names and not _PARAMETER.fullmatch(param)):
        raise ValueError("must have a param that is a name in a query")
    if isinstance(start, bool) or not isinstance(start, int) or not 0 <= start <= 1:
        raise ValueError("must start at page 0 or 1")
    return PagingKind(word, tuple(path.split(".")) if path else (), param, start)
