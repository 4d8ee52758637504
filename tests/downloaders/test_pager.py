"""Paging: whole sessions, no row twice, and an end."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.downloaders import massive_bars
from redline.downloaders.pager import Parsed, bar_pages, list_page
from redline.errors import PaginationLoop
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Page, Part
from redline.market.request import Dataset
from redline.market.schema import SPLITS_WIRE
from tests.downloaders.bodies import DAYS, answer, bar, ms, part

HOURS = BarSpec(Timespan.HOUR)


class Script:
    """Answers in turn; notes what was asked."""

    def __init__(self, asked: Part, *answers: tuple[list[dict[str, object]], str | None]) -> None:
        self._asked, self._answers = asked, answers
        self.urls: list[str] = []

    def __call__(self, url: str) -> Parsed:
        rows, following = self._answers[len(self.urls) % len(self._answers)]
        self.urls.append(url)
        body = answer(rows, **({"next_url": following} if following else {}))
        return massive_bars.parse_page(body, self._asked, adjusted=False)


def hours(day: date, *which: int) -> list[dict[str, object]]:
    return [bar(ms(day, hour)) for hour in which]


def pages_of(script: Script, asked: Part) -> list[Page]:
    return list(bar_pages(asked, "http://h/first", script))


def test_a_session_that_a_page_cuts_waits_for_the_rest_of_it() -> None:
    asked = part(spec=HOURS)
    script = Script(
        asked, (hours(DAYS[0], 9, 10) + hours(DAYS[1], 9), "http://h/2"), (hours(DAYS[1], 10) + hours(DAYS[2], 9), None)
    )

    first, second = pages_of(script, asked)

    assert (first.first, first.last, first.table.num_rows) == (DAYS[0], DAYS[0], 2)
    assert (second.first, second.last, second.table.num_rows) == (DAYS[1], DAYS[2], 3)
    assert (first.answer, second.answer) == ("200 OK, 2 rows", "200 OK, 3 rows")


def test_no_rows_at_all_are_one_page_that_covers_the_part() -> None:
    asked = part()

    (only,) = pages_of(Script(asked, ([], None)), asked)

    assert (only.first, only.last, only.table.num_rows) == (DAYS[0], DAYS[-1], 0)


def test_one_session_over_many_pages_comes_in_one_piece() -> None:
    asked = part(spec=HOURS)
    script = Script(asked, *[(hours(DAYS[0], hour), f"http://h/{hour}") for hour in (9, 10, 11)], ([], None))

    (only,) = pages_of(script, asked)

    assert only.table.num_rows == 3


def test_a_page_that_comes_again_under_a_new_cursor_doubles_nothing() -> None:
    asked = part(spec=HOURS)
    again = hours(DAYS[0], 9, 10)
    script = Script(asked, (again, "http://h/2"), (again, "http://h/3"), (hours(DAYS[1], 9), None))

    pages = pages_of(script, asked)

    assert sum(page.table.num_rows for page in pages) == 3
    assert [len(page.set_aside) for page in pages] == [2, 0] or sum(len(page.set_aside) for page in pages) == 2


@pytest.mark.parametrize(
    ("answers", "requests"),
    [
        ([(hours(DAYS[0], 9), "http://h/first")], 1),  # the next page is this page
        ([(hours(DAYS[0], 9), "http://h/a"), (hours(DAYS[1], 9), "http://h/a")], 2),  # a cursor that repeats
        (
            [(hours(DAYS[0], 9), "http://h/a"), (hours(DAYS[1], 9), "http://h/b"), (hours(DAYS[2], 9), "http://h/a")],
            3,
        ),
    ],
)
def test_a_cursor_that_comes_back_is_a_loop(
    answers: list[tuple[list[dict[str, object]], str | None]], requests: int
) -> None:
    asked = part(spec=HOURS)
    script = Script(asked, *answers)

    with pytest.raises(PaginationLoop):
        pages_of(script, asked)
    assert len(script.urls) == requests


@pytest.mark.parametrize("first", [[], hours(DAYS[0], 9)])
@pytest.mark.parametrize("then", [[], hours(DAYS[0], 9)])
def test_pages_without_a_new_row_for_ever_are_a_loop_after_four_requests(
    first: list[dict[str, object]], then: list[dict[str, object]]
) -> None:
    asked = part(spec=HOURS)
    urls: list[str] = []

    def read(url: str) -> Parsed:
        urls.append(url)
        rows = then if len(urls) > 1 else first
        body = answer(rows, next_url=f"http://h/{len(urls)}")
        return massive_bars.parse_page(body, asked, adjusted=False)

    with pytest.raises(PaginationLoop):
        list(bar_pages(asked, "http://h/first", read))
    assert len(urls) - (not first and bool(then)) <= 4  # an empty page before the loop is not part of it


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(4, 19)), unique=True, max_size=40), st.lists(st.integers(1, 7))
)
def test_however_the_pages_are_cut_the_rows_and_the_days_are_the_same(
    slots: list[tuple[int, int]], cuts: list[int]
) -> None:
    monday = date(2024, 5, 20)
    asked = part(monday, monday + timedelta(days=4), spec=HOURS)
    rows = [bar(ms(monday + timedelta(days=day), hour)) for day, hour in sorted(slots)]
    chunks: list[list[dict[str, object]]] = []
    left = rows
    for cut in cuts:
        chunks.append(left[:cut])
        left = left[cut:]
        if not left:
            break
    chunks = [chunk for chunk in [*chunks, left] if chunk] or [[]]
    script = Script(
        asked, *[(chunk, f"http://h/{at}" if at < len(chunks) else None) for at, chunk in enumerate(chunks, 1)]
    )

    pages = pages_of(script, asked)

    assert pa.concat_tables([page.table for page in pages]).num_rows == len(rows)
    assert (pages[0].first, pages[-1].last) == (asked.start, asked.end)
    for before, after in pairwise(pages):
        assert after.first == before.last + timedelta(days=1)
    for page in pages:
        found = page.table.column("date").to_pylist()
        assert all(page.first <= day <= page.last for day in found)
        assert page.set_aside == ()


def test_a_list_comes_as_one_page_without_doubles() -> None:
    row = {
        "ticker": "ACME",
        "execution_date": date(2020, 8, 31),
        "split_from": 1.0,
        "split_to": 4.0,
        "source": "massive",
    }
    older = {**row, "execution_date": date(2014, 6, 9), "split_to": 7.0}
    tables = [pa.Table.from_pylist([row], schema=SPLITS_WIRE), pa.Table.from_pylist([row, older], schema=SPLITS_WIRE)]
    answers = iter([Parsed(tables[0], next_url="http://h/2"), Parsed(tables[1])])

    page = list_page(part(dataset=Dataset.SPLITS), "http://h/1", lambda url: next(answers))

    assert page.table.column("execution_date").to_pylist() == [date(2014, 6, 9), date(2020, 8, 31)]
    assert len(page.set_aside) == 1
