"""``POST /download/bulk``: thousands of tickers, or a whole universe, as one job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Blueprint, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from redline.market.bulk import parse_ticker_file
from redline.market.request import DownloadRequest
from redline.web.answers import wants_html
from redline.web.body import form_or_json, refuse_secrets
from redline.web.current import engine
from redline.web.routes.download_single import accepted, idempotency_key, parse_key

bp = Blueprint("download_bulk", __name__)

FILE = "tickers_file"
BULK_ONLY = frozenset({"tickers", "universe", FILE})
SAVING = frozenset({"save_as", "update_at"})
#: The fields of a body, for messages about one that sounds like a secret; ``parse_bulk`` checks the others.
FIELDS = (
    frozenset({"source", "dataset", "start_date", "end_date", "timespan", "multiplier", "adjusted", "as_of", "api_key"})
    | BULK_ONLY
    | SAVING
)


@dataclass(frozen=True, slots=True)
class BulkDownload:
    """A parsed body: what is asked, the key to ask with (or the saved one), and the name to keep ``body`` under."""

    request: DownloadRequest
    body: Mapping[str, object]
    api_key: str | None = field(default=None, repr=False)
    save_as: str = ""
    update_at: str | None = None

    @classmethod
    def parse(cls, given: Mapping[str, object]) -> BulkDownload:
        """Read the body of a bulk download; raises ``BadField`` that names the field."""
        rest = dict(given)
        refuse_secrets(rest, known=FIELDS)
        api_key = parse_key(rest.pop("api_key", None))
        save_as, update_at = rest.pop("save_as", None), rest.pop("update_at", None)
        wanted = engine().parse_bulk(rest)
        saved = engine().check_collection(save_as, update_at, "save_as") if save_as or update_at else ("", None)
        return cls(wanted, rest, api_key, *saved)


def bulk_body() -> dict[str, object]:
    """Return the body's fields; the tickers of an uploaded file come after those that were typed.

    Raises:
        BadField: the file is no text, or has no ticker in it.
    """
    body = form_or_json()
    sent = request.files.get(FILE)
    data = sent.read() if sent is not None else b""
    if sent is None or not (sent.filename or data):
        return body
    typed = body.pop("tickers", None)
    return body | {"tickers": "\n".join([*([str(typed)] if typed else []), *parse_ticker_file(data)])}


@bp.post("/download/bulk")
def download_bulk() -> AnyResponse:
    """Download many tickers: 202 with the job, whatever its size; ``save_as`` keeps the request as a collection."""
    wanted = BulkDownload.parse(bulk_body())
    job = engine().submit(wanted.request, wanted.api_key, idempotency_key=idempotency_key())
    if wanted.save_as:
        engine().save_collection(wanted.save_as, wanted.body, wanted.update_at, job_id=job.job_id)
    return redirect(f"/jobs/{job.job_id}", 303) if wants_html() else accepted(job.as_json())
