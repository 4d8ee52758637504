"""Stooq's spelling of a ticker, and back. Pure.

Source: Stooq's symbol search and the names in its bulk files, as its users quote them (read 2026-11): US shares end in
``.us``, share classes, units and warrants stand behind a dash, preferred shares behind ``_``; indices have a ``^``;
pairs are six letters. All of it is lower case in addresses and upper case in files.
"""

from __future__ import annotations

import re

from redline.errors import Unsupported

#: The composite of Nasdaq; all other indices are spelt as ours.
_INDICES = {"I:COMP": "^ndq"}
_INDEX_TICKERS = {symbol.upper(): ticker for ticker, symbol in _INDICES.items()}
_PREFERRED = re.compile(r"([A-Z]+)p([A-Z])?")
_OTHER_CASE = re.compile(r"[a-z]")
_PAIR = re.compile(r"[A-Z]{6,10}")


def to_stooq(ticker: str) -> str:
    """Return Stooq's symbol of a ticker.

    Raises:
        Unsupported: an option, or a share that Stooq has no spelling for (rights, when issued).
    """
    kind, colon, name = ticker.partition(":")
    if not colon:
        return _share(ticker)
    if kind == "I":
        return _INDICES.get(ticker, f"^{name.lower()}")
    bare = name.replace("-", "")
    if kind in ("C", "X") and _PAIR.fullmatch(bare):
        return bare.lower()
    raise Unsupported(f"stooq has no {ticker}.", "It has stocks, indices (I:), currencies (C:) and crypto (X:).")


def from_stooq(symbol: str, *, crypto: bool = False) -> str | None:
    """Return our ticker of a symbol; ``None`` for shares outside of the US, bonds and what else we have no word for.

    ``crypto``: a pair is one of crypto; its spelling does not tell. ``btc.v`` is Bitcoin in dollars.
    """
    name, dot, where = symbol.upper().partition(".")
    if where == "US":
        root, mark, letter = name.partition("_")
        return f"{root}p{letter}" if mark else name.replace("-", ".")
    if where == "V" and crypto:
        return f"X:{name}USD"
    if dot or not name:
        return None
    if name.startswith("^"):
        return _INDEX_TICKERS.get(name, f"I:{name[1:]}")
    return f"{'X' if crypto else 'C'}:{name}" if _PAIR.fullmatch(name) else None


def _share(ticker: str) -> str:
    if preferred := _PREFERRED.fullmatch(ticker):
        return f"{preferred[1]}_{preferred[2] or ''}.us".lower()
    if _OTHER_CASE.search(ticker) or ticker.startswith("^") or "=" in ticker:
        raise Unsupported(f"stooq has no spelling for {ticker}.", "Take another source for it.")
    return f"{ticker.replace('.', '-')}.us".lower()
