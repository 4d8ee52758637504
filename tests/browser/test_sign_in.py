"""With a password set: the sign-in page, the session, tokens shown once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.conftest import Site, opened
from tests.web.standin import PASSWORD

pytestmark = pytest.mark.browser


def test_signing_in_leads_to_the_page_that_was_asked_for(browser: Any, serve: Callable[..., Site]) -> None:
    with opened(browser, serve(password=PASSWORD)) as visit:
        page = visit.go("/settings")
        assert page.is_visible("h1:has-text('Sign in')")
        page.fill("#password", "wrong")
        page.click("button:has-text('Sign in')")
        assert page.is_visible("text=That is not the password")

        page.fill("#password", PASSWORD)
        page.click("button:has-text('Sign in')")
        assert page.url.endswith("/settings")

        page.click("text=Sign out")
        assert visit.go("/data").is_visible("h1:has-text('Sign in')")


def test_a_new_token_is_shown_once(browser: Any, serve: Callable[..., Site]) -> None:
    with opened(browser, serve()) as visit:
        page = visit.go("/settings")
        page.fill("#token-name", "notebook")
        page.click("text=Make a token")
        token = page.inner_text("#c-token")

        page = visit.go("/settings")
        assert page.is_visible("th:has-text('notebook')")
        assert token not in page.content()

        page.click("button:has-text('Revoke')")
        assert page.is_visible("text=None yet")
