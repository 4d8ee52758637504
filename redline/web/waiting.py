"""Waiting for a job inside a request: at most 25 s, in few threads, and not while the server stops."""

from __future__ import annotations

from typing import Final

from redline.web.current import Web

WAIT_S: Final = 25.0
SLICE_S: Final = 1.0


def wait_for(web: Web, job_id: str) -> bool:
    """Wait until the job has ended; return whether it has. At once when a quarter of the threads wait already."""
    with web.waiters.seat() as seated:
        if not seated:
            return is_finished(web, job_id)
        deadline = web.engine.clock.since_boot() + WAIT_S
        while not web.stopping.is_set():
            left_s = deadline - web.engine.clock.since_boot()
            if web.engine.wait(job_id, min(SLICE_S, max(0.0, left_s))).ended:
                return True
            if left_s <= 0:
                break
    return False


def is_finished(web: Web, job_id: str) -> bool:
    """Return whether the job has ended."""
    return bool(web.engine.job(job_id).ended)
