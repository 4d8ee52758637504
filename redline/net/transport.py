"""The vendor's own client on our transport: each call it makes is paced, counted, retried by us, and checked.

``massive.RESTClient`` (2.9.1, ``rest/base.py``) calls ``request("GET", url, fields=, headers=)`` on a
``urllib3.PoolManager`` and reads ``status``, ``data`` and ``headers``; put in its place by ``client.client = pool``.
Left alone, its pager takes a page that is no JSON for the end, and follows a cursor for ever: both are errors here,
raised before it sees the page.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from redline.clock import Watch
from redline.errors import MalformedPage, PaginationLoop, Unsupported
from redline.net import strict_json
from redline.net.http import PATIENCE_S, HttpClient

BARREN_PAGES = 3
"""Pages in a row without a new row before paging is taken for endless (reliability, P8)."""

_WALKS_KEPT = 1_000
_PLAIN = re.compile(r"v\d+|vX|[a-z][a-z-]*")


@dataclass(frozen=True, slots=True)
class PacedResponse:
    """What the vendor's client reads of an answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes = field(repr=False)


@dataclass(slots=True)
class _Walk:
    """One walk from page to page: the addresses asked, and whether the pages still bring something."""

    asked: set[str]
    barren: int = 0
    last_rows: object = None


@dataclass(frozen=True, slots=True)
class _Listening:
    watch: Watch
    patience_s: float | None


_LISTENING: ContextVar[_Listening | None] = ContextVar("listening", default=None)


class PacedPool:
    """Stands where ``urllib3.PoolManager`` stood. Thread-safe.

    ``describe(path)`` names a request: (what it is, for messages; endpoint, for the counts).
    """

    def __init__(self, http: HttpClient, *, describe: Callable[[str], tuple[str, str]] | None = None) -> None:
        self._http, self._describe = http, describe or described
        self._walks: OrderedDict[str, _Walk] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def watched(self, watch: Watch, patience_s: float | None = PATIENCE_S) -> Iterator[None]:
        """Let ``watch`` hear and stop what this thread asks inside the block."""
        mark = _LISTENING.set(_Listening(watch, patience_s))
        try:
            yield
        finally:
            _LISTENING.reset(mark)

    def request(
        self,
        method: str,
        url: str,
        fields: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        **kw: object,
    ) -> PacedResponse:
        """Send a GET and return its whole, checked answer. The key comes from the HttpClient, not from ``headers``.

        Raises:
            Unsupported: another method.
            NotJson, MalformedPage, PaginationLoop, NextUrlRefused: the page cannot be trusted.
            ProviderError: whatever ``HttpClient.get`` raises.
        """
        if method.upper() != "GET":
            raise Unsupported(f"{self._http.provider}: {method} is not sent; every call of it is a GET.")
        if fields:
            url += ("&" if "?" in url else "?") + urlencode(fields)
        what, endpoint = self._describe(urlsplit(url).path)
        heard = _LISTENING.get() or _Listening(Watch(), PATIENCE_S)
        answer = self._http.get(url, what=what, endpoint=endpoint, watch=heard.watch, patience_s=heard.patience_s)
        page = strict_json.loads(answer.body, provider=self._http.provider, what=what)
        if isinstance(page, dict) and page.get("next_url") is not None:
            self._follow(url, page, what)
        return PacedResponse(answer.status, answer.headers, answer.body)

    def clear(self) -> None:
        """Close the idle connections (``PoolManager.clear``)."""
        self._http.close()

    def _follow(self, url: str, page: dict[str, object], what: str) -> None:
        next_url = page["next_url"]
        if not isinstance(next_url, str):
            raise MalformedPage(self._http.provider, f"the answer to {what} has a next_url that is no text.")
        self._http.check_url(next_url)
        with self._lock:
            walk = self._walks.pop(_address(url), None) or _Walk(set())
            walk.asked.add(_address(url))
            rows = page.get("results")
            walk.barren = walk.barren + 1 if not rows or rows == walk.last_rows else 0
            walk.last_rows = rows
            if _address(next_url) in walk.asked or walk.barren >= BARREN_PAGES:
                raise PaginationLoop(
                    self._http.provider,
                    f"paging of {what} does not end: {len(walk.asked)} pages, and the next brings nothing new.",
                    "Ask again; if it stays so, the source has an error.",
                )
            self._walks[_address(next_url)] = walk
            while len(self._walks) > _WALKS_KEPT:
                self._walks.popitem(last=False)


def described(path: str) -> tuple[str, str]:
    """Return (path, endpoint); the endpoint is the path up to the first part that is a value, without the tickers."""
    parts = [part for part in path.split("/") if part]
    fixed = 0
    while fixed < min(len(parts), 4) and _PLAIN.fullmatch(parts[fixed]):
        fixed += 1
    return path[:120], "/".join(parts[:fixed]) or "/"


def _address(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
