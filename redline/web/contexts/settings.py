"""The overview of Settings: keys, access, tokens, storage, about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from redline import __version__
from redline.web.contexts.forms import Complaint
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.keys import DOTS
from redline.web.contexts.pieces import Fact
from redline.web.contexts.words import counted, moment

if TYPE_CHECKING:
    from redline.engine import Engine


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A bearer token: its name and when it was made; the token itself is not kept."""

    name: str
    made: str


@dataclass(frozen=True, slots=True)
class SettingsPage:
    """The overview at ``/settings``. ``fresh`` is a token just made, shown this once."""

    frame: Frame
    keys: str
    access: tuple[Fact, ...]
    tokens: tuple[TokenRow, ...]
    fresh_name: str
    fresh: str
    storage: tuple[Fact, ...]
    about: tuple[Fact, ...]
    problem: str


def settings_page(engine: Engine, made: tuple[str, str] | None, complaint: Complaint | None) -> SettingsPage:
    """Return the overview; ``made`` is the name and the text of a token that was just made."""
    held = engine.held()
    keys = [key.as_json() for key in engine.keys()]  # noqa: SIM118  (no dict)
    named = ", ".join(f"{key['source']} {DOTS} {key['last_four']}" for key in keys)
    name, token = made or ("", "")
    return SettingsPage(
        frame=frame(engine, "settings"),
        keys=named or "No key is saved yet.",
        access=_access(engine),
        tokens=tuple(TokenRow(str(one["name"]), moment(one["made_at"])) for one in engine.access.tokens()),
        fresh_name=name,
        fresh=token,
        storage=(
            Fact("In the store", counted(sum(one.rows for one in held), "row"), counted(len(held), "series", "series")),
            Fact("Prices", "raw on disk, adjusted when read"),
        ),
        about=(
            Fact("Version", __version__),
            Fact("Sends to", ", ".join(one.label for one in engine.sources()), "and nowhere else"),
            Fact("Charts", "TradingView Lightweight Charts™, Apache License 2.0"),
        ),
        problem=complaint.said if complaint is not None else "",
    )


def _access(engine: Engine) -> tuple[Fact, ...]:
    settings, password = engine.settings, engine.access.has_password
    return (
        Fact(
            "Listens on",
            f"{settings.host}:{settings.port}",
            "this machine only" if settings.is_loopback else "the network",
        ),
        Fact(
            "Password",
            "set" if password else "none",
            "" if password else "REDLINE_PASSWORD sets one; other hosts need it",
        ),
    )
