"""Yahoo's spelling of a ticker, and back. Pure.

Source: recorded answers and Yahoo's help page "Symbol guide" as its users quote it (read 2026-11): share classes stand
behind a dash (``BRK-B``), preferred shares as ``-PA``, warrants ``-WT``, units ``-UN``, rights ``-RI``, when issued
``-WI``; indices have a ``^``; pairs are ``BTC-USD`` and ``EURUSD=X``; exchanges outside of the US are a suffix of two
letters or more (``AZT.OL``), and some of one letter, which is a share class here.
"""

from __future__ import annotations

import re

from redline.errors import Unsupported

_INDICES = {"I:SPX": "^GSPC", "I:COMP": "^IXIC"}
_SUFFIXES = {"WS": "WT", "U": "UN", "RT": "RI", "W": "WI"}
#: Behind these the first part of a pair ends: the currencies that Yahoo quotes crypto in.
_QUOTED_IN = ("USDT", "USDC", "USD", "EUR", "GBP", "JPY", "AUD", "CAD", "BTC", "ETH")

_CLASS = re.compile(r"([A-Za-z]+)\.([A-Z])")
_SPECIAL = re.compile(r"([A-Za-z]+)\.(WS|U|RT)(?:\.([A-Z]))?")
_PREFERRED = re.compile(r"([A-Z]+)p([A-Z])?")
_WHEN_ISSUED = re.compile(r"([A-Z]+)w")

_INDEX_SYMBOLS = {theirs: ours for ours, theirs in _INDICES.items()}
_SUFFIX_SYMBOLS = {theirs: ours for ours, theirs in _SUFFIXES.items()}
_THEIR_PAIR = re.compile(rf"([A-Z0-9]+)-({'|'.join(_QUOTED_IN)})")
_THEIR_FOREX = re.compile(r"([A-Z]{6})=X")
_THEIR_SHARE = re.compile(r"([A-Z]+)-(WT|UN|RI|WI|P)?([A-Z])?")


def to_yahoo(ticker: str) -> str:
    """Return Yahoo's symbol of a ticker; one that is spelt Yahoo's way already stays as it is.

    Raises:
        Unsupported: an option, or a pair whose second part Yahoo does not quote in.
    """
    kind, colon, name = ticker.partition(":")
    if not colon:
        return _share(ticker)
    if kind == "I":
        return _INDICES.get(ticker, f"^{name}")
    if kind == "C":
        return f"{name.replace('-', '')}=X"
    if kind == "X":
        return _pair(name)
    raise Unsupported(f"yahoo has no {ticker}.", "It has stocks, indices (I:), currencies (C:) and crypto (X:).")


def from_yahoo(symbol: str) -> str:
    """Return our ticker of a symbol of Yahoo's: what ``to_yahoo`` makes that symbol of."""
    if symbol.startswith("^"):
        return _INDEX_SYMBOLS.get(symbol, f"I:{symbol[1:]}")
    if forex := _THEIR_FOREX.fullmatch(symbol):
        return f"C:{forex[1]}"
    if pair := _THEIR_PAIR.fullmatch(symbol):
        return f"X:{pair[1]}{pair[2]}"
    share = _THEIR_SHARE.fullmatch(symbol)
    if share is None:
        return symbol
    root, kind, letter = share[1], share[2], share[3] or ""
    if kind is None:
        return f"{root}.{letter}" if letter else symbol
    if kind == "P":
        return f"{root}p{letter}"
    if kind == "WI":
        return f"{root}w"
    return f"{root}.{_SUFFIX_SYMBOLS[kind]}" + (f".{letter}" if letter else "")


def _share(ticker: str) -> str:
    if special := _SPECIAL.fullmatch(ticker):
        return f"{special[1]}-{_SUFFIXES[special[2]]}{special[3] or ''}"
    if one := _CLASS.fullmatch(ticker):
        return f"{one[1]}-{one[2]}"
    if preferred := _PREFERRED.fullmatch(ticker):
        return f"{preferred[1]}-P{preferred[2] or ''}"
    if when_issued := _WHEN_ISSUED.fullmatch(ticker):
        return f"{when_issued[1]}-WI"
    return ticker


def _pair(name: str) -> str:
    bare = name.replace("-", "")
    for quoted in _QUOTED_IN:
        if bare.endswith(quoted) and bare != quoted:
            return f"{bare.removesuffix(quoted)}-{quoted}"
    raise Unsupported(f"yahoo has no X:{name}.", f"It quotes crypto in {', '.join(_QUOTED_IN)}.")
