"""The API keys of this installation, wherever they come from: what engine, web and command line use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from redline.clock import Clock
from redline.config.key_in import DEFAULT_TIMEOUT_S, SOURCES, KeyIn, positive, timeout
from redline.config.kinds import Hidden, api_key
from redline.config.master_key import MasterKeys
from redline.config.plain_text import FROM_FILE, take_entry
from redline.config.secret import Secret
from redline.config.setting_list import Origin
from redline.config.settings import Settings
from redline.config.vault import Row, Vault
from redline.errors import BadField, KeysUnreadable, NotFound

UNTESTED_LIMIT_PER_MINUTE = 5
"""For a saved key of which nobody said a limit and *Test* has not found the plan: what the free plan allows."""

_TESTED = "@tested"  # after a source: what Test found about a key that is not saved here


@dataclass(frozen=True, slots=True)
class Key:
    """A key to work with. ``rate_limit_per_minute`` None: nothing is known, the downloader's default holds."""

    source: str
    api_key: Secret
    origin_of_value: Origin
    rate_limit_per_minute: float | None
    timeout_s: float
    name: str
    saved_at: str | None
    tested: Mapping[str, object] | None

    @property
    def last_four(self) -> str:
        return self.api_key.last_four


@dataclass(frozen=True, slots=True)
class KeyOut:
    """The *key out* of design 4.3: all that ever leaves. ``in_effect``: this is the one that ``resolve`` returns."""

    source: str
    name: str
    last_four: str
    origin: Origin
    rate_limit_per_minute: float | None
    timeout_s: float
    saved_at: str | None
    tested: Mapping[str, object] | None
    in_effect: bool
    placeholder: str

    def as_json(self) -> dict[str, object]:
        return {
            "source": self.source,
            "name": self.name,
            "last_four": self.last_four,
            "from": self.origin.value,
            "rate_limit_per_minute": self.rate_limit_per_minute,
            "timeout": self.timeout_s,
            "saved_at": self.saved_at,
            "tested": self.tested,
            "in_effect": self.in_effect,
            "placeholder": self.placeholder,
        }


class KeyRing:
    """Find, save, test and delete keys. Order: argument > environment > settings > file. Each call reads anew."""

    def __init__(self, vault: Vault, settings: Settings) -> None:
        self._vault, self._settings = vault, settings

    def resolve(self, source: str, argument: str | Secret | None = None) -> Key | None:
        """Return the key to use for a source, None when none is known. ``argument``: one that the caller was given.

        Raises:
            BadField: ``argument`` is no key. KeysUnreadable: a saved key is needed and the vault does not open.
        """
        if argument is not None:
            return self._unsaved(source, api_key("api_key", argument), Origin.ARGUMENT)
        return next(self._found(source), None)

    def save(self, wanted: KeyIn) -> KeyOut:
        """Save a key, or with ``api_key`` None other limits for the saved one. What *Test* found stays with its key.

        Raises:
            BadField: the placeholder came back, but it is not the one of a saved key.
        """
        rows = self._saved(wanted.source)
        before = rows[0] if rows else None
        old = before.secret["api_key"] if before is not None else None
        secret = wanted.api_key or old
        if secret is None or (wanted.api_key is None and wanted.kept != secret.last_four):
            raise BadField("api_key", Hidden("the placeholder of no saved key"), "type the whole key")
        fields = {field: value.reveal() for field, value in before.secret.items()} if before and secret == old else {}
        public = {
            "name": wanted.name,
            "rate_limit_per_minute": wanted.rate_limit_per_minute,
            "timeout": wanted.timeout_s,
            "tested": before.public.get("tested") if before and secret == old else None,
        }
        self._vault.put(wanted.source, {**fields, "api_key": secret.reveal()}, public)
        self._vault.delete(wanted.source + FROM_FILE)  # it was taken over
        return next(out for out in self.list() if out.source == wanted.source and out.origin is Origin.SETTINGS)

    def delete(self, source: str) -> None:
        """Erase what is saved for a source; one from the environment stays in effect.

        Raises:
            NotFound: nothing is saved for it.
        """
        if not any([self._vault.delete(source), self._vault.delete(source + FROM_FILE)]):
            hint = "It comes from the environment: unset it there." if self._from_outside(source) else ""
            raise NotFound(f'No key is saved for "{source[:40]}".', hint)

    def list(self) -> Sequence[KeyOut]:
        """Return all keys that are known, by source, the one in effect first."""
        names = {row.name.removesuffix(FROM_FILE) for row in self._vault.list() if not row.name.endswith(_TESTED)}
        return [
            _out(key, in_effect=place == 0)
            for source in sorted(names | set(SOURCES))
            for place, key in enumerate(self._found(source))
        ]

    def secrets(self) -> Iterator[Secret]:
        """Yield all keys that are known, in effect or not, for the one purpose of keeping them out of texts."""
        for source in SOURCES:
            yield from (key.api_key for key in self._found(source))

    def note_test(self, source: str, result: Mapping[str, object], key: Secret | None = None) -> None:
        """Keep what *Test* found (JSON values; ``rate_limit_per_minute`` when the plan has one) with the key in effect.

        ``key``: the one that was tested; when another is in effect by now, the result is dropped.

        Raises:
            NotFound: no key is known for the source. BadField: the limit found is no number above 0.
        """
        positive("rate_limit_per_minute", result.get("rate_limit_per_minute"))
        found = self.resolve(source)
        if found is None:
            raise NotFound(f'No key is known for "{source[:40]}".')
        tested_key = key or found.api_key
        tested = {**result, "tested_at": self._vault.now()}
        if found.origin_of_value in (Origin.SETTINGS, Origin.FILE):
            row = source if found.origin_of_value is Origin.SETTINGS else source + FROM_FILE
            self._vault.change_public(
                row,
                lambda now: {**now.public, "tested": tested} if now.secret["api_key"] == tested_key else now.public,
            )
        elif found.api_key == tested_key:
            self._vault.put(source + _TESTED, {"sha256": _sha256(tested_key)}, {"tested": tested})

    # -- where keys come from -----------------------------------------------------------------------------------------

    def _found(self, source: str) -> Iterator[Key]:
        outside = self._from_outside(source)
        if outside is not None:
            yield self._unsaved(source, *outside)
        for row in self._saved(source):
            origin = Origin.FILE if row.name.endswith(FROM_FILE) else Origin.SETTINGS
            yield _key(source, row.secret["api_key"], origin, row)

    def _from_outside(self, source: str) -> tuple[Secret, Origin] | None:
        value = getattr(self._settings, f"{source}_api_key") if source in SOURCES else None
        return (value, self._settings.origin(f"{source}_api_key")) if value is not None else None

    def _saved(self, source: str) -> Sequence[Row]:
        rows = (self._vault.get(source), self._vault.get(source + FROM_FILE))
        return [row for row in rows if row is not None]

    def _unsaved(self, source: str, secret: Secret, origin: Origin) -> Key:
        """Return a key from outside, with the limits of the same key when it is saved too."""
        try:
            known = [row for row in self._saved(source) if row.secret["api_key"] == secret]
            tested = self._vault.get(source + _TESTED)
        except KeysUnreadable:
            known, tested = [], None  # this key works without the vault; whoever needs a saved one is told
        if known:
            return _key(source, secret, origin, known[0])
        if tested is not None and tested.secret["sha256"].reveal() == _sha256(secret):
            return _key(source, secret, origin, tested)
        return Key(source, secret, origin, None, DEFAULT_TIMEOUT_S, source, None, None)


def open_vault(settings: Settings, clock: Clock) -> Vault:
    """Return the vault, started: master key made, plain text encrypted, a killed rotation finished.

    Raises:
        UnsafeSetting: the master key is weak, or its file is not private. ConfigError: a file cannot be used.
    """
    vault = Vault(settings.vault_path, MasterKeys.from_settings(settings), clock, take_entry)
    vault.start()
    return vault


def _key(source: str, secret: Secret, origin: Origin, row: Row) -> Key:
    found = row.public.get("tested")
    tested = found if isinstance(found, dict) else None
    said = positive("rate_limit_per_minute", row.public.get("rate_limit_per_minute"))
    by_plan = positive("rate_limit_per_minute", (tested or {}).get("rate_limit_per_minute"))
    is_saved = origin in (Origin.SETTINGS, Origin.FILE)
    limit = said or by_plan or (UNTESTED_LIMIT_PER_MINUTE if is_saved else None)
    time_s = timeout("timeout", row.public.get("timeout"))
    return Key(source, secret, origin, limit, time_s, str(row.public.get("name", source)), row.saved_at, tested)


def _out(key: Key, *, in_effect: bool) -> KeyOut:
    return KeyOut(
        key.source,
        key.name,
        key.last_four,
        key.origin_of_value,
        key.rate_limit_per_minute,
        key.timeout_s,
        key.saved_at,
        key.tested,
        in_effect,
        key.api_key.placeholder,
    )


def _sha256(secret: Secret) -> str:
    return hashlib.sha256(secret.reveal().encode()).hexdigest()
