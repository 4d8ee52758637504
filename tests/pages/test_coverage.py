"""The coverage map: which cells it draws, what it shows of ten thousand tickers, and the price of filling its gaps."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from redline.engine import Engine
from redline.errors import BadField
from redline.market.bar import DAILY, BarSpec, Timespan
from redline.market.session import SessionState, SessionStatus
from redline.testing import Emulator
from redline.web import pages
from redline.web.contexts.coverage import Coverage, coverage_of, found_tickers
from redline.web.contexts.heat import KIND_OF, heat_map, short, weekdays
from redline.web.contexts.quarters import quarter_of
from tests.browser.market import MIXED, MarketEngine

WEEK = weekdays(date(2024, 6, 3), date(2024, 6, 9))
NOW = datetime(2024, 6, 14, 15, tzinfo=UTC)
CELL = Path(pages.__file__).parent / "templates" / "_cell.html"


def seen(engine: Any, **args: str) -> Coverage:
    return coverage_of(engine, engine.held(), args)[0]


def test_every_state_has_one_kind_of_cell_and_the_six_kinds_differ_in_form() -> None:
    forms = re.findall(r"%\}((?:<(?:rect|path|circle)[^%]*>)+)", CELL.read_text())

    assert set(KIND_OF) == set(SessionState)
    assert len({re.sub(r'class="[^"]*"', "", one) for one in forms}) == len(forms) == len(set(KIND_OF.values())) == 6


@pytest.mark.parametrize("state", list(SessionState), ids=lambda one: one.value)
def test_a_cell_says_its_state_and_only_a_hole_leads_to_its_story(state: SessionState) -> None:
    drawn = heat_map({"KO": [SessionStatus(WEEK[0], state)]}, WEEK, DAILY, "massive")
    cell = drawn.rows[0].cells[0]

    explained_away = {SessionState.STORED, SessionState.MARKET_CLOSED, SessionState.NOT_LISTED}
    assert cell.label == f"KO 2024-06-03: {state.words}"
    assert cell.href == ("" if state in explained_away else "/explain?ticker=KO&date=2024-06-03")
    assert {key.kind: key.count for key in drawn.legend}[cell.kind] == ("5" if cell.kind == "closed" else "1")


def test_a_weekday_without_a_session_is_one_of_a_closed_market() -> None:
    drawn = heat_map({"KO": []}, WEEK, DAILY, "massive")

    assert [one.label for one in drawn.rows[0].cells] == [f"KO {day}: market closed" for day in WEEK]


def test_a_story_of_minutes_is_asked_for_as_minutes() -> None:
    minutes = BarSpec(Timespan.MINUTE, 5)
    statuses = [SessionStatus(WEEK[0], SessionState.FAILED, 77, "massive", NOW, "3 of 80 bars are gone")]
    cell = heat_map({"KO": statuses}, WEEK, minutes, "massive").rows[0].cells[0]

    assert cell.label == "KO 2024-06-03: failed, 77 rows"
    assert cell.href == "/explain?ticker=KO&date=2024-06-03&timespan=minute&multiplier=5"


def test_a_name_too_long_for_the_drawing_is_cut_there_and_whole_for_readers() -> None:
    long = "O:SPY251219C00650000"
    row = heat_map({long: []}, WEEK, DAILY, "massive").rows[0]

    assert (row.ticker, row.name) == (long, short(long))
    assert len(row.name) == 14


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("2020-Q1", date(2020, 1, 1), date(2020, 3, 31)),
        ("2020-Q3", date(2020, 7, 1), date(2020, 9, 30)),
        ("2020-Q4", date(2020, 10, 1), date(2020, 12, 31)),
    ],
)
def test_a_quarter_is_three_months(name: str, first: date, last: date) -> None:
    assert quarter_of(name) == (first, last)


@pytest.mark.parametrize("name", ["2020-Q5", "2020", "0000-Q1", "9999-Q4", "x"])
def test_what_is_no_quarter_is_refused_by_name(name: str) -> None:
    with pytest.raises(BadField, match="quarter was"):
        quarter_of(name)


@pytest.mark.parametrize(
    ("find", "found"),
    [
        ("", ["AA", "AAPL", "KO", "MSFT", "T"]),
        ("aa", ["AA"]),
        ("ms, ko", ["KO", "MSFT"]),
        ("AAP", ["AAPL"]),
        ("T,", ["T"]),
        ("zz", []),
    ],
)
def test_tickers_are_found_by_name_or_by_how_they_begin(find: str, found: list[str]) -> None:
    assert found_tickers(["T", "MSFT", "AA", "KO", "AAPL", "KO"], find) == found


def test_of_ten_thousand_tickers_one_page_is_looked_up_and_drawn(tmp_path: Path) -> None:
    engine = MarketEngine(tmp_path, many=9_998)

    shown = seen(engine, page="3")

    assert shown.map is not None
    assert shown.pages.said == "Tickers 101 to 150 of 10,000"
    assert [one.ticker for one in shown.map.rows] == [f"T{n:05}" for n in range(98, 148)]
    assert len(shown.counts) == 50
    assert shown.pages.later == "/data?series=1day&quarter=2024-Q2&page=4"
    assert shown.pages.last == "/data?series=1day&quarter=2024-Q2&page=200"
    assert seen(engine, page="201").nothing == "Nothing on this page."


def test_what_the_filter_does_not_find_is_a_sentence(tmp_path: Path) -> None:
    shown = seen(MarketEngine(tmp_path), find="ZZ")

    assert shown.map is None
    assert shown.nothing == "No ticker that is held is called or begins with “ZZ”."


def test_holes_are_listed_up_to_two_hundred_and_the_rest_is_a_number(tmp_path: Path) -> None:
    shown = seen(MarketEngine(tmp_path, many=300), find=MIXED)
    assert shown.holes_said == "12 gaps in view"
    assert [one.more != "" for one in shown.holes if one.state in ("never asked", "failed")] == [True, False] * 2

    shown = seen(MarketEngine(tmp_path, mixed=20), find="MIX")
    assert len(shown.holes) == 200
    assert shown.holes_said == "the first 200 of 240 in view; the others are cells of the map"


@pytest.mark.parametrize(
    ("args", "field"),
    [({"series": "7year"}, "series"), ({"quarter": "2024-Q9"}, "quarter"), ({"quarter": "2031-Q1"}, "quarter")],
    ids=str,
)
def test_a_wrong_argument_is_named(tmp_path: Path, args: dict[str, str], field: str) -> None:
    with pytest.raises(BadField) as caught:
        seen(MarketEngine(tmp_path), **args)
    assert caught.value.as_json()["field"] == field


def test_the_quarter_of_the_last_session_is_shown_and_nothing_beyond_it(tmp_path: Path) -> None:
    shown = seen(MarketEngine(tmp_path))

    assert "2024-04-01 to 2024-06-27" in shown.title  # today is the 28th, whose session nobody can have yet
    assert [(one.value, one.chosen) for one in shown.quarters] == [("2024-Q2", True)]
    assert shown.after is None
    assert shown.before is not None
    assert shown.before.href == "/data?series=1day&quarter=2024-Q1"


def test_the_button_under_the_gaps_names_the_calls_that_the_repair_then_takes(
    app: Flask, engine: Engine, vendor: Emulator
) -> None:
    vendor.faults([{"match": {"path": "/v2/aggs/ticker/KO/"}, "do": {"set": {"adjusted": True}}}])
    asked = {"tickers": "AAPL KO", "start_date": "2020-08-03", "end_date": "2020-08-31"}
    engine.wait(engine.submit(engine.parse_bulk(asked)).job_id, 60)
    vendor.clear_faults()

    shown = seen(engine, quarter="2020-Q3", find="AAPL")
    assert shown.fill is None
    held = engine.held()
    assert {one.ticker for one in held if one.dataset.value == "bars"} == {"AAPL"}  # KO has no rows, so it is not held
    shown = seen(engine, quarter="2020-Q3", find="KO, ZZZZ")
    assert [one.ticker for one in shown.counts] == ["KO"]  # but asked for, and found by its name
    assert shown.fill is not None

    asked = {"tickers": "KO", "start_date": "2020-07-01", "end_date": "2020-07-02"}
    engine.wait(engine.submit(engine.parse_bulk(asked)).job_id, 60)
    shown = seen(engine, quarter="2020-Q3")
    assert shown.fill is not None
    assert shown.fill.button == f"Fill these, {engine.repair(['KO']).calls} call"


def test_the_page_of_an_empty_store_shows_three_ways_to_start(app: Flask, engine: Engine) -> None:
    with app.test_request_context():
        html = pages.data(engine, {})

    assert 'id="coverage"' not in html
    assert "No" in html
