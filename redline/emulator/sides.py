"""The addresses beside Massive's: other vendors, from the same folder, under the same faults, in the same ledger."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

from redline.emulator.faults import Fault
from redline.emulator.models.folder import MarketFolder
from redline.emulator.rest import NO_ROUTE, RestHandler, Server, Vendor
from redline.emulator.wire import Body, Reply

PAGE_FAULT = Reply(500, Body(b"faults of a page are for Massive's answers only\n"), content_type="text/plain")
BROKEN = Reply(500, Body(b"Internal Server Error\n"), content_type="text/plain")


@dataclass(frozen=True, slots=True)
class SideAsk:
    """A request: decoded ``path``, ``query`` without the key, the ``key`` that came (``""``: none), the time.

    ``only_key``: the one that is accepted; ``None``: any is.
    """

    path: str
    query: Mapping[str, str]
    key: str
    only_key: str | None
    now: datetime


SideAnswer = Callable[[SideAsk, MarketFolder], Reply | None]


class SideHandler(RestHandler):
    """Answers as another vendor: ``answer`` gives the reply, ``None`` where that vendor has no such path."""

    answer: SideAnswer

    def _reply(
        self, fault: Fault | None, path: str, query: dict[str, str], key: str, at_s: float, request_id: str
    ) -> Reply:
        if fault is not None and fault.do.edits_page:
            return PAGE_FAULT
        if self.command != "GET":
            return NO_ROUTE
        ask = SideAsk(unquote(path), query, key, self.vendor.access.only_key, self.vendor.clock.now())
        try:
            return type(self).answer(ask, self.vendor.market) or NO_ROUTE
        except Exception:  # noqa: BLE001  a mistake of ours is shown and answered, or it would look like a lost connection
            traceback.print_exc()
            return BROKEN


def side_server(vendor: Vendor, host: str, answer: SideAnswer, key_name: str = "") -> Server:
    """Return a bound server on a free port; ``key_name`` is the parameter that the vendor's key stands in."""
    fields = {"vendor": vendor, "answer": staticmethod(answer), "key_name": key_name}
    return Server((host, 0), type("BoundSideHandler", (SideHandler,), fields))
