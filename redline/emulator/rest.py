"""The REST server: one request from its arrival to its last byte."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from redline.emulator.access import Access
from redline.emulator.asks import Ask, new_request_id, unpack_cursor
from redline.emulator.clock import EmulatorClock
from redline.emulator.delivery import PLAIN, prepare, reset, send
from redline.emulator.exceptions import ServerFault, VendorError
from redline.emulator.faults import Fault, Faults
from redline.emulator.ledger import Entry, Ledger
from redline.emulator.models.folder import MarketFolder
from redline.emulator.tricks import edited, replaced
from redline.emulator.urls import find
from redline.emulator.wire import Body, Reply

NO_ROUTE = Reply(404, Body(b"404 page not found\n"), content_type="text/plain; charset=utf-8")
HANG_STEP_S = 0.2


@dataclass(frozen=True, slots=True)
class Vendor:
    """Everything that the servers share."""

    market: MarketFolder
    access: Access
    faults: Faults
    ledger: Ledger
    clock: EmulatorClock


class Server(ThreadingHTTPServer):
    """A threading server whose threads never hold up the end of the process."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that hang up; anything else is a mistake of ours and shown."""
        import sys

        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class RestHandler(BaseHTTPRequestHandler):
    """Answers as the vendor's REST service. ``vendor`` is set on a subclass by ``rest_server``.

    ``key_name``: the parameter that a key may stand in; it is in no ledger.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    vendor: Vendor
    key_name = "apiKey"

    def do_GET(self) -> None:
        """Note the arrival, let faults and plan speak first, answer, note the end."""
        vendor, arrived_s = self.vendor, self.vendor.clock.monotonic()
        path, _, raw_query = self.path.partition("?")
        query = dict(parse_qsl(raw_query, keep_blank_values=True))
        key = self._key(query.pop(self.key_name, ""))
        shown = urlencode(query)
        entry = vendor.ledger.open(vendor.clock.real().isoformat(), arrived_s, self.command, unquote(path), shown, key)
        fault = vendor.faults.take(unquote(path), shown, key)
        try:
            self._answer(entry, fault, path, query, key, arrived_s)
        finally:
            entry.ended_s = vendor.clock.monotonic()

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _answer(
        self, entry: Entry, fault: Fault | None, path: str, query: dict[str, str], key: str, at_s: float
    ) -> None:
        do = fault.do if fault else PLAIN
        entry.fault = fault.number if fault else None
        if do.revoke:
            self.vendor.access.revoke(key)
        if do.delay_s:
            self.vendor.clock.sleep(do.delay_s)
        if do.hang:
            self._hang(entry)
            return
        if do.reset and do.cut_after is None:
            entry.cut, self.close_connection = True, True
            reset(self.connection)
            return
        request_id = new_request_id()
        reply = (
            replaced(do, request_id) if do.replaces_answer else self._reply(fault, path, query, key, at_s, request_id)
        )
        self._send(entry, reply, fault, request_id)

    def _reply(
        self, fault: Fault | None, path: str, query: dict[str, str], key: str, at_s: float, request_id: str
    ) -> Reply:
        """Return the vendor's answer: the route first, then the key, then the parameters."""
        found = find(path) if self.command == "GET" else None
        if found is None:
            return NO_ROUTE
        answer, parameters = found
        try:
            plan = self.vendor.access.admit(key, at_s)
            if query.get("cursor"):
                query = {**unpack_cursor(query.pop("cursor")), **query}
            base = f"http://{self.headers.get('Host') or '127.0.0.1'}"
            ask = Ask(base, path, parameters, query, plan, self.vendor.clock.now(), request_id)
            reply = answer(ask, self.vendor.market)
            return edited(fault, reply, ask) if fault and fault.do.edits_page else reply
        except VendorError as error:
            return Reply.json(error.http_status, error.body(request_id))
        except Exception:  # noqa: BLE001  a mistake of ours is shown and answered, or it would look like a lost connection
            traceback.print_exc()
            return Reply.json(500, ServerFault().body(request_id))

    def _send(self, entry: Entry, reply: Reply, fault: Fault | None, request_id: str) -> None:
        do = fault.do if fault else PLAIN
        gzip = "gzip" in self.headers.get("Accept-Encoding", "")
        outgoing = prepare(reply, request_id, gzip, not self.close_connection, do)
        entry.status, entry.cut = reply.status, not outgoing.whole
        if outgoing.whole:
            entry.served, entry.rows = reply.served, len(reply.served)
        self.close_connection = not outgoing.keep_alive
        send(self.connection, outgoing, self.vendor.clock, do.drip_s)
        if do.reset:
            reset(self.connection)

    def _hang(self, entry: Entry) -> None:
        """Answer nothing until the client gives up or the emulator stops."""
        entry.cut, self.close_connection = True, True
        self.connection.settimeout(HANG_STEP_S)
        while not self.vendor.clock.sleep(0):
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def _key(self, in_query: str) -> str:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else in_query

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: the ledger is the log."""


def rest_server(vendor: Vendor, host: str, port: int) -> Server:
    """Return a bound REST server; ``port`` 0 takes a free one."""
    handler = type("BoundRestHandler", (RestHandler,), {"vendor": vendor})
    return Server((host, port), handler)


def address_of(server: Server) -> str:
    """Return the server's address as clients write it."""
    host, port = server.server_address[:2]
    return urlsplit(f"http://{host!s}:{port}").geturl()
