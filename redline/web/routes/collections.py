"""Collections: bulk downloads kept under a name, and brought up to date."""

from __future__ import annotations

from flask import Blueprint, Response, redirect
from werkzeug.wrappers import Response as AnyResponse

from redline.web.answers import answer, wants_html
from redline.web.current import engine
from redline.web.routes.download_bulk import bulk_body
from redline.web.routes.download_single import accepted, idempotency_key

bp = Blueprint("collections", __name__)

#: Where the collections stand on a page.
PAGE = "/?way=many#collections"


@bp.get("/collections")
def collections() -> AnyResponse:
    """List the collections by name."""
    if wants_html():
        return redirect(PAGE, 302)
    now = engine().clock.now()
    return answer({"collections": [one.as_json(now) for one in engine().collections()]})


@bp.post("/collections")
def save() -> AnyResponse:
    """Keep the body of a bulk download under ``name``; one of that name is replaced. Nothing is fetched."""
    body = bulk_body()
    name, update_at = engine().check_collection(body.pop("name", None), body.pop("update_at", None), "name")
    saved = engine().save_collection(name, body, update_at)
    return redirect(PAGE, 303) if wants_html() else answer(saved.as_json(engine().clock.now()), 201)


@bp.get("/collections/<name>")
def collection(name: str) -> Response:
    """Show one collection."""
    return answer(engine().collection(name).as_json(engine().clock.now()))


@bp.delete("/collections/<name>")
def delete(name: str) -> Response:
    """Forget a collection; what it brought stays."""
    engine().delete_collection(name)
    return answer({"name": name, "deleted": True})


@bp.post("/collections/<name>/delete")
def delete_by_form(name: str) -> AnyResponse:
    """Forget a collection, by a form."""
    engine().delete_collection(name)
    return redirect(PAGE, 303)


@bp.post("/collections/<name>/update")
def update(name: str) -> AnyResponse:
    """Start the job that brings a collection up to date: 202 with the job."""
    job = engine().update_collection(name, idempotency_key=idempotency_key())
    return redirect(f"/jobs/{job.job_id}", 303) if wants_html() else accepted(job.as_json())
