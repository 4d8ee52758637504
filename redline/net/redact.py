"""Keys stay out of every text that leaves: log lines, messages, tracebacks.

Two nets. Secrets that were registered are masked in each form they are met in: as they are, percent-encoded, base64
(at any alignment), hex, reversed, and by their first twelve letters. And whatever stands where keys stand
(``apiKey=``, ``Bearer``, ``Authorization:``) is masked whoever wrote it.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote

from redline.errors import RedlineError

MASK: Final = "***"

SHORTEST = 6
"""Shorter secrets are not looked for: masking them would spoil ordinary words, and no vendor gives out such a key."""

MOST: Final = 64
"""So many secrets are masked; the one that was not used for the longest time is forgotten, or the pattern would grow
with every key that somebody sends along with a request."""

_HEAD = 12
_SHORTEST_CORE = 8
_lock = threading.Lock()
_secrets: dict[str, dict[str, str]] = {}  # the digest of a secret, and its patterns by form; newest last
_known: re.Pattern[str] | None = None

_PLACES = re.compile(
    r"""(?ix)
    (?P<name> (?:\b|%[0-9a-f]{2}|_)
        (?:(?:api|access|secret|master)[_-]?key|token|password)
        (?:["']|%22)? \s* (?:=|:|%3d|%3a) \s* (?:["']|%22)? ) [^\s&"'<>,;)}\]]+
    | (?P<auth> \bauthorization (?:["'])? \s* [:=,] \s* (?:b?["'])? (?:(?:bearer|basic|token)\s+)? ) [^\s"',;)}\]]+
    | (?P<bearer> \bbearer (?:\s|%20|\+)+ ) [^\s"'<>,;)}\]]+
    """
)


def register(secret: str) -> None:
    """Mask ``secret`` from now on, wherever text passes ``redact``. Shorter than six letters: ignored.

    Of the secret only the search patterns are kept, in memory, and those of the newest ``MOST`` secrets.
    """
    global _known
    if len(secret) < SHORTEST:
        return
    name = hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
    with _lock:
        found = _secrets.pop(name, None)
        _secrets[name] = found or _forms(secret)
        if found is None:
            if len(_secrets) > MOST:
                del _secrets[next(iter(_secrets))]
            forms = {form: pattern for one in _secrets.values() for form, pattern in one.items()}
            _known = re.compile("|".join(forms[form] for form in sorted(forms, key=len, reverse=True)))


def holds_secret(text: str) -> bool:
    """Return whether a registered secret stands in ``text``, in any of its forms."""
    known = _known
    return known is not None and known.search(text) is not None


def redact(text: str) -> str:
    """Return ``text`` with each registered secret, and whatever stands in the place of a key, masked."""
    known = _known
    masked = text if known is None else known.sub(MASK, text)
    return _PLACES.sub(lambda found: f"{found['name'] or found['auth'] or found['bearer']}{MASK}", masked)


@contextmanager
def masked_errors() -> Iterator[None]:
    """Mask keys in the words of our own errors inside the block: they may quote what a source said."""
    try:
        yield
    except RedlineError as error:
        error.sentence, error.hint = redact(error.sentence), redact(error.hint)
        error.args = (error.sentence,)
        raise


class RedactingFilter(logging.Filter):
    """Masks the message, the traceback and the stack of each record; escapes line ends in the message.

    It belongs on the handlers of the root logger: a filter on a logger does not see the records of its children.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except (TypeError, ValueError, KeyError):  # a wrong format must not make logging print the arguments itself
            message = f"{record.msg} {record.args!r}"
        record.msg, record.args = one_line(redact(message)), None
        if record.exc_info:
            record.exc_text = _FORMATTER.formatException(record.exc_info)
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def one_line(text: str) -> str:
    """Return ``text`` with line ends and other control characters escaped, so that no value can forge a log line."""
    return "".join(letter if letter.isprintable() or letter == "\t" else ascii(letter)[1:-1] for letter in text)


_FORMATTER = logging.Formatter()


def _forms(secret: str) -> dict[str, str]:
    """Return form -> pattern, for each form a secret is met in."""
    raw = secret.encode("utf-8", "surrogatepass")
    plain = {secret, secret[::-1], secret[:_HEAD], secret[:_HEAD][::-1]}
    for core in _base64_cores(raw):
        plain |= {core, core.replace("+", "-").replace("/", "_")}
    any_case = {raw.hex(), raw[:_HEAD].hex(), "".join(f"%{byte:02x}" for byte in raw), quote(secret, safe="")}
    forms = {form: re.escape(form) for form in plain}
    return forms | {form: f"(?i:{re.escape(form)})" for form in any_case if form not in forms}


def _base64_cores(raw: bytes) -> list[str]:
    """Return what base64 of any text with ``raw`` in it holds for sure: three alignments, without shared letters."""
    cores = []
    for before in range(3):
        text = base64.b64encode(b"\0" * before + raw).decode().rstrip("=")
        whole = (before + len(raw)) * 8 // 6
        cores.append(text[(before * 8 + 5) // 6 : whole])
    return [core for core in cores if len(core) >= _SHORTEST_CORE]
