"""Jobs: the list, one of them, what happens to it as it happens, and the four things one can do to it."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from redline.errors import BadField
from redline.web import pages
from redline.web.answers import answer, wants_html
from redline.web.body import arguments
from redline.web.current import engine, web
from redline.web.streams import event_stream

bp = Blueprint("jobs", __name__)

MAX_STREAMED = 20


@bp.get("/jobs")
def jobs() -> Response:
    """List the newest jobs."""
    found = engine().jobs(limit=50)
    if wants_html():
        return Response(pages.jobs(engine(), found), mimetype="text/html")
    return answer({"jobs": [job.as_json() for job in found]})


@bp.get("/jobs/<job_id>")
def job(job_id: str) -> Response:
    """Show one job; 404 when there is none of that id."""
    found = engine().job(job_id)
    if wants_html():
        return Response(pages.job(engine(), found), mimetype="text/html")
    return answer(found.as_json())


@bp.get("/jobs/<job_id>/events")
def job_events(job_id: str) -> Response:
    """Stream what happens to one job, from after ``Last-Event-ID`` on."""
    engine().job(job_id)
    return event_stream(web(), (job_id,), request.headers.get("Last-Event-ID", ""))


@bp.get("/events")
def events() -> Response:
    """Stream what happens to the jobs named in ``jobs``, by comma: one stream for a page."""
    ids = parse_ids(arguments().get("jobs", ""))
    for job_id in ids:
        engine().job(job_id)
    return event_stream(web(), ids, request.headers.get("Last-Event-ID", ""))


def parse_ids(was: object) -> tuple[str, ...]:
    """Return the job ids of a comma-separated list, each once, order kept."""
    ids = tuple(dict.fromkeys(one.strip() for one in str(was).split(",") if one.strip()))
    if not 0 < len(ids) <= MAX_STREAMED:
        raise BadField("jobs", was, f"it must name 1 to {MAX_STREAMED} jobs, by comma")
    return ids


@bp.post("/jobs/<job_id>/pause")
def pause(job_id: str) -> AnyResponse:
    """Let a job rest; what it holds stays."""
    return changed(engine().pause(job_id).as_json())


@bp.post("/jobs/<job_id>/resume")
def resume(job_id: str) -> AnyResponse:
    """Let a paused job go on."""
    return changed(engine().resume(job_id).as_json())


@bp.post("/jobs/<job_id>/cancel")
def cancel(job_id: str) -> AnyResponse:
    """End a job; what it stored stays stored."""
    return changed(engine().cancel(job_id).as_json())


@bp.post("/jobs/<job_id>/retry")
def retry(job_id: str) -> AnyResponse:
    """Ask again for the parts that failed."""
    return changed(engine().retry(job_id).as_json())


def changed(shown: dict[str, object]) -> AnyResponse:
    """Answer with the job as it is now, or go back to its page."""
    return redirect(f"/jobs/{shown['job_id']}", 303) if wants_html() else answer(shown)
