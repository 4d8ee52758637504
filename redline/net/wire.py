"""Sockets that obey a deadline: connections of one origin whose reads end in time and can be stopped.

A read time-out alone does not end an answer that drips, nor one that hangs while somebody wants to stop. So each read
of the socket, status line and headers included, is done in slices, and between slices the call is asked whether to go
on. Redirects, retries, cookies, proxies from the environment and netrc are all off: urllib3's pools know none of them.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from redline.clock import Clock, Watch
from redline.net.origin import Origin

SLICE_S = 0.25
_BUFFER = 64 * 1024
_CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Call:
    """What bounds one request: ``read_s`` of silence, ``deadline`` (since boot) for the whole answer, and the watch."""

    clock: Clock
    watch: Watch
    read_s: float
    deadline: float
    begun: list[http.client.HTTPResponse] = field(default_factory=list)
    """The answers it opened. urllib3 loses one whose headers it cannot read, and leaves its socket open."""

    def check(self) -> None:
        """Raise when the call has to end: Cancelled, or TimeoutError."""
        self.watch.check()
        if self.clock.since_boot() >= self.deadline:
            raise TimeoutError("the whole answer took too long")


_CALL: ContextVar[Call] = ContextVar("call")


class _SlicedReader(io.RawIOBase):
    """The raw stream under an answer: reads in slices and asks its call in between."""

    def __init__(self, sock: socket.socket, raw: io.RawIOBase, call: Call) -> None:
        self._sock, self._raw, self._call = sock, raw, call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        silent_s = 0.0
        self._sock.settimeout(SLICE_S)
        try:
            while True:
                self._call.check()
                try:
                    return self._sock.recv_into(buffer)
                except TimeoutError:
                    silent_s += SLICE_S
                    if silent_s >= self._call.read_s:
                        raise
        finally:
            self._sock.settimeout(self._call.read_s)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None):
        super().__init__(sock, debuglevel, method, url)
        call, raw = _CALL.get(), self.fp.detach()
        self.fp = io.BufferedReader(_SlicedReader(sock, raw, call), _BUFFER)
        call.begun.append(self)


Addresses = Callable[[Origin], Sequence[str]]
"""Gives the addresses that may be connected to for an origin, or raises: ``Outgoing.addresses``."""


class _Led(HTTPConnection):
    """A connection whose socket goes to an address that was checked; the name is not looked up a second time.

    The name stays what TLS and the ``Host`` header are about.
    """

    checked: Callable[[], Sequence[str]] | None = None

    def _new_conn(self) -> socket.socket:
        if self.checked is None:
            return super()._new_conn()
        name = self._dns_host
        try:
            found = self.checked()
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from error
        failed: Exception = NewConnectionError(self, "the host has no address")
        for address in found:
            self._dns_host = address
            try:
                return super()._new_conn()
            except (NewConnectionError, ConnectTimeoutError) as error:
                failed = error
            finally:
                self._dns_host = name
        raise failed


class _Plain(_Led):
    response_class = _Response


class _Tls(_Led, HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    checked: Callable[[], Sequence[str]] | None = None

    def _new_conn(self) -> Any:
        made = super()._new_conn()
        made.checked = self.checked  # type: ignore[attr-defined]
        return made


class _PlainPool(_Pool):
    ConnectionCls = _Plain


class _TlsPool(_Pool, urllib3.HTTPSConnectionPool):
    ConnectionCls = _Tls


class Wire:
    """The connections to one origin, kept alive between calls. Thread-safe.

    ``addresses``: connect to those only, asked anew for each connection. Without it the system looks the name up.
    """

    def __init__(self, origin: Origin, addresses: Addresses | None = None) -> None:
        self._pool: _Pool
        if origin.scheme == "https":
            self._pool = _TlsPool(origin.host, origin.port, maxsize=_CONNECTIONS, ssl_context=_tls())
        else:
            self._pool = _PlainPool(origin.host, origin.port, maxsize=_CONNECTIONS)
        if addresses is not None:
            self._pool.checked = lambda: addresses(origin)

    @contextmanager
    def get(self, target: str, headers: Mapping[str, str], call: Call) -> Iterator[urllib3.BaseHTTPResponse]:
        """Send one GET and give the answer with its body unread; afterwards the socket is reusable or closed.

        Raises:
            urllib3.exceptions.HTTPError, OSError: it did not work.
            Cancelled: the watch said stop.
        """
        mark = _CALL.set(call)
        response = None
        try:
            response = self._pool.urlopen(
                "GET",
                target,
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=urllib3.Timeout(connect=call.read_s, read=call.read_s),
                preload_content=False,
                decode_content=False,
            )
            yield response
        except BaseException:
            if response is not None:
                response.close()
            for begun in call.begun:
                begun.close()
            raise
        finally:
            _CALL.reset(mark)
        response.release_conn()

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()


def _tls() -> ssl.SSLContext:
    import certifi  # only where TLS is spoken; comes with requests and massive

    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()  # a company's own roots, and SSL_CERT_FILE
    return context
