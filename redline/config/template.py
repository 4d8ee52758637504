"""Texts with places for a fixed list of fields, such as ``prices/{ticker}``. Never ``str.format`` on what a user wrote:
that reaches into objects. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

_FIELD = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Template:
    """A text and the fields it names. ``pieces``: literal, field, literal, field, … literal."""

    pieces: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, fields: Collection[str]) -> Self:
        """Read a template.

        Raises:
            ValueError: it names another field, or has a brace that stands alone; the words say which.
        """
        pieces = _FIELD.split(text)
        for field in pieces[1::2]:
            if field not in fields:
                known = " and ".join(f"{{{one}}}" for one in fields)
                raise ValueError(f"names {{{field[:40]}}}; it may name {known}")
        if any("{" in one or "}" in one for one in pieces[::2]):
            raise ValueError("has a brace that stands alone")
        return cls(tuple(pieces))

    @property
    def fields(self) -> frozenset[str]:
        """The fields it names."""
        return frozenset(self.pieces[1::2])

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with the values in their places, as they are; the caller has escaped them."""
        return "".join(values[piece] if at % 2 else piece for at, piece in enumerate(self.pieces))
