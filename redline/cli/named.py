"""Which tickers a command names: words with commas or spaces, ``@file``, ``-`` for stdin, or a universe."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from redline.errors import BadField
from redline.market.bulk import parse_ticker_file
from redline.market.ticker import parse_ticker

MOST_BYTES = 16_000_000  # 20,000 tickers are 100 kB; a wide table of them is a few MB.
STDIN = "-"
_BETWEEN = re.compile(r"[,;\s]+")


def one_ticker(arguments: argparse.Namespace) -> str | None:
    """Return the ticker when it is one plain word and nothing speaks of many; else ``None``."""
    words: list[str] = arguments.tickers
    if len(words) != 1 or arguments.universe or arguments.as_of:
        return None
    word = words[0]
    many = word == STDIN or word.startswith("@") or (word != "" and _BETWEEN.search(word))
    return None if many else word


def many_tickers(words: Sequence[str]) -> list[str]:
    """Return the tickers that words stand for, unchecked and in their order; the files and stdin are read.

    Raises:
        BadField: a file that cannot be read, is no text or has no ticker in it.
    """
    found: list[str] = []
    for word in words:
        if word == STDIN:
            found += parse_ticker_file(_stdin())
        elif word.startswith("@"):
            found += parse_ticker_file(_file(word))
        else:
            found += [one for one in _BETWEEN.split(word) if one]
    return found


def checked_tickers(words: Sequence[str]) -> tuple[str, ...] | None:
    """Return the tickers that words stand for, each once; ``None`` for no word: all that were ever asked for.

    Raises:
        BadField: as ``many_tickers``, or there is no ticker in them. BadName: an entry can be no ticker.
    """
    if not words:
        return None
    found = tuple(dict.fromkeys(parse_ticker(one) for one in many_tickers(words)))
    if not found:
        raise BadField("tickers", " ".join(words), "it must name at least one ticker, such as AAPL")
    return found


def _file(word: str) -> bytes:
    try:
        with Path(word[1:]).open("rb") as file:
            return _bounded(file.read(MOST_BYTES + 1), word)
    except (OSError, ValueError) as error:  # A NUL in a name is a ValueError.
        why = error.strerror if isinstance(error, OSError) else "no file has such a name"
        raise BadField("tickers", word, f"the file cannot be read: {why}") from error


def _stdin() -> bytes:
    return _bounded(sys.stdin.buffer.read(MOST_BYTES + 1), STDIN)


def _bounded(data: bytes, word: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise BadField("tickers", word, f"a list of tickers has at most {MOST_BYTES // 1_000_000} MB")
    return data
