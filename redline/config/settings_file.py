"""``settings.json``: what the Settings page saved, the hash of its password, and the hashes of the bearer tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from redline.config.files import locked, saving, tighten, write_private
from redline.errors import ConfigError

_WHAT = "settings.json"

# What stands in the file beside settings.
PASSWORD_HASH = "password_hash"  # noqa: S105 - a name
TOKENS = "tokens"
SIGNED_OUT_AT = "signed_out_at"
OTHER_ENTRIES = (PASSWORD_HASH, TOKENS, SIGNED_OUT_AT)


class SettingsFile:
    """One JSON object in a 0600 file, shared by all processes; a missing file is an empty object."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> dict[str, object]:
        """Return what is saved.

        Raises:
            ConfigError: the file is no JSON object. It is left as it is.
        """
        with saving(_WHAT):
            if not self._path.exists():
                return {}
            tighten(self._path)
            text = self._path.read_bytes()
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise ConfigError(f"{_WHAT} is no JSON: {e}.", "Correct it, or move it away; it was not changed.") from e
        if not isinstance(found, dict):
            raise ConfigError(f"{_WHAT} holds no JSON object.", "Correct it, or move it away; it was not changed.")
        return found

    def change(self, change: Callable[[Mapping[str, object]], Mapping[str, object]]) -> None:
        """Replace what is saved by ``change`` of it, with all other processes kept out meanwhile."""
        with saving(_WHAT), locked(self._path):
            after = change(self.read())
            write_private(self._path, json.dumps(after, indent=2, sort_keys=True).encode() + b"\n")
