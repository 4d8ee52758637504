"""A plain-text ``api_keys.json`` as people write it: ``{"massive": {"api_key": "…", "rate_limit_per_minute": 60}}``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from redline.config import kinds
from redline.config.key_in import positive, timeout
from redline.errors import BadField, ConfigError

FROM_FILE = "@file"
_KNOWN = ("api_key", "name", "rate_limit_per_minute", "timeout")


def take_entry(source: str, entry: Mapping[str, object]) -> tuple[str, Mapping[str, str], Mapping[str, object]]:
    """Return (row name, secret fields, public fields) of one entry; fields we do not know are kept, as secrets.

    Raises:
        ConfigError: the entry cannot be used. It names source and field, never the key.
    """
    if not re.fullmatch(r"[a-z0-9_]{1,64}", source, re.ASCII):
        raise ConfigError(
            f"api_keys.json: {source[:40]!r} is no source: small letters, digits and _ only.", "Correct its name."
        )
    try:
        secret = {"api_key": kinds.api_key(f"api_keys.json: {source}: api_key", entry.get("api_key")).reveal()}
        public: dict[str, object] = {
            "name": kinds.text(f"api_keys.json: {source}: name", entry.get("name", source)),
            "rate_limit_per_minute": positive(
                f"api_keys.json: {source}: rate_limit_per_minute", entry.get("rate_limit_per_minute")
            ),
            "timeout": timeout(f"api_keys.json: {source}: timeout", entry.get("timeout")),
        }
    except BadField as e:
        raise ConfigError(e.sentence, "Correct the file and start again; it was not changed.") from e
    others = {field: value for field, value in entry.items() if field not in _KNOWN}
    if others:
        secret["others"] = json.dumps(others)
    return source + FROM_FILE, secret, public
