"""Settings → API Keys. No key ever stands in any of these values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redline.errors import KeysUnreadable
from redline.web.contexts.forms import Complaint, Field, at, options
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.words import count, moment, shape, words

if TYPE_CHECKING:
    from redline.engine import Engine

DOTS = "••••"
ORIGINS = {
    "settings": "this page",
    "environment": "the environment",
    "file": "the file api_keys.json",
    "argument": "an argument",
}
SAVED_HERE = ("settings", "file")
FIELD_NAMES = ("source", "name", "api_key", "rate_limit_per_minute", "timeout")


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
    """What a key may do, as *Test* found it; ``said`` is what the source answered."""

    data: str
    state: str
    shape: str
    said: str


@dataclass(frozen=True, slots=True)
class TestResult:
    """What *Test* found about a key, and when."""

    source: str
    plan: str
    limit: str
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
    in_effect: bool


@dataclass(frozen=True, slots=True)
class KeysPage:
    """The page at ``/settings/api-keys``."""

    frame: Frame
    keys: tuple[KeyRow, ...]
    fields: tuple[Field, ...]
    presets: tuple[Preset, ...]
    tests: tuple[TestResult, ...]
    problem: str


def keys_page(engine: Engine, form: Mapping[str, str], complaint: Complaint | None, edit: str = "") -> KeysPage:
    """Return the keys, the form to add or replace one, and what *Test* found. A key sent is never given back.

    ``edit`` names a source whose saved key fills the form: dots and last letters stand for the key, and keep it.
    """
    keys, unreadable = known_keys(engine)
    problem = complaint.said if complaint is not None and not at(complaint, *FIELD_NAMES) else unreadable
    used = {str(row["source"]): float(str(row["limit"])) for row in reversed(engine.budget())}
    return KeysPage(
        frame=frame(engine, "settings"),
        keys=tuple(_key(key, used) for key in keys),
        fields=_fields(engine, form or _saved(keys, edit), complaint),
        presets=PRESETS,
        tests=tuple(_test(str(key["source"]), key["tested"]) for key in keys if key["tested"]),
        problem=problem,
    )


def known_keys(engine: Engine) -> tuple[list[dict[str, Any]], str]:
    """Return the keys, and why they cannot be shown (empty when they can): Settings is where that is put right."""
    try:
        return [key.as_json() for key in engine.keys()], ""  # noqa: SIM118  (no dict)
    except KeysUnreadable as error:
        return [], f"{error.sentence} {error.hint}"


def _saved(keys: Sequence[Mapping[str, Any]], source: str) -> dict[str, str]:
    for key in keys:
        if key["source"] == source and key["from"] in SAVED_HERE:
            limit, timeout = key["rate_limit_per_minute"], key["timeout"]
            shown = {"rate_limit_per_minute": f"{limit:g}" if limit else "", "timeout": f"{timeout:g}"}
            return {"source": source, "name": str(key["name"]), "api_key": f"{DOTS} {key['last_four']}"} | shown
    return {}


def _fields(engine: Engine, form: Mapping[str, str], complaint: Complaint | None) -> tuple[Field, ...]:
    sources = {one.name: one.label for one in engine.sources() if one.takes_key}
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
            _placeholder(form.get("api_key", "")),
            kind="password",
            css="",
            hint="Write-only: kept encrypted on this machine. Dots with four letters mean: keep the one that is there.",
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


def _placeholder(sent: str) -> str:
    """Return what was sent if it only stands for the saved key; a key itself never goes back into a page."""
    return sent if sent.startswith(DOTS) and len(sent) <= len(DOTS) + 5 else ""


def _key(key: Mapping[str, Any], used: Mapping[str, float]) -> KeyRow:
    """``used``: the limits that hold now, for a key of which none is known before its test."""
    origin = str(key["from"])
    saved = moment(key["saved_at"]) if origin in SAVED_HERE else ""
    limit, tested, until = key["rate_limit_per_minute"], key["tested"], ""
    if not limit and str(key["source"]) in used:
        limit, until = used[str(key["source"])], " until tested"
    return KeyRow(
        source=str(key["source"]),
        name=str(key["name"]),
        shown=f"{DOTS} {key['last_four']}",
        origin=ORIGINS.get(origin, origin) + (f", set {saved}" if saved else ""),
        limit=f"{count(float(limit))} a minute{until}" if limit else "not set",
        timeout=f"{float(key['timeout']):g} s",
        test="accepted" if tested else "not tested",
        test_shape=shape("accepted" if tested else "never_asked"),
        deletable=origin in SAVED_HERE,
        in_effect=bool(key.get("in_effect", True)),
    )


def _test(source: str, result: Mapping[str, Any]) -> TestResult:
    said = result.get("said") or {}
    limit = result.get("rate_limit_per_minute")
    return TestResult(
        source=source,
        plan=str(result.get("plan") or "").capitalize(),
        limit=f"{count(float(limit))} calls a minute" if limit else "",
        when=moment(result.get("tested_at")),
        entitlements=tuple(
            _entitlement(str(name), bool(held), str(said.get(name) or ""))
            for name, held in (result.get("entitlements") or {}).items()
        ),
    )


def _entitlement(name: str, held: bool, said: str) -> Entitlement:
    state = "yes" if held else "no"
    return Entitlement(words(name).capitalize(), state, shape(state), said)
