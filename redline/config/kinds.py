"""What the text of a setting may be: one pure function for each kind, from what was given to what is used."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from redline.config.secret import Secret
from redline.errors import BadField

_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?", re.ASCII)
LONGEST_API_KEY = 256
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def text(field: str, value: object) -> str:
    """Return a text without spaces around it and without control characters in it."""
    if not isinstance(value, str | Path) or not str(value).strip() or not str(value).isprintable():
        raise BadField(field, value, "a text without control characters is wanted")
    return str(value).strip()


def folder(field: str, value: object, base: Path, user_home: Path) -> Path:
    """Return an absolute path; a relative one counts from ``base``, and ``~`` is the user's home."""
    wanted = text(field, value)
    if wanted == "~" or wanted.startswith(("~/", "~\\")):
        return user_home / wanted[2:]
    return base / wanted


def secret(field: str, value: object) -> Secret:
    """Return a secret as it was given; the value is in no message."""
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str):
        raise BadField(field, Hidden(f"a {type(value).__name__}"), "a text is wanted")
    return Secret(value)


def api_key(field: str, value: object) -> Secret:
    """Return an API key: 1 to 256 printable ASCII letters without spaces. Spaces and line ends around it fall away.

    It goes into a request's header, where anything else would be an injection or an error of the HTTP library.
    """
    if isinstance(value, Secret):
        value = value.reveal()
    if not isinstance(value, str):
        raise BadField(field, Hidden(f"a {type(value).__name__}"), "a text is wanted")
    bare = value.strip()
    if not bare:
        raise BadField(field, Hidden("empty"), "an API key is wanted")
    if len(bare) > LONGEST_API_KEY:
        raise BadField(field, Hidden(f"{len(bare)} letters"), f"at most {LONGEST_API_KEY} are possible")
    if not re.fullmatch(r"[!-~]+", bare):
        raise BadField(field, Hidden("a text with spaces or odd letters"), "an API key has neither")
    return Secret(bare)


class Hidden:
    """Stand in a message for a value that must not be shown."""

    def __init__(self, shape: str) -> None:
        self._shape = shape

    def __repr__(self) -> str:
        return self._shape


def port(field: str, value: object) -> int:
    """Return a TCP port; 0 lets the system pick a free one."""
    number = int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,5}", value.strip(), re.ASCII) else value
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 65535:
        raise BadField(field, value, "a whole number from 0 to 65535 is wanted")
    return number


def host(field: str, value: object) -> str:
    """Return a host name in lower case, or an address without brackets."""
    wanted = text(field, value).lower()
    bare = wanted[1:-1] if wanted.startswith("[") and wanted.endswith("]") else wanted
    if ":" in bare:
        try:
            return str(ipaddress.IPv6Address(bare))
        except ValueError as e:
            raise BadField(field, value, "a host name or an address is wanted") from e
    if not _HOST.fullmatch(bare):
        raise BadField(field, value, "a host name or an address is wanted")
    return bare


def hosts(field: str, value: object) -> tuple[str, ...]:
    """Return host names from a text with commas or from a list, in order, each once."""
    return tuple(dict.fromkeys(host(field, one) for one in _many(field, value)))


def hosts_and_ports(field: str, value: object) -> tuple[str, ...]:
    """Return ``name`` or ``name:port`` entries (an IPv6 address with a port stands in brackets)."""
    return tuple(dict.fromkeys(_host_and_port(field, one) for one in _many(field, value)))


def _many(field: str, value: object) -> list[object]:
    if isinstance(value, list | tuple):
        return list(value)
    return [one for one in text(field, value).split(",") if one.strip()]


def _host_and_port(field: str, value: object) -> str:
    wanted = text(field, value)
    name, colon, number = wanted.rpartition(":")
    if not colon or wanted.endswith("]") or (":" in name and not name.endswith("]")):
        return host(field, wanted)
    clean = host(field, name)
    return f"[{clean}]:{port(field, number)}" if ":" in clean else f"{clean}:{port(field, number)}"


def web_address(field: str, value: object) -> str:
    """Return an http or https address without user, query, fragment and slash at its end."""
    wanted = text(field, value)
    bad = BadField(field, "(an address)", "one like https://api.massive.com is wanted")
    if " " in wanted or "\\" in wanted or not wanted.isascii():
        raise bad
    try:
        parts = urlsplit(wanted)
        has_port = parts.port is None or parts.port > 0
    except ValueError as e:
        raise bad from e
    if parts.scheme not in ("http", "https") or not parts.hostname or not has_port:
        raise bad
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
        raise bad
    host(field, parts.hostname)
    return wanted.rstrip("/")


def is_loopback(name: str) -> bool:
    """Whether a host (as ``host`` returns it) is this machine and no other can reach it."""
    if name in _LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def names_answered(bound: str, more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the Host names that the server answers to: loopback, the bound address, and ``more``.

    0.0.0.0 and :: are no names of anybody; a page elsewhere could use them to reach this server.
    """
    try:
        is_anybody = ipaddress.ip_address(bound).is_unspecified
    except ValueError:
        is_anybody = False
    return tuple(dict.fromkeys((*_LOOPBACK_NAMES, *(() if is_anybody else (bound,)), *more)))


def may_carry_keys(address: str, allowed: tuple[str, ...]) -> bool:
    """Whether a key may travel to ``address``: https, this machine, or a host that the user listed for http."""
    parts = urlsplit(address)
    name = parts.hostname or ""
    with_port = f"[{name}]:{parts.port}" if ":" in name else f"{name}:{parts.port or 80}"
    return parts.scheme == "https" or is_loopback(name) or name in allowed or with_port in allowed
