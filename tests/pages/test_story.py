"""The page about one session: what was asked, what came back, and the button that fetches it at a stated price."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask

from redline.engine import Engine
from redline.engine.story import tell
from redline.market.bar import DAILY
from redline.market.session import SessionState, SessionStatus
from redline.testing import Emulator
from redline.web import pages
from redline.web.contexts.pieces import explain_path
from redline.web.contexts.story import StoryPage, story_page

MONTH = {"start_date": "2020-08-03", "end_date": "2020-08-31"}
DAY = date(2020, 8, 5)


def fetched(engine: Engine, *tickers: str) -> Any:
    return engine.wait(engine.submit(engine.parse_bulk({"tickers": list(tickers), **MONTH})).job_id, 60)


def page_of(app: Flask, engine: Engine, ticker: str) -> StoryPage:
    with app.test_request_context():
        return story_page(engine, engine.explain(ticker, DAY, DAILY))


def test_a_stored_session_needs_nothing_and_names_the_job_that_brought_it(app: Flask, engine: Engine) -> None:
    job = fetched(engine, "KO")

    shown = page_of(app, engine, "KO")

    assert (shown.state, shown.reason, shown.fill) == ("stored", "1 row held.", None)
    assert [one.job.href for one in shown.asked if one.job] == [f"/jobs/{job.job_id}"]


def test_what_was_never_asked_can_be_downloaded_at_the_price_of_its_plan(app: Flask, engine: Engine) -> None:
    shown = page_of(app, engine, "KO")
    planned = engine.plan(engine.parse_download({"ticker": "KO", "start_date": f"{DAY}", "end_date": f"{DAY}"}))

    assert (shown.state, shown.asked) == ("never asked", ())
    assert shown.fill is not None
    assert shown.fill.path == "/download"
    assert dict(shown.fill.sends)["start_date"] == dict(shown.fill.sends)["end_date"] == "2020-08-05"
    assert shown.fill.button == f"Download it, {planned.calls} calls"


def test_what_failed_is_filled_by_a_repair_of_the_ticker_at_the_price_it_then_has(
    app: Flask, engine: Engine, vendor: Emulator
) -> None:
    vendor.faults([{"match": {"path": "/v2/aggs/ticker/KO/"}, "do": {"set": {"adjusted": True}}}])
    fetched(engine, "AAPL", "KO")
    vendor.clear_faults()

    shown = page_of(app, engine, "KO")
    repaired = engine.repair(["KO"])

    assert shown.fill is not None
    assert (shown.state, shown.fill.path, dict(shown.fill.sends)) == ("failed", "/repair", {"tickers": "KO"})
    assert repaired.calls == 1
    assert shown.fill.button == "Fill these, 1 call"
    engine.wait(repaired.jobs[0].job_id, 60)
    assert page_of(app, engine, "KO").state == "stored"


def test_where_nothing_can_be_planned_the_page_says_why_instead_of_a_button(app: Flask, engine: Engine) -> None:
    told = tell(SessionStatus(DAY, SessionState.NEVER_ASKED), "KO", DAILY, "Massive.com", "nobody", [])

    with app.test_request_context():
        shown = story_page(engine, told)

    assert shown.fill is not None
    assert shown.fill.button == ""
    assert "nobody" in shown.fill.why


@pytest.mark.parametrize("state", list(SessionState), ids=lambda one: one.value)
def test_every_state_has_a_page(app: Flask, engine: Engine, state: SessionState) -> None:
    with app.test_request_context():
        html = pages.explain(engine, tell(SessionStatus(DAY, state), "KO", DAILY, "Massive.com", "massive", []))

    assert f">{state.words}</span>" in html
    assert "What to do" in html
    assert "python -m" not in html


def test_the_address_leaves_out_what_is_left_to_its_default() -> None:
    assert explain_path("I:SPX", DAY) == "/explain?ticker=I%3ASPX&date=2020-08-05"
