"""Where a user's own address may lead: the public internet, or hosts that the user listed. Nowhere else.

Two looks. ``check`` reads the address as it is written, before anything is looked up. ``addresses`` looks its host up,
and refuses when one of the answers lies inside; the socket goes to an address that was checked, so that a name that
answers otherwise a moment later leads nowhere. The metadata services of clouds are refused even when they are listed.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from redline.errors import UrlRefused
from redline.net.origin import Origin

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Host and port to all addresses of it, as text; raises ``socket.gaierror`` when there is none."""

_VISIBLE = re.compile(r"[!-~]+")
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
#: A last label of digits, or of hex after 0x, makes some readers take the whole name for an address.
_NUMBER = re.compile(r"(?:.*\.)?(?:\d+|0x[0-9a-f]*)")
#: What a path holds that servers read in different ways: steps upwards, empty steps, encoded separators and controls.
_ODD_PATH = re.compile(r"[{}<>\"^`|;]|//|(?:^|/)(?:\.|%2e){1,2}(?:/|$)|%(?![0-9a-f]{2})|%(?:[01][0-9a-f]|7f|2f|5c)")
_METADATA_NAMES = frozenset({"metadata", "metadata.google.internal", "metadata.goog", "instance-data"})
#: Beside what is link-local: Azure's, Alibaba's and Oracle's, and those of Amazon and Google over IPv6.
_METADATA = frozenset(
    ipaddress.ip_address(one)
    for one in ("168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254")
)
_OWN_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
#: Public by their number, and ways into somewhere else: 6to4, Teredo, the relays of 6to4.
_TUNNELS_V6 = (ipaddress.IPv6Network("2002::/16"), ipaddress.IPv6Network("2001::/32"))
_RELAYS = ipaddress.IPv4Network("192.88.99.0/24")
_NEVER = "It is never asked, listed or not."


def resolve(host: str, port: int) -> Sequence[str]:
    """Return all addresses of a host, by the system's look-up."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(one[4][0]) for one in found))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What may be reached. ``allowed``: ``name`` or ``name:port``, as ``REDLINE_ALLOWED_HOSTS`` has them.

    ``own_port``: where this server listens; nobody is let in there from within. 0: it listens nowhere.
    """

    allowed: tuple[str, ...] = ()
    own_port: int = 0
    resolver: Resolver = resolve

    def check(self, url: object) -> str:
        """Return the base address of an API in its one spelling, without a slash at its end. Nothing is looked up.

        Raises:
            UrlRefused: it is no https address of a public or listed host, or can be read in two ways.
        """
        if not isinstance(url, str) or not _VISIBLE.fullmatch(url) or "\\" in url:
            raise UrlRefused("it holds a space, a backslash, a control character or a letter beyond ASCII")
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
        except ValueError as error:
            raise UrlRefused("it is no plain address") from error
        if parts.scheme not in ("https", "http"):
            raise UrlRefused("it is no https address")
        if "@" in parts.netloc:
            raise UrlRefused("it names a user", "Give the key as api_key, and say in headers where it goes.")
        if not host or port == 0 or parts.netloc.endswith(":"):
            raise UrlRefused("it has no host, or no port that can be")
        if "?" in url or "#" in url:
            raise UrlRefused("it has a query or a fragment", "What is asked stands in endpoint.")
        if _ODD_PATH.search(parts.path.lower()):
            raise UrlRefused("its path can be read in two ways")
        _check_spelling(parts.netloc, host)
        origin = Origin(parts.scheme, host, port or (443 if parts.scheme == "https" else 80))
        self._check_host(origin)
        return f"{origin.scheme}://{_shown(host)}:{origin.port}{parts.path.rstrip('/')}"

    def addresses(self, origin: Origin) -> list[str]:
        """Return the addresses of an origin's host, each checked: connect to one of these and to nothing else.

        Raises:
            UrlRefused: one of them is not public (of a listed host: is a cloud's metadata service, or this server).
            socket.gaierror: the host has no address.
        """
        found = list(self.resolver(origin.host, origin.port))
        for text in found:
            address = _literal(text.partition("%")[0])
            if address is None:
                raise UrlRefused("its host was looked up to something that is no address")
            self._check_address(address, origin.port, listed=self._lists(origin))
        return found

    def _lists(self, origin: Origin) -> bool:
        return origin.host in self.allowed or f"{_shown(origin.host)}:{origin.port}" in self.allowed

    def _check_host(self, origin: Origin) -> None:
        host, listed = origin.host, self._lists(origin)
        if host in _METADATA_NAMES:
            raise UrlRefused("it is the metadata service of a cloud", _NEVER)
        address = _literal(host)
        if address is not None:
            self._check_address(address, origin.port, listed=listed)
        elif not listed and ("." not in host or host.endswith(_OWN_NAMES)):
            raise UrlRefused("its host is a name of the own network")
        if not listed and "xn--" in host:
            raise UrlRefused("its host is written in other letters (xn--), which can look like another's")
        if not listed and origin.scheme != "https":
            raise UrlRefused("it is http, and the key and the rows would travel in the clear")

    def _check_address(self, address: Address, port: int, *, listed: bool) -> None:
        for one in _meant(address):
            if one in _METADATA or one.is_link_local:
                raise UrlRefused("it leads to the metadata service of a cloud", _NEVER)
            if port == self.own_port and _is_ours(one):
                raise UrlRefused("it leads to this server itself", _NEVER)
        if not listed and not _is_public(address):
            raise UrlRefused("it leads into a network that is not public")


def _check_spelling(netloc: str, host: str) -> None:
    """Refuse a host that is neither a name nor an address in its one spelling: 2130706433, 0x7f.1, 127.1."""
    if netloc.startswith("["):
        if not isinstance(_literal(host), ipaddress.IPv6Address) or "%" in host:
            raise UrlRefused("its host is no address")
    elif not _NAME.fullmatch(host):
        raise UrlRefused("its host is no name")
    elif _NUMBER.fullmatch(host) and _literal(host) is None:
        raise UrlRefused("its host is an address in an unusual spelling")


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _meant(address: Address) -> list[Address]:
    """Return an address and those inside of it, where it is a shell around one."""
    found: list[Address] = [address]
    if isinstance(address, ipaddress.IPv6Address):
        found += [one for one in (address.ipv4_mapped, address.sixtofour) if one is not None]
        found += list(address.teredo or ())
        if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
            found.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return found


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not (address.is_multicast or address.is_reserved or address in _RELAYS)
    if address in _NAT64:  # how a network that has IPv6 alone reaches the IPv4 internet
        return _is_public(_meant(address)[-1])
    return address in _PUBLIC_V6 and address.is_global and not any(address in one for one in _TUNNELS_V6)


def _is_ours(address: Address) -> bool:
    """Whether an address is this machine: only one of its own can be bound."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True
