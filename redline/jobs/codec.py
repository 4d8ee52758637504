"""Requests, parts and gaps as the ledger writes them down, and back. JSON, for other programs read it too."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from typing import Any

from redline.jobs.job import JobError, request_shown
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import Gap, SessionState


def dumps(value: object) -> str:
    """Return compact JSON with sorted keys: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def request_text(request: DownloadRequest) -> str:
    """Return a request as text."""
    return dumps(request_shown(request))


def natural_key(request: DownloadRequest) -> str:
    """Return what makes two requests the same one: a hash of all that is asked for, and of nothing else.

    A list of the source is asked for by its name and date: whether its tickers are known already does not matter.
    """
    asked = replace(request, tickers=()) if request.universe and request.as_of is not None else request
    return hashlib.sha256(request_text(asked).encode()).hexdigest()


def request_of(text: str) -> DownloadRequest:
    """Return the request that ``request_text`` wrote."""
    raw: dict[str, Any] = json.loads(text)
    return DownloadRequest(
        tickers=tuple(raw["tickers"]),
        start=date.fromisoformat(raw["start_date"]),
        end=date.fromisoformat(raw["end_date"]),
        source=raw["source"],
        dataset=Dataset(raw["dataset"]),
        spec=BarSpec(Timespan(raw["timespan"]), raw["multiplier"]),
        adjusted=raw["adjusted"],
        universe=raw.get("universe", ""),
        as_of=date.fromisoformat(raw["as_of"]) if "as_of" in raw else None,
        repair=raw.get("repair", False),
        refused=tuple((one["ticker"], one["reason"]) for one in raw.get("refused", ())),
    )


def part_text(part: Part) -> str:
    """Return a part as text."""
    return dumps(
        {
            "source": part.source,
            "dataset": part.dataset.value,
            "ticker": part.ticker,
            "start": part.start.isoformat(),
            "end": part.end.isoformat(),
            "timespan": part.spec.timespan.value,
            "multiplier": part.spec.multiplier,
        }
    )


def part_of(text: str) -> Part:
    """Return the part that ``part_text`` wrote."""
    raw: dict[str, Any] = json.loads(text)
    return Part(
        source=raw["source"],
        dataset=Dataset(raw["dataset"]),
        ticker=raw["ticker"],
        start=date.fromisoformat(raw["start"]),
        end=date.fromisoformat(raw["end"]),
        spec=BarSpec(Timespan(raw["timespan"]), raw["multiplier"]),
    )


def error_text(error: JobError | None) -> str | None:
    """Return an error as text."""
    if error is None:
        return None
    return dumps(asdict(error))


def error_of(text: str | None) -> JobError | None:
    """Return the error that ``error_text`` wrote."""
    return JobError(**json.loads(text)) if text else None


def gaps_text(gaps: tuple[Gap, ...]) -> str:
    """Return gaps as text."""
    return dumps([gap.as_json() for gap in gaps])


def gaps_of(text: str | None) -> tuple[Gap, ...]:
    """Return the gaps that ``gaps_text`` wrote."""
    return tuple(_gap(raw) for raw in json.loads(text or "[]"))


def _gap(raw: Mapping[str, Any]) -> Gap:
    return Gap(
        ticker=raw["ticker"],
        start=date.fromisoformat(raw["start"]),
        end=date.fromisoformat(raw["end"]),
        state=SessionState(raw["state"]),
        asked_at=datetime.fromisoformat(raw["asked_at"]).astimezone(UTC) if raw["asked_at"] else None,
        answer=raw["answer"],
    )
