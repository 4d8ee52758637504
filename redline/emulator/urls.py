"""Which path is answered by which function."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import unquote

from redline.emulator.asks import Ask
from redline.emulator.models.folder import MarketFolder
from redline.emulator.responses import actions, bars, reference, status, ticks
from redline.emulator.wire import Reply

Answer = Callable[[Ask, MarketFolder], Reply]

_ROUTES: tuple[tuple[str, Answer], ...] = (
    ("/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{from}/{to}", bars.aggregates),
    ("/v2/aggs/grouped/locale/us/market/stocks/{date}", bars.grouped),
    ("/v2/aggs/ticker/{ticker}/prev", bars.previous),
    ("/v1/open-close/{ticker}/{date}", bars.open_close),
    ("/stocks/v1/splits", actions.splits),
    ("/stocks/v1/dividends", actions.dividends),
    ("/v3/reference/splits", actions.old_splits),
    ("/v3/reference/dividends", actions.old_dividends),
    ("/v3/reference/tickers", reference.tickers),
    ("/v3/reference/tickers/types", reference.types),
    ("/v3/reference/tickers/{ticker}", reference.overview),
    ("/vX/reference/tickers/{id}/events", reference.events),
    ("/v3/reference/exchanges", reference.exchanges),
    ("/v1/marketstatus/now", status.now),
    ("/v1/marketstatus/upcoming", status.upcoming),
    ("/v3/trades/{ticker}", ticks.trades),
    ("/v3/quotes/{ticker}", ticks.quotes),
)


def _pattern(template: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    names = tuple(re.findall(r"{(\w+)}", template))
    return re.compile(re.sub(r"{\w+}", "([^/]+)", template)), names


ROUTES = tuple((*_pattern(template), answer) for template, answer in _ROUTES)


def find(path: str) -> tuple[Answer, dict[str, str]] | None:
    """Return the function and the decoded parameters of a path, ``None`` when the vendor has no such route."""
    for pattern, names, answer in ROUTES:
        matched = pattern.fullmatch(path)
        if matched:
            return answer, dict(zip(names, map(unquote, matched.groups()), strict=True))
    return None
