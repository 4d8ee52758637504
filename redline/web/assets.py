"""Static files under an address that names their content, so that only those may be cached."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

STATIC = Path(__file__).parent / "static"


@lru_cache(maxsize=256)
def _hash_of(path: Path, changed_ns: int, size_bytes: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def content_hash(name: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a static file; empty when there is no such file."""
    path = (STATIC / name).resolve()
    if not path.is_relative_to(STATIC.resolve()) or not path.is_file():
        return ""
    found = path.stat()
    return _hash_of(path, found.st_mtime_ns, found.st_size)


def static_url(name: str) -> str:
    """Return the address of a static file with its content hash: ``/static/style.css?v=…``."""
    known = content_hash(name)
    if not known:
        raise FileNotFoundError(f"no static file {name}")
    return f"/static/{name}?v={known}"
