"""The page that explains one session of one ticker: asked when, of whom, answered what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from redline.market.request import Dataset, DownloadRequest
from redline.market.session import SessionState
from redline.web.contexts.filling import LACKING, Fill, download_of, repair_of
from redline.web.contexts.frame import Frame, frame
from redline.web.contexts.pieces import Fact, Link
from redline.web.contexts.words import counted, moment, shape

if TYPE_CHECKING:
    from redline.engine import Engine
    from redline.engine.story import Chapter, Story

#: What the page says instead of a command, for a person who looks at it has buttons.
TO_DO = {
    SessionState.FAILED: "Ask for it again. The button asks for what failed or came late of this ticker, nothing else.",
    SessionState.NEVER_ASKED: "Download it. What is held already is not asked for again.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """One time that the session was asked for, and what came of it; ``job`` leads to the job that asked."""

    when: str
    what: str
    outcome: str
    answer: str
    rows: str
    job: Link | None


@dataclass(frozen=True, slots=True)
class StoryPage:
    """The page at ``/explain``."""

    frame: Frame
    ticker: str
    day: str
    title: str
    state: str
    shape: str
    reason: str
    facts: tuple[Fact, ...]
    asked: tuple[Asked, ...]
    to_do: str
    fill: Fill | None
    links: tuple[Link, ...]


def story_page(engine: Engine, story: Story) -> StoryPage:
    """Return the story of a session as a page, with the button that fetches it where one helps."""
    return StoryPage(
        frame=frame(engine, "data"),
        ticker=story.ticker,
        day=story.session.isoformat(),
        title=f"{story.ticker}, {story.session}",
        state=story.state.words,
        shape=shape(story.state.value),
        reason=story.reason,
        facts=_facts(story),
        asked=tuple(_asked(one) for one in story.history),
        to_do=TO_DO.get(story.state, story.what_to_do),
        fill=_fill(engine, story),
        links=_links(story),
    )


def _facts(story: Story) -> tuple[Fact, ...]:
    times = len([one for one in story.history if one.asked_at])
    return (
        Fact("Asked for", f"{story.spec} bars of {story.ticker}"),
        Fact("Asked of", story.of_whom),
        Fact("When", moment(story.asked_at) or "never", f"asked {counted(times, 'time')} in all" if times > 1 else ""),
        Fact("Came back", story.answer or ("nothing yet" if story.asked_at is None else "no words were kept")),
        Fact("Held", counted(story.rows, "row")),
    )


def _asked(one: Chapter) -> Asked:
    return Asked(
        when=moment(one.asked_at) or "later",
        what=one.route,
        outcome=one.outcome,
        answer=one.answer,
        rows=f"{one.rows:,}" if one.rows else "",
        job=Link(one.job_id, f"/jobs/{one.job_id}") if one.job_id else None,
    )


def _fill(engine: Engine, story: Story) -> Fill | None:
    if story.state in LACKING:
        return repair_of(engine, (story.ticker,), story.spec, story.source)
    if story.state is SessionState.NEVER_ASKED:
        day = story.session
        return download_of(engine, DownloadRequest((story.ticker,), day, day, story.source, Dataset.BARS, story.spec))
    return None


def _links(story: Story) -> tuple[Link, ...]:
    series = {"ticker": story.ticker, "timespan": story.spec.timespan.value}
    if story.spec.multiplier != 1:
        series["multiplier"] = f"{story.spec.multiplier}"
    found = [Link("Chart and rows", f"/data?{urlencode(series)}")]
    if story.state is SessionState.NOT_ENTITLED:
        found.append(Link("See what the key may do", "/settings/api-keys"))
    return tuple(found)
