"""Everything that matters works without script: forms, bill, job, rows, files, keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Site, Visit, opened

pytestmark = pytest.mark.browser


@pytest.fixture
def plain(browser: Any, site: Site) -> Iterator[Visit]:
    with opened(browser, site, java_script_enabled=False) as visit:
        yield visit


def test_a_download_goes_from_the_form_over_the_bill_to_its_job(plain: Visit) -> None:
    page = plain.go("/")
    page.fill("#f-ticker", "AAPL")
    page.click("text=Show the bill")
    assert page.input_value("#f-ticker") == "AAPL"

    page.click("[data-start]")

    assert page.inner_text(".page-head .state") == "complete"
    assert page.is_visible("text=The chart needs script")


def test_a_wrong_field_comes_back_marked_with_what_was_typed(plain: Visit) -> None:
    page = plain.go("/?ticker=AAPL")
    page.fill("#f-start-date", "2024-13-01")
    page.click("[data-start]")

    assert page.input_value("#f-start-date") == "2024-13-01"
    assert "there is no such day" in page.inner_text("#f-start-date-e")
    assert plain.site.engine.calls["submit"] == 0


def test_a_running_job_has_a_refresh_link_and_can_be_cancelled(plain: Visit) -> None:
    plain.site.engine.hold()
    page = plain.go("/?ticker=AAPL")
    page.click("[data-start]")

    page.click("text=Refresh")
    page.click("button:has-text('Cancel')")

    assert page.inner_text(".page-head .state") == "cancelled"


def test_rows_are_listed_by_pages_and_can_be_taken_away(plain: Visit) -> None:
    page = plain.go("/data?ticker=AAPL&timespan=minute")
    assert "Rows 341 to 390 of 390" in page.inner_text("#rows")  # a session has 390 minutes, a page 50 rows

    page.click("#rows >> text=First")
    assert "Rows 1 to 40 of 390" in page.inner_text("#rows")

    with page.expect_download() as taken:
        page.click("#rows >> text=CSV")
    assert taken.value.suggested_filename.endswith(".csv")


def test_a_key_is_saved_tested_and_deleted(plain: Visit) -> None:
    page = plain.go("/settings/api-keys")
    page.fill("#f-api-key", "secret-canary-of-the-test-9z8y")
    page.click("text=Save the key")
    assert "•••• 9z8y" in page.inner_text("table")

    page.click("button:has-text('Test')")
    assert page.is_visible("text=Test of massive")

    page.click("button:has-text('Delete')")
    assert page.is_visible("text=No key is saved yet")
