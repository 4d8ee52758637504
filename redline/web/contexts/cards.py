"""A job in a few lines, wherever jobs are shown. All from its JSON (design 4.3) and its request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from redline.market.request import Dataset, DownloadRequest
from redline.web.contexts.frame import ACTIVE
from redline.web.contexts.pace import Pace, eta
from redline.web.contexts.pieces import Link
from redline.web.contexts.words import count, counted, moment, shape, span, words

if TYPE_CHECKING:
    pass

PIECES = 60  # So many parts of a job are drawn and listed.
FINAL = frozenset({"complete", "incomplete", "failed", "cancelled"})
EXPORTS = (("CSV", "csv"), ("Parquet", "parquet"), ("Feather", "feather"), ("Excel", "xlsx"), ("DuckDB", "duckdb"))


@dataclass(frozen=True, slots=True)
class Action:
    """A button of a job: the words, and the last part of the address that it posts to."""

    verb: str
    label: str
    main: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a job in the piece bar and in the table."""

    what: str
    state: str
    css: str
    shape: str
    records: str
    attempts: str
    error: str
    requests: str = ""


@dataclass(frozen=True, slots=True)
class JobCard:
    """A job in a few lines."""

    id: str
    title: str
    href: str
    state: str
    detail: str
    done: int
    total: int
    figure: str
    records: str
    requests: str
    gaps: int
    why: str
    wait_s: int
    pieces: tuple[Piece, ...]
    pieces_said: str
    actions: tuple[Action, ...]
    exports: tuple[Link, ...]
    data: str
    final: bool
    has_rows: bool
    by_session: bool
    sessions_done: int
    sessions_total: int
    sessions_figure: str
    note: str
    hint: str
    again: str
    eta: str = ""
    many: bool = False


def card(view: Any, apart: str = "", pace: Pace | None = None) -> JobCard:
    """Return a job as a card; ``apart`` is its id when its rows are in a store that other pages do not show now.

    ``pace``: of the key that it asks with, for the time that is left.
    """
    job: Mapping[str, Any] = view.as_json()
    request: DownloadRequest = view.request
    state = str(job["state"])
    done, total, failed = (int(job["parts"][name]) for name in ("done", "total", "failed"))
    made = _pieces(job, done, total, failed)
    sessions = job["sessions"]
    many = _many(job, request)
    bars = request.dataset is Dataset.BARS
    return JobCard(
        id=str(job["job_id"]),
        title=_title(request, many),
        href=f"/jobs/{job['job_id']}",
        state=state,
        detail=f"{_range(request)} · {job['source']} · since {moment(job['created_at'])}",
        done=done if total else int(state in FINAL),
        total=max(total, 1),
        figure=f"{count(done)} of {counted(total, 'part')}" if total else "nothing to fetch",
        records=count(int(job["records"] or 0)),
        requests=counted(int(job["requests"] or 0), "call"),
        gaps=int((job.get("summary") or {}).get("gaps") or 0) or len(job.get("gaps") or ()),
        why=_why(job),
        wait_s=_wait_s(job),
        pieces=made,
        pieces_said=_said(made, done, total, failed),
        actions=_actions(state),
        exports=exports(request, apart) if bars and not many else (),
        data="" if apart else "/data" if many else _data_link(request),
        final=state in FINAL,
        has_rows=state in FINAL and request.dataset is Dataset.BARS and int(job["records"] or 0) > 0,
        by_session=int(sessions["total"]) > 0,
        sessions_done=int(sessions["done"]),
        sessions_total=max(int(sessions["total"]), 1),
        sessions_figure=f"{count(sessions['done'])} of {counted(int(sessions['total']), 'session')}",
        note=_sentence(job.get("error"), str(job["source"])),
        hint=str((job.get("error") or {}).get("hint") or ""),
        again=_again(request) if state in FINAL and not many else "",
        eta=eta(job, pace),
        many=bool(many),
    )


def _many(job: Mapping[str, Any], request: DownloadRequest) -> str:
    """Return how many tickers a job is for in words, empty when it is one."""
    tickers = int(job.get("tickers_count") or 0) or len(request.tickers)
    if request.universe and not tickers:
        return words(request.universe)
    return counted(tickers, "ticker") if tickers != 1 else ""


def _title(request: DownloadRequest, many: str) -> str:
    what = f"{request.spec} bars" if request.dataset is Dataset.BARS else request.dataset.value
    return f"{many}, {what}" if many else f"{request.tickers[0]} {what}"


def _query(request: DownloadRequest) -> dict[str, str]:
    spec = request.spec
    asked = {"ticker": request.tickers[0], "timespan": spec.timespan.value}
    asked |= {"multiplier": f"{spec.multiplier}"} if spec.multiplier != 1 else {}
    return asked | {"start": request.start.isoformat(), "end": request.end.isoformat()}


def _adjust(request: DownloadRequest) -> dict[str, str]:
    return {"adjust": "splits" if request.adjusted else "none"}


def _data_link(request: DownloadRequest) -> str:
    return f"/data?{urlencode(_query(request) | _adjust(request))}" if request.dataset is Dataset.BARS else "/data"


def exports(request: DownloadRequest, apart: str = "") -> tuple[Link, ...]:
    """Return the links that hand the rows of a request out as files, adjusted as the chart shows them."""
    adjust = _adjust(request) | ({"job": apart} if apart else {})
    return tuple(
        Link(name, f"/data/bars?{urlencode(_query(request) | adjust | {'format': fmt})}") for name, fmt in EXPORTS
    )


def _why(job: Mapping[str, Any]) -> str:
    if job["state"] == "paused":
        return "Paused by you. What is stored stays stored."
    if job["state"] == "queued":
        return "Waiting for its turn: small jobs go first."
    waiting = job.get("waiting")
    if not waiting:
        return ""
    reason = str(waiting["reason"]).rstrip(".")
    return f"Waiting: {reason}." if not reason.lower().startswith("waiting") else f"{reason}."


def _wait_s(job: Mapping[str, Any]) -> int:
    waiting = job.get("waiting")
    return round(float(waiting.get("seconds") or 0)) if waiting else 0


def _actions(state: str) -> tuple[Action, ...]:
    if state in ACTIVE:
        return (Action("pause", "Pause"), Action("cancel", "Cancel"))
    if state == "paused":
        return (Action("resume", "Resume", True), Action("cancel", "Cancel"))
    if state in ("failed", "incomplete", "cancelled"):
        return (Action("retry", "Retry what is missing", True),)
    return ()


def _pieces(job: Mapping[str, Any], done: int, total: int, failed: int) -> tuple[Piece, ...]:
    rows: Sequence[Mapping[str, Any]] = job.get("pieces") or ()
    if not rows:
        states = ["done"] * min(done, PIECES) + ["failed"] * min(failed, PIECES)
        states = (states + ["queued"] * min(total - len(states), PIECES))[:PIECES]
        rows = [{"what": f"part {at + 1}", "state": state} for at, state in enumerate(states)]
    return tuple(_piece(row, str(job["source"])) for row in rows[:PIECES])


def _piece(row: Mapping[str, Any], source: str) -> Piece:
    state, records, error = str(row["state"]), int(row.get("records") or 0), row.get("error")
    if state == "done":
        state = "no rows" if error and not records else "stored"
    css = {"stored": "checked", "no rows": "none", "running": "running", "waiting": "running", "failed": "failed"}
    return Piece(
        what=str(row["what"]),
        state=state,
        css=css.get(state, "queued"),
        shape="none" if state == "no rows" else shape(state),
        records=count(records),
        attempts=count(int(row.get("attempts") or 0)),
        error=_sentence(error, source),
        requests=count(int(row.get("requests") or 0)),
    )


def _said(pieces: Sequence[Piece], done: int, total: int, failed: int) -> str:
    """Return the parts in words: by what came of each, or by figures alone where only the first are listed."""
    if len(pieces) < total:
        figures = f"{counted(total, 'part')}: {count(done)} done" + (f", {count(failed)} failed" if failed else "")
        return f"{figures}; the first {len(pieces)} are shown"
    tally: dict[str, int] = {}
    for one in pieces:
        tally[one.state] = tally.get(one.state, 0) + 1
    return (
        f"{counted(len(pieces), 'part')}: " + ", ".join(f"{number} {state}" for state, number in tally.items())
        if pieces
        else ""
    )


def _sentence(error: Any, source: str) -> str:
    """Return the sentence of an error without the source in front of it, which stands beside it anyway."""
    said = str(error.get("error") or "") if isinstance(error, Mapping) else str(error or "")
    plain = said.removeprefix(f"{source}: ")
    return plain[:1].upper() + plain[1:]


def _range(request: DownloadRequest) -> str:
    return span(request.start, request.end) if request.dataset is Dataset.BARS else "the whole list"


def _again(request: DownloadRequest) -> str:
    """Return the address of the form, filled with what was asked."""
    asked = {"ticker": request.tickers[0], "dataset": request.dataset.value, "source": request.source}
    asked |= {"timespan": request.spec.timespan.value, "multiplier": f"{request.spec.multiplier}"}
    return f"/?{urlencode(asked | {'start_date': request.start.isoformat(), 'end_date': request.end.isoformat()})}"
