"""What was asked and what was served, request by request. Keys never stand in it."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Entry:
    """One request. ``at``: real wall time; ``arrived_s``, ``ended_s``: the machine's monotonic clock."""

    seq: int
    at: str
    arrived_s: float
    method: str
    path: str
    query: str
    key_last4: str
    key_hash: str
    ended_s: float | None = None
    status: int | None = None
    rows: int = 0
    served: Any = field(default=(), repr=False)
    fault: int | None = None
    cut: bool = False

    def as_json(self, with_rows: bool) -> dict[str, Any]:
        """Return the entry with its first and last row, or with all of them."""
        plain = self.served.tolist() if hasattr(self.served, "tolist") else list(self.served)
        shown = {name: getattr(self, name) for name in self.__slots__ if name != "served"}
        shown |= {"first": plain[0] if plain else None, "last": plain[-1] if plain else None}
        return shown | ({"served": plain} if with_rows else {})


class Ledger:
    """Every request since the start or the last reset. Thread-safe."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._lock = threading.Lock()
        self._seq = 0

    def open(self, at: str, arrived_s: float, method: str, path: str, query: str, key: str) -> Entry:
        """Note an arrival."""
        last4, digest = (key[-4:] if len(key) >= 8 else "", hashlib.sha256(key.encode()).hexdigest()[:12])
        with self._lock:
            self._seq += 1
            entry = Entry(self._seq, at, arrived_s, method, path, query, last4, digest if key else "")
            self._entries.append(entry)
        return entry

    def as_json(self, since: int = 0, with_rows: bool = False) -> list[dict[str, Any]]:
        """Return the requests with a higher number than ``since``, in order of arrival."""
        with self._lock:
            chosen = [entry for entry in self._entries if entry.seq > since]
        return [entry.as_json(with_rows) for entry in chosen]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
