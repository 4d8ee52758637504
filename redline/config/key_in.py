"""What somebody asks to be saved, field by field; pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from redline.config import kinds
from redline.config.kinds import Hidden
from redline.config.secret import DOTS, Secret
from redline.config.setting_list import SETTINGS, Kind
from redline.errors import BadField

DEFAULT_TIMEOUT_S = 30.0
_ENDING = "_api_key"
_MOST_PER_MINUTE = 1_000_000
_FIELDS = ("source", "api_key", "name", "rate_limit_per_minute", "timeout")

SOURCES: tuple[str, ...] = tuple(
    one.name.removesuffix(_ENDING) for one in SETTINGS if one.kind is Kind.API_KEY and one.name.endswith(_ENDING)
)
"""The sources that take a key: those with a setting ``<source>_api_key``."""


@dataclass(frozen=True, slots=True)
class KeyIn:
    """The *key in* of design 4.3. ``api_key`` None: the placeholder came back, the saved key stays.

    ``rate_limit_per_minute`` None: not said. ``kept``: the last letters that the placeholder showed.
    """

    source: str
    api_key: Secret | None
    name: str
    rate_limit_per_minute: float | None
    timeout_s: float
    kept: str = ""

    @classmethod
    def parse(cls, fields: Mapping[str, object]) -> KeyIn:
        """Read a JSON object. None counts as left out.

        Raises:
            BadField: a field is unknown, missing, or of a value that cannot be used; no key is in the message.
        """
        unknown = sorted(set(fields) - set(_FIELDS))
        if unknown:
            raise BadField(unknown[0][:40], Hidden("unknown"), f"the fields are {', '.join(_FIELDS)}")
        source = fields.get("source")
        if source not in SOURCES or not isinstance(source, str):
            raise BadField("source", source, f"the sources that take a key are {', '.join(SOURCES)}")
        key, kept = _key_or_placeholder(fields.get("api_key"))
        return cls(
            source,
            key,
            _name(fields.get("name"), source),
            positive("rate_limit_per_minute", fields.get("rate_limit_per_minute")),
            timeout("timeout", fields.get("timeout")),
            kept,
        )

    @classmethod
    def parse_form(cls, fields: Mapping[str, str]) -> KeyIn:
        """Read a form: all values are texts, and one that was left empty was not said (but for ``api_key``)."""
        said: dict[str, object] = {name: text for name, text in fields.items() if text.strip() or name == "api_key"}
        for name in ("rate_limit_per_minute", "timeout"):
            text = fields.get(name, "").strip()
            if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text, re.ASCII):
                said[name] = float(text)
        return cls.parse(said)


def _key_or_placeholder(value: object) -> tuple[Secret | None, str]:
    text = value.strip() if isinstance(value, str) else ""
    if text.startswith((DOTS, "....")):
        return None, text[4:]
    if value is None:
        raise BadField("api_key", Hidden("missing"), "an API key is wanted")
    return kinds.api_key("api_key", value), ""


def _name(value: object, source: str) -> str:
    if value is None:
        return source
    if not isinstance(value, str) or not value.strip() or len(value) > 80 or not value.isprintable():
        raise BadField("name", value, "a text of 1 to 80 letters is wanted")
    return value.strip()


def positive(field: str, value: object) -> float | None:
    """Return a number of requests a minute above 0, None when nothing was said."""
    if value is None:
        return None
    if not _is_number(value) or not 0 < value <= _MOST_PER_MINUTE:
        raise BadField(field, value, "a number above 0 is wanted")
    return value


def timeout(field: str, value: object) -> float:
    """Return a time-out of 1 to 600 seconds, 30 when nothing was said."""
    if value is None:
        return DEFAULT_TIMEOUT_S
    if not _is_number(value) or not 1 <= value <= 600:
        raise BadField(field, value, "a number of seconds from 1 to 600 is wanted")
    return value


def _is_number(value: object) -> TypeGuard[float]:
    """Whether it is one of JSON's numbers: True is none, and neither are NaN and infinity."""
    return isinstance(value, int | float) and not isinstance(value, bool) and (value == value and abs(value) < math.inf)
