"""An answer onto the socket: as nginx in front of the vendor sends it, or as a fault wants it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from http import HTTPStatus

from redline.emulator.clock import EmulatorClock
from redline.emulator.faults import Do
from redline.emulator.wire import Reply

DRIP_BYTES = 16
PLAIN = Do()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Head and body bytes as they go out; ``whole`` is False when the client cannot have read all of it."""

    head: bytes
    body: bytes
    whole: bool
    keep_alive: bool


def prepare(reply: Reply, request_id: str, gzip: bool, keep_alive: bool, do: Do = PLAIN) -> Outgoing:
    """Return the bytes of an answer: chunked like the vendor's, or with a length when a fault counts bytes."""
    gzip = gzip or do.gzip is not None
    body = reply.body.gzipped() if gzip else reply.body.plain()
    if do.gzip == "cut":
        body = body[:-8]
    headers = {"Server": "nginx", "Date": formatdate(usegmt=True), "Content-Type": reply.content_type}
    headers |= {"X-Request-Id": request_id} | ({"Content-Encoding": "gzip"} if gzip else {}) | dict(do.headers)
    counted = (do.cut_after is not None and not do.chunked) or do.length is not None
    keep_alive = keep_alive and do.cut_after is None and do.length is None
    headers["Connection"] = "keep-alive" if keep_alive else "close"
    if counted:
        headers["Content-Length"] = str(len(body) if do.length is None else do.length)
    else:
        headers["Transfer-Encoding"] = "chunked"
    sent = body if do.cut_after is None else body[: _cut(do.cut_after, len(body))]
    whole = len(sent) == len(body) and do.gzip != "cut" and (do.length is None or do.length == len(body))
    if not counted:
        sent = (b"%x\r\n" % len(body) + sent + (b"\r\n" if whole or do.cut_after is None else b"")) if body else b""
        sent += b"0\r\n\r\n" if do.cut_after is None else b""
    return Outgoing(_head(reply.status, headers), sent, whole, keep_alive)


def send(connection: socket.socket, outgoing: Outgoing, clock: EmulatorClock, drip_s: float = 0.0) -> None:
    """Send head and body; with ``drip_s`` a few bytes at a time."""
    if not drip_s:
        connection.sendall(outgoing.head + outgoing.body)
        return
    connection.sendall(outgoing.head)
    for at in range(0, len(outgoing.body), DRIP_BYTES):
        connection.sendall(outgoing.body[at : at + DRIP_BYTES])
        if clock.sleep(drip_s):
            return


def reset(connection: socket.socket) -> None:
    """Make the coming close a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _cut(after: float, size: int) -> int:
    """Return the number of bytes: ``after`` itself, or a share of ``size`` when it is below one."""
    return int(after * size) if 0 < after < 1 else int(after)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    phrase = HTTPStatus(status).phrase if status in {one.value for one in HTTPStatus} else "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
