"""The frame around every page: tabs, the budget meter, the demo badge and the foot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask import request

from redline.web.contexts.words import count, duration

if TYPE_CHECKING:
    from redline.engine import Engine

ACTIVE = frozenset({"queued", "running", "waiting"})
TABS = (
    ("download", "Download", "/"),
    ("jobs", "Jobs", "/jobs"),
    ("data", "Data", "/data"),
    ("settings", "Settings", "/settings"),
)
SLOT_STEP, MOST_SLOTS = 6.6, 10


@dataclass(frozen=True, slots=True)
class Tab:
    """A tab of the header; ``count`` is a number beside its name, empty for none."""

    label: str
    href: str
    current: bool
    count: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """A bar of the meter at ``x``; above ten a minute one bar stands for several calls."""

    x: str
    used: bool


@dataclass(frozen=True, slots=True)
class Meter:
    """The budget of one key in its rolling window."""

    source: str
    label: str
    used: str
    limit: str
    window: str
    next_slot: str
    today: str
    slots: tuple[Slot, ...]
    limit_x: str


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands on every page around its content."""

    tabs: tuple[Tab, ...] = ()
    active: str = ""
    meters: tuple[Meter, ...] = ()
    demo: bool = False
    sign_out: bool = False
    address: str = ""


def frame(
    engine: Engine,
    current: str,
    jobs: Sequence[Any] | None = None,
    rows: Sequence[Mapping[str, object]] | None = None,
) -> Frame:
    """Return the frame of a page under the tab ``current``.

    ``jobs`` and ``rows`` are the latest jobs and the budget's rows where the page has asked for them already.
    """
    active = sum(1 for job in (engine.jobs() if jobs is None else jobs) if job.state.value in ACTIVE)
    labels = {one.name: one.label for one in engine.sources()}
    of_keys = engine.budget() if rows is None else rows
    budget = {str(row["source"]): row for row in reversed(of_keys)}  # Of each source its key in use: the first.
    return Frame(
        tabs=tabs(current, active),
        active=f"{active}" if active else "",
        meters=tuple(meter(row, labels) for row in budget.values()),
        demo=engine.demo,
        sign_out=bool(engine.access.has_password),
        address=request.host,
    )


def tabs(current: str, active_jobs: int = 0) -> tuple[Tab, ...]:
    """Return the tabs; Jobs carries the number of jobs at work."""
    return tuple(
        Tab(label, href, name == current, f"{active_jobs}" if name == "jobs" and active_jobs else "")
        for name, label, href in TABS
    )


def meter(row: Mapping[str, object], labels: Mapping[str, str]) -> Meter:
    """Return the meter of a budget row (design 4.3)."""
    used, limit = int(str(row["used"])), float(str(row["limit"]))
    window, wait = float(str(row["window_s"])), float(str(row["next_slot_s"]))
    source = str(row["source"])
    return Meter(
        source=source,
        label=labels.get(source, source).removesuffix(".com"),
        used=count(used),
        limit=count(limit),
        window="a minute" if window == 60 else f"in {window:g} s",
        next_slot="now" if wait < 0.5 else f"in {duration(wait)}",
        today=count(int(str(row.get("today") or 0))),
        slots=_slots(used, limit),
        limit_x=f"{SLOT_STEP * max(1, min(int(limit), MOST_SLOTS)) + 2:.1f}",
    )


def _slots(used: int, limit: float) -> tuple[Slot, ...]:
    shown = max(1, min(int(limit), MOST_SLOTS))
    filled = math.ceil(used * shown / limit)
    return tuple(Slot(f"{0.5 + SLOT_STEP * at:.1f}", at < filled) for at in range(shown))
