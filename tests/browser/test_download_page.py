"""The Download page with script: the bill as one types, and a job that is followed to its chart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Site, Visit, opened

pytestmark = pytest.mark.browser


def test_the_bill_appears_as_one_types_and_nothing_is_started(visit: Visit) -> None:
    page = visit.go("/")
    assert page.locator("[data-start]").count() == 0

    page.fill("#f-ticker", "AAPL")
    page.wait_for_selector("[data-start]:enabled")

    assert page.inner_text("[data-start]") == "Start with 2 calls"  # the stand-in's plan
    assert visit.site.engine.calls["submit"] == 0


def test_a_chip_fills_the_dates_and_the_bill_follows(visit: Visit) -> None:
    page = visit.go("/?ticker=AAPL")

    page.click(".chip:has-text('Last session')")
    page.wait_for_selector("text=sessions of AAPL, 2024-06-27")

    assert page.input_value("#f-start-date") == page.input_value("#f-end-date") == "2024-06-27"
    assert page.get_attribute(".chip:has-text('Last session')", "aria-current") == "true"


def test_what_is_wrong_is_said_under_the_form(browser: Any, site: Site) -> None:
    with opened(browser, site) as visit:
        page = visit.go("/")
        page.fill("#f-ticker", "AA/PL")
        page.wait_for_selector(".bill .note-bad")

        assert "BRK.B, not BRK/B" in page.inner_text("#bill")
        assert page.locator("[data-start]").count() == 0


def test_a_running_job_is_followed_to_its_chart(visit: Visit) -> None:
    visit.site.engine.hold()
    page = visit.go("/?ticker=AAPL")
    page.click("[data-start]")
    page.wait_for_selector(".page-head .state-running")
    job_id = page.url.rsplit("/", 1)[1]

    visit.site.engine.put_waiting(job_id, "waiting for the key's budget", 30)
    page.wait_for_selector("text=Waiting for the key's budget")
    visit.site.engine.finish(job_id)
    page.wait_for_selector(".page-head .state-complete")
    page.wait_for_selector("[data-drawn]")

    assert page.locator(".nav .count").is_hidden()  # no job is active any more
    assert page.get_attribute(".menu a:has-text('Parquet')", "href").endswith("format=parquet")


def test_a_job_can_be_paused_and_resumed(visit: Visit) -> None:
    visit.site.engine.hold()
    page = visit.go("/?ticker=AAPL")
    page.click("[data-start]")

    page.click("button:has-text('Pause')")
    page.wait_for_selector(".page-head .state-paused")
    page.click("button:has-text('Resume')")
    page.wait_for_selector(".page-head .state-running")

    assert (visit.site.engine.calls["pause"], visit.site.engine.calls["resume"]) == (1, 1)
