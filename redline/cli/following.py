"""Waiting for a job on a terminal: the progress line, and why it waits."""

from __future__ import annotations

from redline.cli.output import Output
from redline.engine import Engine, JobView

LOOK_S = 0.2
LOOK_AT_MANY_S = 1.0  # A job of thousands of tickers is more to look at.
MANY = 100


def follow(engine: Engine, job: JobView, output: Output) -> JobView:
    """Return the job when it has ended; show how far it is until then."""
    said = ""
    while not job.ended:
        job = engine.wait(job.job_id, LOOK_AT_MANY_S if len(job.request.tickers) > MANY else LOOK_S)
        note = job.waiting.reason if job.waiting else job.state.value
        output.progress(job.parts.done, job.parts.total, note)
        if job.waiting and job.waiting.reason != said:
            said = job.waiting.reason
            output.say(f"Waiting {job.waiting.seconds:.0f} s: {said}")
    output.clear()
    return job


def counted(number: int, thing: str) -> str:
    """Return ``1 call``, ``2,500 calls``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
