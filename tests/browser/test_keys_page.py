"""Settings → API Keys: keys go in and never come out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Site, Visit, opened

pytestmark = pytest.mark.browser

KEY = "secret-canary-of-the-test-9z8y"


def test_a_saved_key_stands_in_no_page(visit: Visit) -> None:
    page = visit.go("/settings/api-keys")
    page.fill("#f-api-key", KEY)
    page.click(".chip:has-text('10 a minute')")
    assert page.input_value("#f-rate-limit-per-minute") == "10"
    page.click("text=Save the key")
    page.click("button:has-text('Test')")

    for path in ("/settings/api-keys", "/settings/api-keys?edit=massive", "/settings", "/", "/jobs", "/data"):
        assert KEY not in visit.go(path).content(), path


def test_a_refused_key_does_not_come_back_with_the_form(browser: Any, site: Site) -> None:
    with opened(browser, site) as visit:
        page = visit.go("/settings/api-keys")
        page.fill("#f-api-key", KEY)
        page.evaluate("document.querySelector('#f-source option').value = 'nobody'")
        page.click("text=Save the key")

        assert page.inner_text("#f-source-e")
        assert KEY not in page.content()


def test_editing_offers_dots_that_keep_the_key(visit: Visit) -> None:
    visit.site.engine.save_key({"source": "massive", "api_key": KEY})
    page = visit.go("/settings/api-keys")

    page.click("a:has-text('Edit')")

    assert page.input_value("#f-api-key") == "•••• 9z8y"
    assert page.get_attribute("#f-api-key", "type") == "password"
