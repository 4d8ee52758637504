"""Many tickers: pasted, from a file or a universe; the bill as one types; the job; collections. The real engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Site, opened

pytestmark = pytest.mark.browser

MANY = "/?way=many&start_date=2020-08-03&end_date=2020-08-31"


def test_a_pasted_list_has_a_bill_as_one_types_and_starts_with_its_price(browser: Any, demo_site: Site) -> None:
    with opened(browser, demo_site) as visit:
        page = visit.go("/")
        page.click("text=Many tickers")
        page.fill("#f-start-date", "2020-08-03")
        page.fill("#f-end-date", "2020-08-31")
        page.fill("#f-tickers", "AAPL, MSFT KO\nBRK/B")
        page.wait_for_selector("[data-start]")

        bill = page.inner_text("#bill")
        assert "63" in bill
        assert "no tickers: BRK/B" in bill
        assert "Whole sessions" in bill
        assert page.inner_text("[data-start]") == "Start with 6 calls"

        page.click("[data-start]")
        page.wait_for_selector("text=incomplete", timeout=30_000)
        assert "BRK/B" in page.inner_text("main")
    assert visit.complaints == []


def test_a_file_is_read_into_the_list(browser: Any, demo_site: Site, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text('Name,Symbol\r\n"Coca-Cola Co, The",KO\r\nApple,AAPL\r\n', "utf-8")
    with opened(browser, demo_site) as visit:
        page = visit.go(MANY)
        page.set_input_files("#f-file", str(listed))
        page.wait_for_selector("[data-start]")

        assert page.input_value("#f-file") == ""
        assert "AAPL" in page.input_value("#f-tickers").split("\n")
        assert "AAPL" in page.inner_text("#bill")
    assert visit.complaints == []


def test_a_universe_has_a_bill_before_its_list_is_known(browser: Any, demo_site: Site) -> None:
    with opened(browser, demo_site) as visit:
        page = visit.go(MANY)
        page.select_option("#f-universe", "us_stocks")
        page.fill("#f-as-of", "2020-08-31")
        page.wait_for_selector("[data-start]")
        assert "all active US stocks of 2020-08-31" in page.inner_text("#bill")

        page.fill("#f-tickers", "AAPL")
        page.wait_for_selector("#bill .note-bad")
        assert "name either tickers or a universe" in page.inner_text("#bill")
    assert [one for one in visit.complaints if "400 (BAD REQUEST)" not in one] == []


def test_a_collection_is_kept_updated_and_forgotten(browser: Any, demo_site: Site) -> None:
    with opened(browser, demo_site) as visit:
        page = visit.go(MANY + "&tickers=AAPL,KO")
        page.click("summary:has-text('keep as a collection')")
        page.fill("#f-save-as", "my stocks")
        page.fill("#f-update-at", "22:30")
        page.wait_for_selector("[data-start]:not([disabled])")
        page.click("[data-start]")
        page.wait_for_url("**/jobs/*")

        page = visit.go("/?way=many")
        row = page.inner_text("#collections tbody tr")
        assert "my stocks" in row
        assert "day bars of 2 tickers, from 2020-08-03" in row
        assert "daily at 22:30 UTC" in row
        page.click("#collections button:has-text('Update')")
        page.wait_for_url("**/jobs/*")
        page = visit.go("/?way=many")
        page.click("#collections button:has-text('Forget')")
        assert "None yet." in page.inner_text("#collections")
    assert visit.complaints == []


def test_without_script_the_form_shows_the_bill_and_starts(browser: Any, demo_site: Site, tmp_path: Path) -> None:
    listed = tmp_path / "list.txt"
    listed.write_text("KO\nMSFT\n", "utf-8")
    with opened(browser, demo_site, java_script_enabled=False) as visit:
        page = visit.go(MANY)
        page.fill("#f-tickers", "AAPL")
        page.set_input_files("#f-file", str(listed))
        page.click("text=Show the bill")
        assert page.input_value("#f-tickers") == "AAPL\nKO\nMSFT"
        assert "3 tickers" in page.inner_text("#bill") or "AAPL, KO, MSFT" in page.inner_text("#bill")
        page.click("[data-start]")
        page.wait_for_url("**/jobs/*")
    assert visit.complaints == []


def test_a_file_that_is_no_text_is_said_at_its_place(browser: Any, demo_site: Site, tmp_path: Path) -> None:
    binary = tmp_path / "x.csv"
    binary.write_bytes(b"\x00\x01\xff\xfe" * 50)
    with opened(browser, demo_site, java_script_enabled=False) as visit:
        page = visit.go(MANY)
        page.set_input_files("#f-file", str(binary))
        page.click("text=Show the bill")
        assert "it must be text in UTF-8" in page.inner_text("#f-file-e")


@pytest.mark.parametrize("width", [1280, 320])
def test_the_page_does_not_scroll_sideways(browser: Any, demo_site: Site, width: int) -> None:
    with opened(browser, demo_site, viewport={"width": width, "height": 800}) as visit:
        page = visit.go(MANY + "&tickers=AAPL,MSFT,KO,XOM")
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert visit.complaints == []
