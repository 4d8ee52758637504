"""The WSGI server, waitress, with our own words where it speaks itself and without the waits that hold others up."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import RequestEntityTooLarge

from redline.web.headers import HEADERS

#: A body that is too big is read to its end and thrown away, so that the client hears why; beyond this it is cut.
MAX_SKIPPED_BYTES: Final = 64 * 1_048_576
#: An answer that the client has not read on with for so long is given up; it would hold a thread.
STALLED_S: Final = 30

WORDS: Final = {
    400: ("The request cannot be read.", "bad_request", "Check its form and ask again."),
    413: ("The body is too big.", "too_large", "A request has at most 1 MB."),
    431: ("The head of the request is too big.", "headers_too_large", "Clear the cookies of this site."),
    500: ("Something unforeseen happened.", "internal_error", "Look into the log."),
    501: ("The request is packed in a way that is not known here.", "bad_request", "Send it plainly or in chunks."),
}


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Waitress's parser, but polite to bodies that are too big."""

    to_skip = 0
    expect_continue: bool
    completed: bool

    def received(self, data: bytes) -> int:
        """Take bytes of a request; return how many were used."""
        if self.to_skip:
            used = min(len(data), self.to_skip)
            self.to_skip -= used
            self.completed = not self.to_skip
            return used
        used = super().received(data)
        if isinstance(self.error, RequestEntityTooLarge) and not self.chunked:
            if self.expect_continue or self.content_length > MAX_SKIPPED_BYTES:
                self.expect_continue = False
            else:
                self.to_skip, self.completed = self.content_length, False
        return int(used)


class Refusal(ErrorTask):  # type: ignore[misc]
    """What waitress refuses itself, in the one shape of errors and with all headers."""

    def execute(self) -> None:
        """Write the answer."""
        error = self.request.error
        sentence, code, hint = WORDS.get(error.code, WORDS[500])
        body = msgspec.json.encode({"error": sentence, "code": code, "hint": hint})
        self.status = f"{error.code} {error.reason}"
        self.response_headers.extend([*HEADERS.items(), ("Content-Type", "application/json")])
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Channel(HTTPChannel):  # type: ignore[misc]
    """One connection."""

    parser_class = Parser
    error_task_class = Refusal
    half_seen: Any = None


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """One listening socket."""

    channel_class = Channel

    def maintenance(self, now: float) -> None:
        """Close connections that stall: idle ones, those that do not read on, and requests that never get complete.

        Called every ``cleanup_interval`` seconds. A request that was half there the last time and still is now gets no
        third chance, however steadily its bytes drip in.
        """
        super().maintenance(now)
        for channel in tuple(self.active_channels.values()):
            half = None if channel.requests else channel.request
            dripping = half is not None and half is channel.half_seen
            stalled = channel.total_outbufs_len and channel.last_activity < now - STALLED_S
            if dripping or stalled:
                channel.will_close = True
            channel.half_seen = half
