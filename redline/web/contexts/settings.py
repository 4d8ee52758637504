"""The overview of Settings: keys, access, tokens, storage, about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from redline import __version__
from redline.web.contexts.forms import Complaint, Field, at
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.keys import DOTS, known_keys
from redline.web.contexts.pieces import Fact
from redline.web.contexts.words import counted, moment

if TYPE_CHECKING:
    from redline.engine import Engine


PASSWORD_FIELDS = ("password", "current")


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
    password_fields: tuple[Field, ...]
    tokens: tuple[TokenRow, ...]
    fresh_name: str
    fresh: str
    storage: tuple[Fact, ...]
    about: tuple[Fact, ...]
    problem: str


def settings_page(engine: Engine, made: tuple[str, str] | None, complaint: Complaint | None) -> SettingsPage:
    """Return the overview; ``made`` is the name and the text of a token that was just made."""
    held = engine.held()
    keys, unreadable = known_keys(engine)
    named = ", ".join(f"{key['source']} {DOTS} {key['last_four']}" for key in keys)
    name, token = made or ("", "")
    return SettingsPage(
        frame=frame(engine, "settings"),
        keys=unreadable or named or "No key is saved yet.",
        access=_access(engine),
        password_fields=_password_fields(engine, complaint),
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
        problem=complaint.said if complaint is not None and not at(complaint, *PASSWORD_FIELDS) else "",
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
            "" if password else "other hosts need one",
        ),
    )


def _password_fields(engine: Engine, complaint: Complaint | None) -> tuple[Field, ...]:
    """Return the fields to set or change the password; none when it was given from outside."""
    if engine.access.is_fixed:
        return ()
    current = Field(
        "current", "Password now", kind="password", css="w6 h6", required=True, error=at(complaint, "current")
    )
    new = Field(
        "password",
        "New password",
        kind="password",
        css="w6 h6",
        hint="8 letters or more that nobody else would think of",
        required=True,
        error=at(complaint, "password"),
    )
    return (current, new) if engine.access.has_password else (new,)
