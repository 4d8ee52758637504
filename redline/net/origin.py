"""Scheme, host and port: where requests may go, and how a URL is checked before anything is sent. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from redline.errors import BadField, NextUrlRefused

_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(r"[!-~]+")


@dataclass(frozen=True, slots=True)
class Origin:
    """An origin in its one spelling: lower case, port always known."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Origin:
        """Read the origin of a base URL.

        Raises:
            BadField: it is no http or https URL of a host, or names a user.
        """
        origin = _origin(url)
        if origin is None:
            raise BadField("base_url", url, "it must be http:// or https://, a host and no user name")
        return origin

    def target(self, url: str, provider: str) -> str:
        """Return path and query of ``url``, to be sent to this origin.

        Raises:
            NextUrlRefused: it leads elsewhere, or can be read in two ways. Nothing may be sent.
        """
        if _origin(url) != self:
            shown = _origin(url)
            where = f"{shown.scheme}://{shown.host}:{shown.port}" if shown else "something that is no plain URL"
            raise NextUrlRefused(
                provider,
                f"a URL leads to {where[:120]}, not to {self.scheme}://{self.host}:{self.port}.",
                "Nothing was sent there. If the source moved, change its base URL.",
            )
        parts = urlsplit(url)
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def canonical(url: str) -> str:
    """Return the one spelling of a URL's origin; what is no plain URL stays as it is."""
    origin = _origin(url)
    return url if origin is None else f"{origin.scheme}://{origin.host}:{origin.port}"


def _origin(url: str) -> Origin | None:
    if not _VISIBLE.fullmatch(url) or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return None
    return Origin(scheme, parts.hostname.rstrip(".").lower(), _PORTS[scheme] if port is None else port)
