"""What a fault does to the answer: another one, or the right one with a page that lies."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

from redline.emulator.asks import Ask, pack_cursor
from redline.emulator.exceptions import BY_STATUS, ServerFault, VendorError
from redline.emulator.faults import SAYS, Do, Fault
from redline.emulator.wire import Body, Reply, compact

HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><center>nginx</center></body>\r\n</html>\r\n"
ROW_KEYS = ("t", "id", "sip_timestamp", "T", "ticker")
_fresh = itertools.count(1)


def replaced(do: Do, request_id: str) -> Reply:
    """Return the answer that a fault sends in place of the right one."""
    status = do.status or 200
    if do.html:
        return Reply(status, Body(HTML), content_type="text/html")
    if do.says is not None:
        return Reply(status, Body(SAYS[do.says]), content_type="text/html")
    if do.body_file is not None:
        return Reply(status, Body(Path(do.body_file).read_bytes()))
    if isinstance(do.body, str):
        return Reply(status, Body(do.body.encode()))
    if do.body is not None:
        return Reply.json(status, do.body)
    error: type[VendorError] = BY_STATUS.get(status, ServerFault)
    return Reply.json(status, error().body(request_id) if status >= 400 else {})


def edited(fault: Fault, reply: Reply, ask: Ask) -> Reply:
    """Return the right answer with the changes of a fault; the ledger then counts the rows as they went out."""
    do, answer = fault.do, json.loads(reply.body.plain())
    if reply.status != 200 or not isinstance(answer, dict):
        return reply
    if do.page == "empty":
        answer.pop("results", None)
        answer |= {name: 0 for name in ("queryCount", "resultsCount", "count") if name in answer}
    if do.row and answer.get("results"):
        answer["results"][do.row.get("at", 0)] |= do.row.get("set", {})
    url = _next_url(fault, ask)
    if url is not None:
        answer["next_url"] = url
    answer |= do.set
    for name in do.drop:
        answer.pop(name, None)
    return Reply(reply.status, Body(compact(answer)), reply.content_type, served=_served(answer))


def _next_url(fault: Fault, ask: Ask) -> str | None:
    do, here = fault.do, (ask.raw_path, dict(ask.query))
    if do.next_url is not None:
        return do.next_url
    if do.page in ("repeat", "empty"):
        return _address(ask, ask.raw_path, {**ask.query, "again": str(next(_fresh))})
    if do.loop == "self":
        return _address(ask, *here)
    if do.loop:
        fault.origin = fault.origin or here
        return None if fault.origin == here else _address(ask, *fault.origin)
    return None


def _address(ask: Ask, path: str, query: dict[str, str]) -> str:
    return f"{ask.base}{path}?cursor={pack_cursor(query)}"


def _served(answer: dict[str, Any]) -> list[Any]:
    rows = answer.get("results")
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict):
        return []
    key = next((name for name in ROW_KEYS if name in rows[0]), None)
    return [row.get(key) for row in rows if isinstance(row, dict)]
