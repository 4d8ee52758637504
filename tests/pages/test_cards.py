"""What a card, a bill and a complaint say: never that something is stored or held which is not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from redline.errors import BadField, NotEntitled
from redline.market.part import Plan, Route
from redline.market.request import Dataset, DownloadRequest
from redline.market.session import Gap, SessionState
from redline.web.contexts.cards import card
from redline.web.contexts.download import bill_of
from redline.web.contexts.forms import Complaint

START, END = date(2019, 1, 2), date(2020, 12, 31)
ASKED = DownloadRequest(("AAPL",), START, END)
REFUSAL = NotEntitled("massive", "day bars AAPL 2019-01-02 to 2019-12-31", "Your plan doesn't include this.")


@dataclass(frozen=True)
class Job:
    """A job as the pages see it."""

    request: DownloadRequest
    more: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        plain = {
            "job_id": "j1",
            "state": "complete",
            "source": "massive",
            "created_at": "2024-06-28T15:00:00Z",
            "parts": {"total": 1, "done": 1, "failed": 0},
            "sessions": {"total": 505, "done": 505},
            "records": 0,
            "requests": 2,
        }
        return plain | self.more


def plan_of(**more: Any) -> Plan:
    return Plan(Route.NONE, 0, 0, 0.0, (), sessions=505, **more)


def test_a_part_that_was_refused_is_not_called_stored() -> None:
    piece = {"what": "day bars AAPL", "state": "done", "records": 0, "error": REFUSAL.sentence}

    shown = card(Job(ASKED, {"state": "failed", "pieces": [piece]})).pieces[0]

    assert (shown.state, shown.css) == ("no rows", "none")


def test_a_part_with_rows_and_one_without_an_error_are_stored() -> None:
    pieces = [{"what": "bars", "state": "done", "records": 5, "error": "x"}, {"what": "splits", "state": "done"}]

    assert [one.state for one in card(Job(ASKED, {"pieces": pieces})).pieces] == ["stored", "stored"]


def test_an_error_is_said_without_the_name_of_the_source_before_it() -> None:
    shown = card(Job(ASKED, {"state": "failed", "error": REFUSAL.as_json()}))

    assert shown.note == "The key's plan does not cover day bars AAPL 2019-01-02 to 2019-12-31."
    assert shown.hint == "The vendor said: Your plan doesn't include this."


def test_a_finished_job_leads_back_to_the_form_with_all_that_was_asked() -> None:
    assert card(Job(ASKED, {"state": "failed"})).again == (
        "/?ticker=AAPL&dataset=bars&source=massive&timespan=day&multiplier=1&start_date=2019-01-02&end_date=2020-12-31"
    )
    assert card(Job(ASKED, {"state": "running"})).again == ""


def test_a_whole_list_has_no_range() -> None:
    shown = card(Job(DownloadRequest(("AAPL",), START, END, dataset=Dataset.DIVIDENDS), {}))

    assert shown.detail == "the whole list · massive · since 2024-06-28 15:00:00 UTC"


def test_a_job_of_another_store_links_to_its_own_rows_only() -> None:
    shown = card(Job(ASKED, {"records": 9}), apart="j1")

    assert shown.data == ""
    assert all("&job=j1&" in link.href for link in shown.exports)


def test_the_bill_does_not_count_refused_sessions_as_held() -> None:
    gap = Gap("AAPL", START, date(2019, 12, 31), SessionState.NOT_ENTITLED)

    bill = bill_of(ASKED, plan_of(held=505, refused=252, not_in_plan=(gap,)))

    figures = {line.name: (line.figure, line.note) for line in bill.lines}
    assert figures["Held already"][0] == "253"
    assert figures["Not in your plan"] == ("252", "2019-01-02 to 2019-12-31; noted as such, not left blank")
    assert "All of it is held" not in bill.routes[0].note


def test_a_route_that_cannot_be_taken_says_why_and_is_not_nothing_to_fetch() -> None:
    files = replace(
        plan_of(held=0), route=Route.FLAT_FILES, calls=0, size_bytes=504, possible=False, why="Not read yet."
    )

    chosen, other = bill_of(ASKED, replace(plan_of(held=0), calls=5, alternatives=(files,))).routes

    assert chosen.button == "Start with 5 calls"
    assert (other.name, other.note, other.button) == ("Files", "Not read yet.", "")


def test_a_form_calls_a_field_as_its_label_does() -> None:
    wrong = BadField("end_date", "2019", "it must be a date as YYYY-MM-DD")

    complaint = Complaint.of(wrong.as_json(), wrong.status)

    assert complaint.said == "To was '2019'; it must be a date as YYYY-MM-DD. Correct it and ask again."
    assert complaint.field == "end_date"


def test_a_field_without_a_label_of_its_own_is_called_by_its_name() -> None:
    wrong = BadField("multiplier", 0, "it must be 1 or more")

    assert Complaint.of(wrong.as_json(), 400).sentence.startswith("Multiplier was 0; ")
