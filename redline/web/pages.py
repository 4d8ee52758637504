"""Pages: each function computes a context and renders its template; the routes call these where a page is wanted."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import render_template, request

from redline.errors import RedlineError
from redline.market.part import Plan
from redline.market.request import DownloadRequest
from redline.web.contexts import bulk as bulk_contexts
from redline.web.contexts import data as data_contexts
from redline.web.contexts import download as download_contexts
from redline.web.contexts import jobs as job_contexts
from redline.web.contexts import keys as key_contexts
from redline.web.contexts import settings as settings_contexts
from redline.web.contexts import story as story_contexts
from redline.web.contexts import ticker as ticker_contexts
from redline.web.contexts.forms import Complaint
from redline.web.contexts.frame import Frame, frame, tabs
from redline.web.current import engine as current_engine

if TYPE_CHECKING:
    from redline.engine import Engine
    from redline.engine.story import Story

log = logging.getLogger(__name__)

#: The header with which the scripts ask for a piece of a page instead of the whole.
PART_HEADER = "X-Partial"


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """An error as a page: sentence, hint, code and status; an incident number when there is one."""

    frame: Frame
    sentence: str
    hint: str
    code: str
    status: int
    incident: str


@dataclass(frozen=True, slots=True)
class LoginPage:
    """The sign-in page; ``next_path`` is where to go on afterwards."""

    frame: Frame
    next_path: str
    problem: str


def download(engine: Engine, arguments: Mapping[str, object]) -> str:
    """Return the Download page: ``arguments`` fill its form, and once a ticker is named the bill stands under it."""
    values = {name: str(value) for name, value in arguments.items() if value != ""}
    if values.pop("way", "") == bulk_contexts.WAY:
        return _filled_bulk(engine, values)
    if "ticker" not in values and engine.demo:
        values["ticker"] = download_contexts.DEMO_TICKER
    try:
        asked = engine.parse_download(values) if values.get("ticker") else None
        made = download_contexts.bill_of(asked, engine.plan(asked)) if asked else download_contexts.NOTHING_ASKED
        return _download(engine, values, made, None)
    except RedlineError as wrong:
        complaint = Complaint.of(wrong.as_json(), wrong.status)
        return _download(engine, values, download_contexts.bill_refused(complaint), complaint)


def bill(engine: Engine, wanted: DownloadRequest, plan: Plan) -> str:
    """Return the bill of a plan: as a fragment for the script, else as the whole page with the form as it was sent."""
    made = download_contexts.bill_of(wanted, plan)
    if PART_HEADER in request.headers:
        return _page("_bill.html", download_contexts.BillPart(made))
    if is_bulk_form():
        return _bulk(engine, bulk_contexts.given_tickers(_form(), wanted), made, None)
    return _download(engine, _form(), made, None)


def is_bulk_form() -> bool:
    """Return whether the form that was sent is the one for many tickers."""
    return bool(bulk_contexts.FIELDS & (request.form.keys() | request.files.keys()))


def _filled_bulk(engine: Engine, values: Mapping[str, str]) -> str:
    """Return the page for many tickers with a form that the address filled."""
    try:
        if not (values.get("tickers") or values.get("universe")):
            return _bulk(engine, values, bulk_contexts.NOTHING_ASKED, None)
        asked = engine.parse_bulk(values)
        return _bulk(engine, values, download_contexts.bill_of(asked, engine.plan(asked)), None)
    except RedlineError as wrong:
        complaint = Complaint.of(wrong.as_json(), wrong.status)
        return _bulk(engine, values, download_contexts.bill_refused(complaint), complaint)


def _bulk(engine: Engine, values: Mapping[str, str], made: download_contexts.Bill, complaint: Complaint | None) -> str:
    return _page("bulk.html", bulk_contexts.bulk_page(engine, values, made, complaint))


def _download(
    engine: Engine, values: Mapping[str, str], made: download_contexts.Bill, complaint: Complaint | None
) -> str:
    return _page("download.html", download_contexts.download_page(engine, values, made, complaint))


def jobs(engine: Engine, found: list[Any]) -> str:
    """Return the list of jobs, or for the script what of it changes; the argument ``state`` filters it."""
    template = "_jobs.html" if PART_HEADER in request.headers else "jobs.html"
    return _page(template, job_contexts.jobs_page(engine, found, request.args.get("state", "")))


def job(engine: Engine, found: Any) -> str:
    """Return the page of a job, or for the script the fragment that changes while the job runs."""
    template = "_job.html" if PART_HEADER in request.headers else "job.html"
    return _page(template, job_contexts.job_page(engine, found))


def data(engine: Engine, arguments: Mapping[str, object]) -> str:
    """Return what is held or, when ``ticker`` is named, the page of that series."""
    if arguments.get("ticker"):
        return _page(
            "ticker.html", ticker_contexts.ticker_page(engine, {name: str(it) for name, it in arguments.items()})
        )
    return _page("data.html", data_contexts.data_page(engine, {name: str(it) for name, it in arguments.items()}))


def explain(engine: Engine, story: Story) -> str:
    """Return the page that tells the story of one session."""
    return _page("explain.html", story_contexts.story_page(engine, story))


def settings(engine: Engine, made: tuple[str, str] | None = None) -> str:
    """Return the overview of Settings; ``made`` is the name and the text of a token just made, shown this once."""
    return _page("settings.html", settings_contexts.settings_page(engine, made, None))


def api_keys(engine: Engine) -> str:
    """Return Settings → API Keys with what *Test* found last."""
    return _page("api_keys.html", key_contexts.keys_page(engine, {}, None, request.args.get("edit", "")))


def login(next_path: str = "", problem: str = "") -> str:
    """Return the sign-in page."""
    return _page("login.html", LoginPage(Frame(), next_path, problem))


def signing_in(body: Mapping[str, object]) -> str:
    """Return the sign-in page with what was wrong, empty when the request is no sign-in by form."""
    if request.endpoint != "login.sign_in" or not request.form:
        return ""
    return login(request.form.get("next", ""), Complaint.of(body, 0).said)


def error(body: Mapping[str, object], status: int) -> str:
    """Return an error as a page; one about a form that can be corrected is that form, with the place marked."""
    complaint = Complaint.of(body, status)
    try:
        return _corrected(complaint) or _error(complaint, frame(current_engine(), ""))
    except RedlineError:
        log.warning("the frame of an error page could not be filled", exc_info=True)
        return _error(complaint, Frame(tabs=tabs("")))


def _error(complaint: Complaint, around: Frame) -> str:
    wrong = complaint
    return _page("error.html", ErrorPage(around, wrong.sentence, wrong.hint, wrong.code, wrong.status, wrong.incident))


def _corrected(complaint: Complaint) -> str:
    """Return the page of the form that was sent, empty when it was none or when no form helps."""
    if request.method != "POST" or not request.form or complaint.code in ("forbidden", "internal_error"):
        return ""
    engine = current_engine()
    if request.path in ("/download", "/download/plan", "/download/bulk"):
        made = download_contexts.bill_refused(complaint)
        if PART_HEADER in request.headers:
            return _page("_bill.html", download_contexts.BillPart(made))
        if is_bulk_form():
            return _bulk(engine, _form(), made, complaint)
        return _download(engine, _form(), made, complaint)
    if request.path.startswith("/settings/api-keys"):
        return _page("api_keys.html", key_contexts.keys_page(engine, _form(), complaint))
    if request.path.startswith(("/settings/tokens", "/settings/password")):
        return _page("settings.html", settings_contexts.settings_page(engine, None, complaint))
    return ""


def _form() -> dict[str, str]:
    return {name: value for name, value in request.form.items() if value and name != "csrf_token"}


def _page(template: str, context: object) -> str:
    return render_template(template, page=context)
