"""The coverage map in a real browser: one tab stop, arrows, Enter; the same as a table; paging; and without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Site, Visit, opened
from tests.browser.market import MIXED

pytestmark = pytest.mark.browser

GRID = "[data-heat]"
FOCUSED = "document.activeElement.getAttribute('aria-label')"
STOPS = "document.querySelectorAll('[data-heat] [tabindex=\"0\"]').length"


def test_the_map_is_one_tab_stop_and_arrows_move_in_it(visit: Visit) -> None:
    page = visit.go("/data")
    page.focus("#coverage button")
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED) == "AAPL 2024-04-01: market closed"

    page.keyboard.press("End")
    assert page.evaluate(FOCUSED) == "AAPL 2024-06-27: stored"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(FOCUSED) == f"{MIXED} 2024-06-26: never asked"
    assert page.evaluate(STOPS) == 1

    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('[data-heat]').contains(document.activeElement)") is False


def test_enter_says_what_a_stored_cell_is_and_leads_from_a_hole_to_its_story(visit: Visit) -> None:
    page = visit.go("/data")
    page.focus(f"{GRID} [tabindex='0']")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    assert page.inner_text("#cell-now") == "AAPL 2024-06-27: stored"
    assert page.get_attribute(f"{GRID} [aria-selected]", "aria-label") == "AAPL 2024-06-27: stored"

    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    assert page.inner_text("#cell-now") == f"{MIXED} 2024-06-26: never asked"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith(f"/explain?ticker={MIXED}&date=2024-06-26")
    assert page.inner_text("h1") == f"{MIXED}, 2024-06-26"


def test_each_kind_of_cell_is_drawn_in_a_form_of_its_own(visit: Visit) -> None:
    page = visit.go("/data")
    shapes = page.evaluate(
        """() => Array.from(document.querySelectorAll('[data-heat] symbol')).map(one =>
            Array.from(one.children).map(it => it.tagName + (it.getAttribute('d') || '') +
                getComputedStyle(it).strokeDasharray).join(' '))"""
    )

    assert len(shapes) == len(set(shapes)) == 6
    assert page.locator(".legend li").count() == 6
    assert "failed tried, no answer we trust · 2" in page.inner_text(".legend").replace("\n", " ")


def test_the_tables_say_the_same_as_the_map(visit: Visit) -> None:
    page = visit.go("/data")
    holes = page.locator(f"{GRID} a").count()

    rows = page.locator("#holes tbody tr").all_inner_texts()
    assert sum(int(row.split("\t")[2]) for row in rows) == holes
    counts = [int(text) for text in page.locator("#counts td").all_inner_texts()]
    assert sum(counts) == page.locator(f"{GRID} [role=gridcell]").count()


def test_the_gaps_are_filled_at_a_stated_price(visit: Visit) -> None:
    button = visit.go("/data").locator("#holes button")

    assert button.inner_text() == "Fill these, 2 calls"
    form = "#holes form"
    assert visit.page.get_attribute(form, "action") == "/repair"
    assert visit.page.input_value(f"{form} [name=tickers]") == MIXED


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_ten_thousand_tickers_come_by_fifty_and_are_found_by_name(
    browser: Any, serve: Callable[..., Site], script: bool
) -> None:
    with opened(browser, serve(many=9_998), java_script_enabled=script) as visit:
        page = visit.go("/data")
        assert page.locator(f"{GRID} [role=row]").count() == 50
        page.wait_for_selector("text=Tickers 1 to 50 of 10,000")

        page.click("#coverage nav >> text=Next")
        page.wait_for_selector("text=Tickers 51 to 100 of 10,000")

        page.fill("#c-find", "T09990, T0888")
        page.click("#coverage button")
        page.wait_for_selector("text=Tickers 1 to 11 of 11")
        assert page.input_value("#c-find") == "T09990, T0888"

        page.fill("#c-find", "ZZ")
        page.click("#coverage button")
        page.wait_for_selector("text=No ticker that is held is called or begins with “ZZ”.")
    assert visit.complaints == []


def test_without_script_a_hole_is_a_link(browser: Any, site: Site) -> None:
    with opened(browser, site, java_script_enabled=False) as visit:
        page = visit.go("/data")
        with page.expect_navigation():
            page.locator(f"{GRID} a").first.click()

        assert "/explain?ticker=AAPL&date=2024-06-11" in page.url
