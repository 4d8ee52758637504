"""The real engine over the demo market: a person without a key sees a chart in three clicks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Site, opened

pytestmark = pytest.mark.browser


def test_one_click_from_the_first_page_leads_to_a_chart(browser: Any, demo_site: Site) -> None:
    with opened(browser, demo_site) as visit:
        page = visit.go("/")
        assert page.is_visible("text=Demo data, no key")
        assert page.input_value("#f-ticker") == "AAPL"

        page.click("[data-start]")
        page.wait_for_selector("[data-drawn]", timeout=30_000)
        assert int(page.get_attribute("[data-chart]", "data-drawn")) > 200  # a year of sessions
        page.click("text=Open chart and rows")
        page.wait_for_selector("[data-drawn]")

        assert page.is_visible("text=Demo data, no key")
    assert visit.complaints == []


def test_the_demo_steps_aside_for_a_key(browser: Any, demo_site: Site) -> None:
    with opened(browser, demo_site) as visit:
        page = visit.go("/settings/api-keys")
        page.fill("#f-api-key", "secret-canary-of-the-test-9z8y")
        page.fill("#f-rate-limit-per-minute", "7")
        page.click("text=Save the key")

        assert "•••• 9z8y" in page.inner_text("table")
        assert "7 a minute" in page.inner_text("table")
        assert not page.is_visible("text=Demo data, no key")

        page.click("button:has-text('Delete')")
        assert page.is_visible("text=Demo data, no key")
    assert visit.complaints == []
