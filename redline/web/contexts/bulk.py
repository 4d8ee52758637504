"""The Download page for many tickers: the form, and the collections that are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redline.market.bar import Timespan
from redline.market.bulk import COLLECTION, HELD, US_STOCKS
from redline.market.request import DownloadRequest
from redline.web.contexts.cards import JobCard, card
from redline.web.contexts.download import CARDS, DATASETS, Bill, Chip, chips
from redline.web.contexts.forms import Complaint, Field, at, options
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.words import counted, moment

if TYPE_CHECKING:
    from redline.engine import Engine

WAY = "many"
#: The fields of this form that the other one has not: where one is sent, this is the page.
FIELDS = frozenset({"tickers", "universe", "tickers_file"})
KEPT = ("tickers", "universe", "as_of", "source", "dataset", "timespan", "multiplier")
NOTHING_ASKED = Bill("Name tickers or a universe to see the bill.", "Nothing is fetched before you start it.")


@dataclass(frozen=True, slots=True)
class CollectionRow:
    """A collection as it is listed."""

    name: str
    what: str
    update: str
    last_job: str


@dataclass(frozen=True, slots=True)
class BulkPage:
    """The page at ``/?way=many``."""

    frame: Frame
    tickers: Field
    universe: Field
    as_of: Field
    file_error: str
    fields: tuple[Field, ...]
    multiplier: Field
    timespan: Field
    saving: tuple[Field, ...]
    saving_open: bool
    chips: tuple[Chip, ...]
    bill: Bill
    jobs: tuple[JobCard, ...]
    collections: tuple[CollectionRow, ...]
    problem: str = ""


def bulk_page(engine: Engine, values: Mapping[str, str], bill: Bill, complaint: Complaint | None) -> BulkPage:
    """Return the page with ``values`` in its form, ``bill`` under it, and ``complaint`` at the field it is about."""
    start, end = engine.default_range()
    filled = {"source": "massive", "dataset": "bars", "timespan": "day", "multiplier": "1"}
    filled |= {"start_date": start.isoformat(), "end_date": end.isoformat()} | dict(values)
    labels = {one.name: one.label for one in engine.sources()}
    saved = engine.collections()
    universes = {"": "None, use the list", US_STOCKS: "All active US stocks", HELD: "All that have bars here"}
    universes |= {f"{COLLECTION}{one.name}": f"Collection: {one.name}" for one in saved}
    hint = "With commas, blanks or a line each; at most 20,000."
    if engine.demo:
        hint = f"The demo has {', '.join(engine.demo_tickers)}."
    return BulkPage(
        frame=frame(engine, "download"),
        tickers=Field("tickers", "Tickers", filled.get("tickers", ""), hint=hint, error=at(complaint, "tickers")),
        universe=Field(
            "universe",
            "Or a universe",
            kind="select",
            options=options(universes, filled.get("universe", "")),
            error=at(complaint, "universe"),
        ),
        as_of=Field(
            "as_of",
            "US stocks as of",
            filled.get("as_of", ""),
            "date",
            hint="Left out: today.",
            error=at(complaint, "as_of"),
        ),
        file_error=at(complaint, "file"),
        fields=(
            _choice("dataset", "Dataset", DATASETS, filled, complaint),
            Field("start_date", "From", filled["start_date"], "date", "w3 h6", error=at(complaint, "start_date")),
            Field("end_date", "To, inclusive", filled["end_date"], "date", "w3 h6", error=at(complaint, "end_date")),
            _choice("source", "Source", labels, filled, complaint),
        ),
        multiplier=Field("multiplier", "How many", filled["multiplier"], "number", error=at(complaint, "multiplier")),
        timespan=_choice("timespan", "Timespan", {one.value: one.value for one in Timespan}, filled, complaint),
        saving=(
            Field(
                "save_as",
                "Keep as a collection",
                filled.get("save_as", ""),
                css="w6",
                hint="A name; its updates go on to the last session.",
                error=at(complaint, "save_as", "name"),
            ),
            Field(
                "update_at",
                "Update it daily at, UTC",
                filled.get("update_at", ""),
                css="w6",
                placeholder="HH:MM",
                hint="Left out: only when you press Update.",
                error=at(complaint, "update_at"),
            ),
        ),
        saving_open=any(filled.get(name) for name in ("save_as", "update_at")) or bool(at(complaint, "update_at")),
        chips=chips(engine, {name: filled[name] for name in KEPT if filled.get(name)} | {"way": WAY}, filled),
        bill=bill,
        jobs=tuple(card(job) for job in engine.jobs(CARDS)),
        collections=tuple(_row(engine, one) for one in saved),
        problem=complaint.said if complaint is not None and not complaint.field and not bill.bad else "",
    )


def given_tickers(values: Mapping[str, str], request: DownloadRequest) -> dict[str, str]:
    """Return the form's values with the tickers of an uploaded file among those that were typed."""
    if request.universe:
        return dict(values)
    return dict(values) | {"tickers": "\n".join([*request.tickers, *(entry for entry, _ in request.refused)])}


def _choice(
    name: str, label: str, choices: Mapping[str, str], filled: Mapping[str, str], complaint: Complaint | None
) -> Field:
    return Field(
        name,
        label,
        kind="select",
        css="w3 h6",
        options=options(choices, filled[name]),
        error=at(complaint, name),
    )


def _row(engine: Engine, one: Any) -> CollectionRow:
    shown = one.as_json(engine.clock.now())
    asked = shown["request"]
    tickers = asked.get("tickers")
    what = counted(len(tickers), "ticker") if tickers else "all active US stocks"
    length = asked["timespan"] if asked["multiplier"] == 1 else f"{asked['multiplier']} {asked['timespan']}"
    kind = f"{length} bars" if asked["dataset"] == "bars" else asked["dataset"]
    due = shown["next_update_at"]
    return CollectionRow(
        name=shown["name"],
        what=f"{kind} of {what}, from {asked['start_date']}",
        update=f"daily at {shown['update_at']} UTC, next {moment(due)[:10]}" if due else "when you press Update",
        last_job=shown["last_job"] or "",
    )
