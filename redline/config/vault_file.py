"""The shapes of ``api_keys.json``: ours (tokens and a format version) and the plain text that people write by hand.

Pure: bytes in, values out, and back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from redline.errors import ConfigError

FORMAT = 1
_AS_IT_WAS = "Correct it, or move it away to start with an empty one; it was not changed."


def read_rows(data: bytes) -> tuple[dict[str, str], dict[str, Mapping[str, object]]]:
    """Return (tokens by row name, plain-text entries by source): what stands beside our two fields is plain text.

    Raises:
        ConfigError: neither shape, or the format of a later REDLINE. No part of the content is in the message.
    """
    try:
        found = json.loads(data)
    except ValueError as e:
        where = f" (line {e.lineno}, column {e.colno})" if isinstance(e, json.JSONDecodeError) else ""
        raise ConfigError(f"api_keys.json is no JSON{where}.", _AS_IT_WAS) from None  # the text may be a key
    except RecursionError:
        raise ConfigError("api_keys.json is nested too deeply.", _AS_IT_WAS) from None
    if not isinstance(found, dict):
        raise ConfigError("api_keys.json holds no JSON object.", _AS_IT_WAS)
    if "format" not in found:
        return {}, _plain(found)
    rows = found.get("rows")
    if found["format"] != FORMAT:
        raise ConfigError("api_keys.json is of a format that this version does not know.", "Install a newer REDLINE.")
    if not isinstance(rows, dict) or not all(isinstance(token, str) for token in rows.values()):
        raise ConfigError("api_keys.json has no rows that can be read.", _AS_IT_WAS)
    return rows, _plain({name: entry for name, entry in found.items() if name not in ("format", "rows")})


def write_rows(rows: Mapping[str, str]) -> bytes:
    """Return the file that holds ``rows``: ciphertext and the format version only."""
    return json.dumps({"format": FORMAT, "rows": dict(sorted(rows.items()))}, indent=2).encode() + b"\n"


def _plain(found: Mapping[str, object]) -> dict[str, Mapping[str, object]]:
    entries: dict[str, Mapping[str, object]] = {}
    for source, entry in found.items():
        if not isinstance(entry, dict):
            raise ConfigError(f'api_keys.json: "{source[:40]}" is no object with an api_key.', _AS_IT_WAS)
        entries[source] = entry
    return entries
