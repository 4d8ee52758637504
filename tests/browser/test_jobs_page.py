"""The list of jobs in a real browser: filters, live cards over one stream, steering, and ten thousand tickers."""

from __future__ import annotations

from typing import Any

import pytest

from redline.jobs.job import JobState
from tests.browser.conftest import Site, Visit, opened
from tests.browser.market import bulk_job
from tests.web.standin import State

pytestmark = pytest.mark.browser


def submit(site: Site, ticker: str) -> str:
    asked = site.engine.parse_download({"ticker": ticker, "start_date": "2024-06-03"})
    return str(site.engine.submit(asked).job_id)


def test_filters_are_links_with_counts(visit: Visit) -> None:
    submit(visit.site, "AAPL")
    submit(visit.site, "NOSUCH")
    page = visit.go("/jobs")
    assert page.inner_text("#filter-all .count") == "2"
    assert page.inner_text("#filter-done .count") == "1"

    page.click("#filter-failed")

    page.wait_for_selector("#filter-failed[aria-current]")
    assert page.locator("tbody tr").count() == 1
    page.click("#filter-paused")
    page.wait_for_selector("text=No job is in this state.")


def test_jobs_at_work_are_followed_over_one_stream(visit: Visit) -> None:
    visit.site.engine.hold()
    jobs = [submit(visit.site, ticker) for ticker in ("AAPL", "MSFT")]
    streams: list[str] = []
    visit.page.on("request", lambda sent: streams.append(sent.url) if "/events" in sent.url else None)
    page = visit.go("/jobs")
    page.wait_for_selector(f"[data-job={jobs[0]}] .state-running")

    visit.site.engine.put_waiting(jobs[0], "waiting for the key's budget", 42)
    page.wait_for_selector(f"[data-job={jobs[0]}] .state-waiting")
    assert "waiting for the key's budget. Goes on in" in page.inner_text(f"[data-job={jobs[0]}] .why")
    visit.site.engine.finish(jobs[0])
    page.wait_for_selector("#ended-h")
    assert page.locator(f"[data-job={jobs[0]}]").count() == 0
    assert page.inner_text(".nav .count").split()[0] == "1"

    visit.site.engine.finish(jobs[1])
    page.wait_for_selector("[data-final]")
    assert page.inner_text("#filter-done .count") == "2"
    assert streams == [f"{visit.site.address}/events?jobs={jobs[1]},{jobs[0]}"]


def test_the_time_that_is_left_stands_on_the_card(visit: Visit) -> None:
    visit.site.engine.put(bulk_job(JobState.RUNNING))

    page = visit.go("/jobs")

    assert page.inner_text("[data-eta]") == "About 16 h 39 m left: 5,000 calls at 5 a minute."
    assert page.inner_text("[data-job] h2") == "10,000 tickers, day bars"


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_job_is_paused_resumed_and_cancelled_from_the_list(browser: Any, site: Site, script: bool) -> None:
    site.engine.hold()
    job = submit(site, "AAPL")
    with opened(browser, site, java_script_enabled=script) as visit:
        for verb, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
            page = visit.go("/jobs")
            page.click(f"#{verb}-{job}")
            page.wait_for_selector(f".page-head .state-{state}")
        site.engine.finish(job, State.FAILED)
        page = visit.go("/jobs?state=failed")
        page.click(f"#retry-{job}")
        page.wait_for_selector(".page-head .state-running")
    assert site.engine.calls["retry"] == 1
    assert visit.complaints == []


@pytest.mark.parametrize("press", ["mouse", "keyboard"])
def test_a_button_that_is_pressed_while_the_job_moves_on_is_not_lost(visit: Visit, press: str) -> None:
    visit.site.engine.hold()
    job = submit(visit.site, "AAPL")
    page = visit.go("/jobs")
    page.wait_for_selector(f"[data-job={job}] .state-running")
    page.hover(f"#cancel-{job}")
    page.focus(f"#cancel-{job}")
    down, up = {
        "mouse": (page.mouse.down, page.mouse.up),
        "keyboard": (lambda: page.keyboard.down("Space"), lambda: page.keyboard.up("Space")),
    }[press]

    with page.expect_response("**/jobs*"):
        down()
        visit.site.engine.put_waiting(job, "waiting for the key's budget", 42)
    page.wait_for_timeout(100)
    up()

    page.wait_for_selector(".page-head .state-cancelled")


@pytest.mark.parametrize("width", [1280, 320])
def test_ten_thousand_tickers_fit_a_page(browser: Any, site: Site, width: int) -> None:
    site.engine.put(bulk_job(JobState.INCOMPLETE))
    with opened(browser, site, viewport={"width": width, "height": 800}) as visit:
        page = visit.go("/jobs/bulk1")
        assert page.locator(".pieces li").count() == 60
        assert page.locator("#tickers tbody tr").count() == 200
        assert page.locator("#gaps tbody tr").count() == 200
        assert page.is_visible("text=5,000 of 10,000 tickers not complete; the first 200 are listed")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert visit.go("/jobs").evaluate("document.documentElement.scrollWidth") <= width
    assert visit.complaints == []
