"""Closed sets of words: an enum whose values are what users type."""

from __future__ import annotations

from enum import Enum
from typing import Self

from redline.errors import BadField


class Word(Enum):
    """An enum that reads its own values, case and all; in messages the field bears the name of the enum."""

    @classmethod
    def parse(cls, was: object) -> Self:
        """Return the member of a word; raises ``BadField`` that lists the words."""
        for one in cls:
            if one.value == was:
                return one
        raise BadField(cls.__name__.lower(), was, f"it must be one of {', '.join(one.value for one in cls)}")
