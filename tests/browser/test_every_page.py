"""Every page in a real browser: no complaint, no foreign request, no sideways scroll, both themes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Site, Visit, opened

pytestmark = pytest.mark.browser

PATHS = (
    "/",
    "/?ticker=AAPL",
    "/?ticker=AA%20PL&multiplier=0",
    "/jobs",
    "/jobs?state=failed",
    "/jobs/j0001",
    "/jobs/j0002",
    "/jobs/j0003",
    "/data",
    "/data?quarter=2024-Q1&find=mix",
    "/data?find=nothing",
    "/explain?ticker=AAPL&date=2024-06-11",
    "/explain?ticker=MIX.D&date=2024-06-13",
    "/data?ticker=AAPL",
    "/data?ticker=AAPL&timespan=minute",
    "/data?ticker=AAPL&adjust=all",
    "/data?ticker=ZZZZ",
    "/data?ticker=AVERYLONGTICKER.WITHDOTS.ANDMORE12345",
    "/settings",
    "/settings/api-keys",
    "/settings/api-keys?edit=massive",
)


@pytest.fixture
def busy(site: Site) -> Site:
    """A site with a finished, a failed and a waiting job, and a tested key."""
    for ticker in ("AAPL", "NOSUCH"):
        site.engine.submit(site.engine.parse_download({"ticker": ticker, "start_date": "2024-06-03"}))
    site.engine.hold()
    waiting = site.engine.submit(site.engine.parse_download({"ticker": "MSFT"}))
    site.engine.put_waiting(waiting.job_id, "waiting for the key's budget", 42)
    site.engine.save_key({"source": "massive", "api_key": "not-a-real-key-4f2a"})
    site.engine.test_key("massive")
    return site


@pytest.mark.parametrize("width", [1280, 320])
def test_no_page_complains_or_scrolls_sideways(browser: Any, busy: Site, width: int) -> None:
    with opened(browser, busy, viewport={"width": width, "height": 800}) as visit:
        for path in PATHS:
            page = visit.go(path)
            page.wait_for_load_state("load")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path

    assert visit.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_of_the_system_is_followed(browser: Any, site: Site, scheme: str) -> None:
    with opened(browser, site, color_scheme=scheme) as visit:
        page = visit.go("/")
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")

    assert paper == {"light": "rgb(245, 245, 242)", "dark": "rgb(15, 17, 19)"}[scheme]  # --paper in style.css


def test_the_theme_switch_is_remembered(visit: Visit) -> None:
    page = visit.go("/")
    page.click("[data-theme-switch]")
    page.click("[data-theme-switch]")

    page = visit.go("/data")

    assert page.get_attribute("html", "data-theme") == "dark"


def test_every_control_has_a_name(browser: Any, busy: Site) -> None:
    nameless = """() => Array.from(document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a'))
        .filter(one => !(one.labels && one.labels.length) && !one.getAttribute('aria-label') && !one.textContent.trim())
        .map(one => one.outerHTML)"""
    with opened(browser, busy) as visit:
        found = {path: visit.go(path).evaluate(nameless) for path in PATHS}

    assert {path: names for path, names in found.items() if names} == {}


def test_the_meter_opens_and_shows_the_budget(visit: Visit) -> None:
    page = visit.go("/")

    page.click(".meter summary")

    assert page.inner_text("[data-meter-long]") == "2 of 5"  # the stand-in's budget
    assert page.is_visible("text=Change the limit")


def test_an_unknown_page_says_where_to_go(browser: Any, site: Site) -> None:
    with opened(browser, site) as visit:
        page = visit.go("/nowhere")

        assert page.inner_text(".err-code") == "not_found · 404"
        assert page.is_visible("text=Go to Download")


def test_nothing_to_press_is_smaller_than_a_fingertip(browser: Any, busy: Site) -> None:
    small = """() => Array.from(document.querySelectorAll('a, button, input:not([type=hidden]), select, summary'))
        .filter(one => !one.matches('.skip, p a, td a, th a'))
        .map(one => [one.textContent.trim(), one.getBoundingClientRect()])
        .filter(([, box]) => box.width && (box.width < 24 || box.height < 24)).map(([text]) => text)"""
    with opened(browser, busy, viewport={"width": 320, "height": 800}) as visit:
        found = {path: visit.go(path).evaluate(small) for path in PATHS}

    assert {path: names for path, names in found.items() if names} == {}


def test_nothing_moves_when_the_bill_or_the_chart_arrives(browser: Any, busy: Site) -> None:
    watch = """window.moved = 0; new PerformanceObserver(seen => seen.getEntries().forEach(one => {
        window.moved += one.value; })).observe({type: 'layout-shift', buffered: true});"""
    with opened(browser, busy, viewport={"width": 360, "height": 1600}) as visit:
        visit.page.add_init_script(watch)
        page = visit.go("/")
        page.fill("#f-ticker", "AAPL")
        page.wait_for_selector("[data-start]")
        page.wait_for_timeout(300)
        bill = page.evaluate("window.moved")
        page = visit.go("/data?ticker=AAPL")
        page.wait_for_selector("[data-drawn]")
        page.wait_for_timeout(300)

        assert bill < 0.02
        assert page.evaluate("window.moved") < 0.02
