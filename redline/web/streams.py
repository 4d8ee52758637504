"""Server-sent events of one job or several: few at a time, with a heartbeat, ended when the server stops."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
from flask import Response

from redline.errors import Busy
from redline.web.current import Web
from redline.web.waiting import is_finished

TURN_S: Final = 1.0
HEARTBEAT_TURNS: Final = 10
_MARK = re.compile(r"([A-Za-z0-9_-]{1,64}):([0-9]{1,18})")


def event_stream(web: Web, job_ids: Sequence[str], last_event_id: str) -> Response:
    """Answer with the events of the jobs, those after ``last_event_id``.

    The id of an event names how far each job was (``a1:7,b2:3``), so that a reader who comes back misses nothing. The
    event ``end`` says that a job has ended; the stream ends with the last of them.

    Raises:
        Busy: all seats for streams are taken; ask for the job itself now and then instead.
    """
    if not web.streams.take():
        raise Busy(
            "All event streams are in use.",
            "Close other tabs, or ask for the job itself every few seconds.",
            retry_after_s=5,
        )
    response = Response(lines(web, job_ids, last_event_id), mimetype="text/event-stream")
    response.call_on_close(web.streams.leave)
    return response


def lines(web: Web, job_ids: Sequence[str], last_event_id: str) -> Iterator[bytes]:
    """Yield the stream, block by block; each turn over the open jobs takes about a second when nothing happens."""
    after = parse_marks(job_ids, last_event_id)
    at_work = list(job_ids)
    quiet = 0
    yield b"retry: 2000\n\n"
    while at_work and not web.stopping.is_set():
        quiet += 1
        for job_id in tuple(at_work):
            ended = is_finished(web, job_id)
            for event in web.engine.job_events(job_id, after[job_id], 0.0 if ended else TURN_S / len(at_work)):
                after[job_id], quiet = event.seq, 0
                yield block(event.kind, after, {"job_id": job_id, **event.as_json()})
            if ended:
                at_work.remove(job_id)
                yield block("end", after, {"job_id": job_id})
        if quiet >= HEARTBEAT_TURNS:
            quiet = 0
            yield b": still here\n\n"


def parse_marks(job_ids: Sequence[str], last_event_id: str) -> dict[str, int]:
    """Return how far each job was when the reader left; 0 for jobs that the mark does not name."""
    found = {name: int(seq) for name, seq in _MARK.findall(last_event_id)}
    return {job_id: found.get(job_id, 0) for job_id in job_ids}


def block(kind: str, after: dict[str, int], body: dict[str, Any]) -> bytes:
    """Return one event; ``kind`` is one of our own words, and JSON has no line breaks of its own."""
    mark = ",".join(f"{job_id}:{seq}" for job_id, seq in after.items())
    return f"id: {mark}\nevent: {kind}\ndata: ".encode() + msgspec.json.encode(body) + b"\n\n"
