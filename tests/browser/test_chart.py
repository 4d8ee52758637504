"""The chart: candles with volume, gaps left open, splits marked, coloured by the theme."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Site, Visit, opened
from tests.web.standin import SESSIONS

pytestmark = pytest.mark.browser

#: Raw prices over a split: the margin under them, where the volume stands, reaches below zero.
SPREAD = {
    "columns": ["timestamp", "date", "open", "high", "low", "close", "volume", "source"],
    "rows": [
        [f"{day}T04:00:00Z", f"{day}", close, close + 1, close - 1, close, 9, "massive"]
        for day, close in [(one, 500 if one < SESSIONS[5] else 10) for one in SESSIONS]
    ],
}
HELD = len(SESSIONS) - 3  # three sessions are the gap


def test_daily_bars_are_drawn_and_gaps_are_handed_to_the_chart(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL")
    page.wait_for_selector("[data-drawn]")

    assert page.get_attribute("[data-chart]", "data-drawn") == f"{HELD}"
    assert page.get_attribute("[data-chart]", "data-gaps").count("vendor has none") == 3
    assert page.get_attribute("[data-chart]", "data-splits") == '[["2024-06-10", "4:1"]]'
    assert "2024-06-27" in page.inner_text("[data-ohlc]")  # the last bar, while no pointer is over another
    assert page.locator("#gaps tbody tr").count() == 1  # three sessions in a row are one gap


def test_dividends_that_are_held_are_marked_in_chart_table_and_list(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL")
    page.wait_for_selector("[data-drawn]")

    assert page.get_attribute("[data-chart]", "data-dividends") == '[["2024-06-20", "0.25"]]'
    assert "dividend 0.25" in page.inner_text("#rows tr:has-text('2024-06-20')")
    assert "split 4:1" in page.inner_text("#rows tr:has-text('2024-06-10')")
    assert page.inner_text("section:has(#act-h) dl").split() == [
        "2024-06-10",
        "split",
        "4:1",
        "2024-06-20",
        "dividend",
        "0.25",
    ]


def test_the_price_axis_names_no_price_below_zero(browser: Any, site: Site) -> None:
    """The axis is drawn on a canvas: what it writes there is listened to."""
    listen = """() => { window.written = []; const fill = CanvasRenderingContext2D.prototype.fillText;
        CanvasRenderingContext2D.prototype.fillText = function (text, ...rest) {
            window.written.push(text); return fill.call(this, text, ...rest); }; }"""
    with opened(browser, site) as visit:
        visit.page.add_init_script(f"({listen})()")
        visit.page.route("**/data/bars?*", lambda route: route.fulfill(json=SPREAD))
        page = visit.go("/data?ticker=AAPL")
        page.wait_for_selector("[data-drawn]")
        page.wait_for_timeout(300)
        written = page.evaluate("window.written")

    prices = [one for one in written if re.fullmatch(r"[-\u2212]?\d+\.\d\d", one)]
    assert "500.00" in prices
    assert "D" in written
    assert [one for one in prices if not one[0].isdigit()] == []


def test_every_chart_carries_the_notice_of_its_library(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL")
    notice = page.locator("text=TradingView Lightweight Charts")

    assert notice.is_visible()
    assert page.get_attribute("a[href*=tradingview]", "href") == "https://www.tradingview.com/"


def test_the_chart_is_coloured_anew_with_the_theme(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL")
    page.wait_for_selector("[data-drawn]")
    page.wait_for_timeout(300)
    light = page.locator("[data-chart]").screenshot()

    page.click("[data-theme-switch]")
    page.click("[data-theme-switch]")
    page.wait_for_timeout(300)

    assert page.get_attribute("html", "data-theme") == "dark"
    assert page.locator("[data-chart]").screenshot() != light


def test_a_dark_page_prints_a_light_chart(browser: Any, site: Site) -> None:
    with opened(browser, site, color_scheme="light") as visit:
        page = visit.go("/data?ticker=AAPL")
        page.wait_for_selector("[data-drawn]")
        page.emulate_media(media="print", color_scheme="light")
        page.wait_for_timeout(300)
        light = page.locator("[data-chart]").screenshot()
    with opened(browser, site, color_scheme="dark") as visit:
        page = visit.go("/data?ticker=AAPL")
        page.wait_for_selector("[data-drawn]")
        page.emulate_media(media="print", color_scheme="dark")
        page.wait_for_timeout(300)

        assert page.locator("[data-chart]").screenshot() == light


def test_minutes_are_drawn_in_utc(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL&timespan=minute")
    page.wait_for_selector("[data-drawn]")

    assert page.get_attribute("[data-chart]", "data-drawn") == "390"
    assert "2024-06-27 19:59 UTC" in page.inner_text("[data-ohlc]")  # the last minute before 16:00 in New York


def test_raw_and_adjusted_are_named_never_a_bare_adjusted(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL")
    assert "adjusted for splits" in page.inner_text("main")

    page.click("nav[aria-label='Adjust prices'] >> text=Raw")

    assert "raw, as traded" in page.inner_text("main")


def test_adjusting_for_dividends_that_are_not_held_offers_to_download_them(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL&adjust=all")

    page.click("text=Download dividends of AAPL")

    assert page.input_value("#f-dataset") == "dividends"
    assert page.input_value("#f-ticker") == "AAPL"


def test_the_same_query_can_be_copied(visit: Visit) -> None:
    page = visit.go("/data?ticker=AAPL")

    page.click("text=curl")

    shown = page.inner_text("#c-curl")
    assert shown.startswith(f"curl -G {visit.site.address}/data/bars")
    assert "-d start=2024-06-03" in shown
