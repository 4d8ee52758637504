"""A text that must not be seen: masked wherever Python would print it."""

from __future__ import annotations

import hmac
from typing import NoReturn

DOTS = "••••"


class Secret:
    """Hold a secret so that only ``reveal()`` gives it away: not ``repr``, ``str``, ``format``, ``pickle`` or ``json``.

    ``==`` takes the same time wherever two secrets of one length differ.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret. Call it where the request is built and nowhere else."""
        return self._value

    @property
    def last_four(self) -> str:
        """The last four letters, for people to tell keys apart; empty when they would be half of the secret or more."""
        return self._value[-4:] if len(self._value) >= 8 else ""

    @property
    def placeholder(self) -> str:
        """What a form shows instead: four dots and the last four letters."""
        return DOTS + self.last_four

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (one._value.encode("utf-8", "surrogatepass") for one in (self, other))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash(("Secret", self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Secret('{DOTS}')"

    def __str__(self) -> str:
        return DOTS

    def __format__(self, spec: str) -> str:
        return format(DOTS, spec)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled: pass the name of the key and look it up on the other side")
