"""``POST /download``: rows of one ticker, now if that takes less than 25 s, else as a job."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from redline.errors import BadField, Unsupported
from redline.market.request import Adjust, BarsQuery, Dataset, DownloadRequest, Format
from redline.web.answers import answer, wants_html
from redline.web.body import HIDDEN, form_or_json, refuse_secrets
from redline.web.current import engine, web
from redline.web.files import as_file
from redline.web.waiting import wait_for

bp = Blueprint("download_single", __name__)

#: The fields of a body, for messages about one that sounds like a secret; ``DownloadRequest.parse`` checks the others.
FIELDS = frozenset(
    {"ticker", "source", "dataset", "start_date", "end_date", "timespan", "multiplier", "adjusted", "api_key", "format"}
)


@dataclass(frozen=True, slots=True)
class SingleDownload:
    """A parsed body: what is asked, the key to ask with (or the saved one), and how the rows are wanted."""

    request: DownloadRequest
    format: Format = Format.JSON
    api_key: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> SingleDownload:
        """Read a body of design 4.3; raises ``BadField`` that names the field."""
        rest = dict(body)
        refuse_secrets(rest, known=FIELDS)
        api_key = parse_key(rest.pop("api_key", None))
        fmt = Format.parse(rest.pop("format", Format.JSON.value))
        wanted = engine().parse_download(rest)
        if fmt is not Format.JSON and wanted.dataset is not Dataset.BARS:
            raise Unsupported(f"{wanted.dataset.value} are answered as JSON only.", "Leave format out.", field="format")
        return cls(wanted, fmt, api_key)


def parse_key(was: object) -> str | None:
    """Return a key given for this request alone; a message about a wrong one never repeats it."""
    if was is None or (isinstance(was, str) and 0 < len(was) <= 256 and was.isascii() and was.isprintable()):
        return was
    raise BadField("api_key", HIDDEN, "it must be text of 1 to 256 plain letters, or be left out")


@bp.post("/download")
def download_single() -> AnyResponse:
    """Download one ticker: 200 with the result, 202 with the job when it takes longer; 400 names the wrong field."""
    wanted = SingleDownload.parse(form_or_json())
    job = engine().submit(wanted.request, wanted.api_key, idempotency_key=idempotency_key())
    if wants_html():
        return redirect(f"/jobs/{job.job_id}", 303)
    if prefers_async() or not wait_for(web(), job.job_id):
        return accepted(job.as_json())
    result = engine().result(job.job_id)
    if wanted.format is Format.JSON:
        return answer(result.as_json())
    return as_file(engine().export(bars_of(wanted.request), wanted.format))


def idempotency_key() -> str | None:
    """Return what the header ``Idempotency-Key`` stands for: a digest, for the text is the caller's own business.

    Raises:
        BadField: it is there and has not 1 to 255 letters.
    """
    was = request.headers.get("Idempotency-Key")
    if was is None:
        return None
    if not 0 < len(was) <= 255:
        raise BadField("Idempotency-Key", HIDDEN, "it must have 1 to 255 letters")
    return hashlib.sha256(was.encode("utf-8", "surrogatepass")).hexdigest()


def prefers_async() -> bool:
    """Whether the caller asked not to wait (RFC 7240)."""
    return any(
        one.partition(";")[0].strip().lower() == "respond-async" for one in request.headers.get("Prefer", "").split(",")
    )


def accepted(job: Mapping[str, Any]) -> Response:
    """Answer 202: the work goes on as a job."""
    body = {
        "job_id": job["job_id"],
        "state": job["state"],
        "plan": job["plan"],
        "links": job["links"],
        "message": f"The download goes on as job {job['job_id']}.",
    }
    refused = job.get("request", {}).get("refused")
    if refused:
        body["refused"] = refused
    return answer(body, 202, {"Location": f"/jobs/{job['job_id']}"})


def bars_of(wanted: DownloadRequest) -> BarsQuery:
    """Return the query for the rows that a download asked for, adjusted as it asked."""
    adjust = Adjust.SPLITS if wanted.adjusted else Adjust.NONE
    return BarsQuery(wanted.tickers, wanted.start, wanted.end, wanted.spec, adjust)
