"""Serving the app: bound, bounded, and gone within seconds when told to stop."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from flask import Flask
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from redline.errors import ConfigError
from redline.web.current import Web
from redline.web.gate import MAX_BODY_BYTES, bracketed
from redline.web.listener import Listener

log = logging.getLogger(__name__)

LOOP_S: Final = 1.0
STOP_S: Final = 2.0
LEAVE_S: Final = 4.5  # From the signal to the end of the process, whatever is at work then: the contract is 5 s.
CONNECTIONS: Final = 1_000
MAX_HEAD_BYTES: Final = 32_768
LOOPBACK: Final = ("127.0.0.1", "::1")

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]


class Server:
    """A bound server. ``run`` serves until ``stop`` is called, from any thread or from a signal."""

    def __init__(self, app: Flask, host: str, port: int) -> None:
        """Bind; port 0 takes any free one.

        Raises:
            ConfigError: the port is in use, or the address cannot be bound.
        """
        web: Web = app.extensions["redline"]
        self._stopping = web.stopping
        self._map: dict[int, Any] = {}
        self._dispatcher = ThreadedTaskDispatcher()
        settings = adjustments(host, port, web.threads)
        try:
            self._listeners = [
                Listener(with_scheme(app.wsgi_app), self._map, dispatcher=self._dispatcher, adj=settings, sockinfo=one)
                for one in settings.listen
            ]
        except OSError as error:
            wasyncore.close_all(self._map)
            raise unbindable(host, port, error) from error
        self._dispatcher.set_thread_count(web.threads)
        self.port = int(self._listeners[0].effective_port)
        self.address = f"http://{bracketed(host)}:{self.port}"

    def run(self) -> None:
        """Serve until told to stop; then end streams and waits, and give requests at work a few seconds."""
        while not self._stopping.is_set():
            wasyncore.loop(timeout=LOOP_S, use_poll=True, map=self._map, count=1)
        for listener in self._listeners:
            listener.accepting = False
        self._dispatcher.shutdown(timeout=STOP_S)
        wasyncore.loop(timeout=0.1, use_poll=True, map=self._map, count=3)  # What is written leaves the house.
        wasyncore.close_all(self._map)

    def stop(self) -> None:
        """Ask ``run`` to return."""
        self._stopping.set()
        self._listeners[0].pull_trigger()


def serve(app: Flask, host: str, port: int, say: Callable[[str], None] | None = None) -> int:
    """Serve ``app`` until SIGTERM or SIGINT; return the exit code: 0, or 2 when the address cannot be bound.

    ``say`` prints the address when it is bound (default: to standard output). The engine stays open: who made it
    closes it, in what is left of ``LEAVE_S`` seconds from the signal. Then the process ends with exit code 0: a large
    commit may take longer, and loses nothing, for it is as whole after an end at any instant as after ``kill -9``.
    """
    say = say or (lambda line: print(line, flush=True))
    raise_file_limit()
    try:
        server = Server(app, host, port)
    except ConfigError as error:
        print(f"{error.sentence} {error.hint}", file=sys.stderr, flush=True)
        return 2

    def stop() -> None:
        server.stop()
        last = threading.Timer(LEAVE_S, _leave)
        last.daemon = True
        last.start()

    with stopped_by_signals(stop):
        say(f"REDLINE is at {server.address}")
        server.run()
    return 0


def _leave() -> None:
    log.warning("work was still in flight %s s after the signal to stop; it goes on at the next start", LEAVE_S)
    os._exit(0)


def adjustments(host: str, port: int, threads: int) -> Adjustments:
    """Return what waitress is told; each limit that is not its default has its reason here.

    ``connection_limit``: 500 slow sockets must leave room; ``channel_request_lookahead``: a stream's end is noticed;
    ``outbuf_high_watermark``: an answer spills to disk (from 1 MB on) rather than hold its thread for a slow reader.
    """
    return Adjustments(
        listen=f"{bracketed(host)}:{port}",
        threads=threads,
        ident=None,
        asyncore_use_poll=True,
        connection_limit=CONNECTIONS,
        channel_timeout=60,
        cleanup_interval=10,
        channel_request_lookahead=1,
        max_request_header_size=MAX_HEAD_BYTES,
        max_request_body_size=MAX_BODY_BYTES + 1,
        outbuf_high_watermark=128 * 1_048_576,
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,
        server_name="redline",
    )


def with_scheme(app: Wsgi) -> Wsgi:
    """Return ``app``, told that a request came over https when a proxy on this machine says so."""

    def wrapped(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        forwarded = environ.get("HTTP_X_FORWARDED_PROTO", "").lower()
        if forwarded == "https" and environ.get("REMOTE_ADDR") in LOOPBACK:
            environ["wsgi.url_scheme"] = "https"
        return app(environ, start_response)

    return wrapped


def unbindable(host: str, port: int, error: OSError) -> ConfigError:
    """Return what to say when the address cannot be bound."""
    if error.errno == errno.EADDRINUSE:
        return ConfigError(
            f"Port {port} of {host} is in use.", "Stop the program that has it, or set REDLINE_PORT to another."
        )
    if error.errno == errno.EACCES:
        return ConfigError(f"Port {port} needs more rights.", "Set REDLINE_PORT to 1024 or above.")
    return ConfigError(f"The address {host} cannot be bound.", "Set REDLINE_HOST to an address of this machine.")


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call ``stop`` on SIGTERM and SIGINT in the block; only the main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {one: signal.signal(one, lambda *_: stop()) for one in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def raise_file_limit() -> None:
    """Let this process have as many open files as it may: each connection is one, and so is each partition read."""
    try:
        import resource
    except ImportError:  # Windows has no such limit.
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, 4 * CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
