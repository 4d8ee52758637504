"""Where a user's API goes on: by an address, a mark, a count or a header. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urljoin

from redline.config.custom_api import CustomApi
from redline.config.paging_kind import PagingWord
from redline.downloaders.generic_body import MISSING, Sheet, at
from redline.downloaders.generic_request import with_param, without_key
from redline.errors import MalformedPage, PaginationLoop

#: Answers of one part, and answers in a row that bring only days that were not asked for.
MOST_ANSWERS, MOST_OUTSIDE = 1_000, 50
_LINK = re.compile(r"<([^<>]*)>((?:[^,\"<]|\"[^\"]*\")*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next)\s*(?:;|$)", re.IGNORECASE)


@dataclass(slots=True)
class Progress:
    """What a walk has seen: answers, rows, days, and answers in a row whose new days were all outside of the part."""

    answers: int = 0
    rows: int = 0
    outside: int = 0

    def counted(self, api: CustomApi, what: str, sheet: Sheet, new_inside: int, new: int) -> int:
        """Count an answer; return how many rows of it bring the walk on.

        Raises:
            PaginationLoop: there are more answers than any part has.
        """
        self.answers += 1
        self.rows += sheet.count
        self.outside = 0 if new_inside else self.outside + 1
        if self.answers >= MOST_ANSWERS:
            raise PaginationLoop(
                api.source,
                f"paging of {what} does not end: {self.answers:,} answers.",
                "Ask for more rows an answer in endpoint, or correct pagination.",
            )
        return new_inside or (new if self.outside <= MOST_OUTSIDE else 0)


def next_url(
    api: CustomApi, url: str, sheet: Sheet, headers: Mapping[str, str], progress: Progress, what: str
) -> str | None:
    """Return the address of the next answer, without the key; ``None`` at the end: an empty page, or no mark.

    Raises:
        MalformedPage: the mark is neither text nor number.
    """
    paging = api.paging
    if not sheet.count or paging.word is PagingWord.NONE:
        return None
    if paging.word is PagingWord.PAGE:
        return with_param(url, paging.param, str(paging.start + progress.answers))
    if paging.word is PagingWord.OFFSET:
        return with_param(url, paging.param, str(progress.rows))
    mark = _link(headers.get("Link", "")) if paging.word is PagingWord.LINK else _mark(api, sheet, what)
    if not mark:
        return None
    if paging.word is PagingWord.CURSOR:
        return with_param(url, paging.param, mark)
    return without_key(api, urljoin(url, mark))


def _mark(api: CustomApi, sheet: Sheet, what: str) -> str:
    found = at(sheet.top, api.paging.path)
    if found is MISSING or found is None or found is False:
        return ""
    if isinstance(found, bool) or not isinstance(found, str | int):
        raise MalformedPage(
            api.source,
            f"the mark of the next page at {'.'.join(api.paging.path)!r} in the answer to {what} is neither text "
            "nor number.",
            "Correct path in pagination.",
        )
    return str(found).strip()


def _link(header: str) -> str:
    return next((url for url, words in _LINK.findall(header) if _NEXT.search(words)), "")
