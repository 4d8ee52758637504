"""A vendor in a thread, with real sockets and a script: what each request is answered, byte for byte."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reply:
    """An answer. ``raw`` replaces all of it; ``delay_s`` before, ``drip_s`` between bytes, ``hang_s`` after."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"status":"OK"}'
    raw: bytes | None = None
    delay_s: float = 0.0
    drip_s: float = 0.0
    hang_s: float = 0.0
    reset: bool = False

    def as_bytes(self) -> bytes:
        if self.raw is not None:
            return self.raw
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {self.status} Said\r\n{lines}\r\n".encode() + self.body


@dataclass(frozen=True)
class Asked:
    """A request as it arrived; ``at`` is monotonic."""

    at: float
    path: str
    headers: dict[str, str]


Script = Callable[[int, str], Reply]


class Vendor:
    """Answers the n-th request (from 1) as ``script(n, path)`` says; keeps what was asked in ``asked``."""

    def __init__(self) -> None:
        self.script: Script = lambda n, path: Reply()
        self.asked: list[Asked] = []
        self._lock = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._open: list[socket.socket] = []
        self.port = int(self._socket.getsockname()[1])
        self.origin = f"http://127.0.0.1:{self.port}"

    def answers(self, *replies: Reply) -> None:
        """Answer with these in order; the last one stays."""
        self.script = lambda n, path: replies[min(n, len(replies)) - 1]

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def stop(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            connection.close()

    def _talk(self, connection: socket.socket) -> None:
        try:
            with connection:
                pending = b""
                while True:
                    while b"\r\n\r\n" not in pending:
                        received = connection.recv(65536)
                        if not received:
                            return
                        pending += received
                    head, _, pending = pending.partition(b"\r\n\r\n")
                    if not self._answer(connection, head.decode()):
                        return
        except OSError:
            return

    def _answer(self, connection: socket.socket, head: str) -> bool:
        first, *rest = head.split("\r\n")
        path = first.split(" ")[1]
        headers = dict(line.split(": ", 1) for line in rest)
        with self._lock:
            self.asked.append(Asked(time.monotonic(), path, headers))
            reply = self.script(len(self.asked), path)
        time.sleep(reply.delay_s)
        if reply.reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            return False
        whole = reply.as_bytes()
        if reply.drip_s:
            for at in range(len(whole)):
                connection.sendall(whole[at : at + 1])
                time.sleep(reply.drip_s)
        else:
            connection.sendall(whole)
        time.sleep(reply.hang_s)
        return reply.raw is None


@contextmanager
def serving() -> Iterator[Vendor]:
    vendor = Vendor()
    thread = threading.Thread(target=vendor.serve, daemon=True)
    thread.start()
    try:
        yield vendor
    finally:
        vendor.stop()
        thread.join(5)


def most_in_any_window(arrivals: list[float], window_s: float) -> int:
    """Return the greatest number of arrivals in any half-open window."""
    arrivals = sorted(arrivals)
    most = first = 0
    for last, at in enumerate(arrivals):
        while at - arrivals[first] >= window_s:
            first += 1
        most = max(most, last - first + 1)
    return most
