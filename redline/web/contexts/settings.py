"""Settings: API keys, access, storage and about. No secret ever stands in any of these values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redline import __version__
from redline.web.contexts.forms import Complaint, Field, at, options
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.jobs import Fact
from redline.web.contexts.words import count, counted, moment, shape, words

if TYPE_CHECKING:
    from redline.engine import Engine

DOTS = "••••"
ORIGINS = {
    "settings": "this page",
    "environment": "the environment",
    "file": "the file api_keys.json",
    "argument": "an argument",
}


@dataclass(frozen=True, slots=True)
class Preset:
    """A limit that goes with a plan, in calls a minute."""

    limit: int
    label: str
    note: str


PRESETS = (
    Preset(5, "5 a minute", "Basic, the free plan: one call in 12 s"),
    Preset(10, "10 a minute", "one call in 6 s"),
    Preset(600, "600 a minute", "paid plans: ten calls a second"),
)


@dataclass(frozen=True, slots=True)
class Entitlement:
    """What a key may do, as *Test* found it."""

    data: str
    state: str
    shape: str
    seen: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """What *Test* found about a key, and when."""

    source: str
    accepted: str
    shape: str
    plan: str
    suggested: str
    when: str
    entitlements: tuple[Entitlement, ...]


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A saved key: only its last four letters are known here."""

    source: str
    name: str
    shown: str
    origin: str
    limit: str
    timeout: str
    test: str
    test_shape: str
    deletable: bool


@dataclass(frozen=True, slots=True)
class KeysPage:
    """The page at ``/settings/api-keys``."""

    frame: Frame
    keys: tuple[KeyRow, ...]
    fields: tuple[Field, ...]
    presets: tuple[Preset, ...]
    tests: tuple[TestResult, ...]
    problem: str


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


def keys_page(engine: Engine, form: Mapping[str, str], complaint: Complaint | None) -> KeysPage:
    """Return the keys, the form to add or replace one, and what *Test* found. A key sent is never given back."""
    keys = [key.as_json() for key in engine.keys()]  # noqa: SIM118  (no dict)
    results = {str(key["source"]): key["tested"] for key in keys if key.get("tested")}
    return KeysPage(
        frame=frame(engine, "settings"),
        keys=tuple(_key(key, results.get(str(key["source"]))) for key in keys),
        fields=_fields(engine, form, complaint),
        presets=PRESETS,
        tests=tuple(_test(source, result) for source, result in results.items()),
        problem=complaint.said if complaint is not None and not at(complaint, *FIELD_NAMES) else "",
    )


FIELD_NAMES = ("source", "name", "api_key", "rate_limit_per_minute", "timeout")


def _fields(engine: Engine, form: Mapping[str, str], complaint: Complaint | None) -> tuple[Field, ...]:
    sources = {one.name: one.label for one in engine.sources()}
    return (
        Field(
            "source",
            "Source",
            kind="select",
            css="w6 h6",
            options=options(sources, form.get("source", "massive")),
            error=at(complaint, "source"),
        ),
        Field(
            "name",
            "Name",
            form.get("name", ""),
            css="w6 h6",
            hint="Your own word for it; may stay empty",
            error=at(complaint, "name"),
        ),
        Field(
            "api_key",
            "Key",
            kind="password",
            css="",
            hint="Write-only: kept encrypted on this machine, never shown again.",
            required=True,
            error=at(complaint, "api_key"),
        ),
        Field(
            "rate_limit_per_minute",
            "Limit, calls a minute",
            form.get("rate_limit_per_minute", ""),
            "number",
            "w6 h6",
            hint="Empty: 5 until Test finds the plan",
            error=at(complaint, "rate_limit_per_minute"),
        ),
        Field(
            "timeout",
            "Time-out, seconds",
            form.get("timeout", ""),
            "number",
            "w6 h6",
            placeholder="30",
            error=at(complaint, "timeout"),
        ),
    )


def _key(key: Mapping[str, Any], tested: Mapping[str, Any] | None) -> KeyRow:
    origin = str(key.get("from") or "")
    saved = moment(key.get("saved_at"))
    state = _verdict(tested) if tested else "not tested"
    return KeyRow(
        source=str(key["source"]),
        name=str(key.get("name") or key["source"]),
        shown=f"{DOTS} {key['last_four']}",
        origin=ORIGINS.get(origin, origin) + (f", set {saved}" if saved and origin == "settings" else ""),
        limit=f"{count(float(key['rate_limit_per_minute']))} a minute"
        if key.get("rate_limit_per_minute")
        else "5 a minute, until tested",
        timeout=f"{float(key['timeout']):g} s" if key.get("timeout") else "30 s",
        test=state,
        test_shape=shape(state) if tested else "queued",
        deletable=origin in ("settings", "file"),
    )


def _verdict(result: Mapping[str, Any]) -> str:
    return "rejected" if result.get("accepted") is False or result.get("ok") is False else "accepted"


def _test(source: str, result: Mapping[str, Any]) -> TestResult:
    verdict = _verdict(result)
    limit = result.get("rate_limit_per_minute") or result.get("suggested_limit")
    return TestResult(
        source=source,
        accepted=verdict,
        shape=shape(verdict),
        plan=str(result.get("plan") or ""),
        suggested=f"{count(float(limit))} calls a minute" if limit else "",
        when=moment(result.get("tested_at")),
        entitlements=tuple(_entitlement(name, said) for name, said in _entitled(result.get("entitlements"))),
    )


def _entitled(found: object) -> Sequence[tuple[str, Any]]:
    if isinstance(found, Mapping):
        return [(str(name), said) for name, said in found.items()]
    if isinstance(found, Sequence) and not isinstance(found, str):
        return [
            (str(one.get("data") or one.get("name")), one) if isinstance(one, Mapping) else (str(one), True)
            for one in found
        ]
    return []


def _entitlement(name: str, said: Any) -> Entitlement:
    seen = ""
    if isinstance(said, Mapping):
        seen = str(said.get("seen") or said.get("note") or "")
        said = said.get("included", said.get("entitled", True))
    state = (
        {True: "yes", False: "no", None: "unknown"}.get(said, str(said))
        if isinstance(said, bool | None)
        else words(str(said))
    )
    return Entitlement(words(name).capitalize(), state, shape(state), seen)


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
