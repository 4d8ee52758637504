"""Dates by a format of words: what is written is read again, and nothing else is taken for a date."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.config.date_format import ISO, UNIX, WORDS, DateFormat, end_of, start_of

DAY_WORDS = (
    ("YYYY", "MM", "DD"),
    ("DD", "MM", "YYYY"),
    ("MM", "DD", "YYYY"),
    ("DD", "MMM", "YYYY"),
    ("D", "M", "YYYY"),
)
TIMES = ("", " HH:mm", "THH:mm:ss", " HH:mm:ss.SSS", "THH:mm:ssZ")
FORMATS = [separator.join(words) + time for words in DAY_WORDS for separator in "-/. " for time in TIMES]
_moments = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31)).map(lambda at: at.replace(microsecond=0))


@given(st.sampled_from(FORMATS), _moments, st.integers(-14 * 4, 14 * 4))
def test_what_is_written_is_read_again(text: str, moment: datetime, quarters: int) -> None:
    form = DateFormat.parse(text)
    moment = moment.replace(tzinfo=timezone(timedelta(minutes=15 * quarters))) if "Z" in text else moment
    kept = moment.replace(second=moment.second if "ss" in text else 0)
    kept = kept if "HH" in text else kept.replace(hour=0, minute=0)

    again = form.read(form.write(moment))

    assert again == kept
    assert again.utcoffset() == kept.utcoffset()


@given(
    st.sampled_from([*FORMATS, ISO, UNIX, "YYYYMMDD"]), st.text(max_size=30) | st.text("0123456789-/: TZ", max_size=30)
)
def test_any_text_is_a_moment_or_a_value_error(text: str, said: str) -> None:
    form = DateFormat.parse(text)
    try:
        moment = form.read(said)
    except ValueError:
        return
    assert isinstance(moment, datetime)
    if (
        form.pieces
        and "MMM" not in text
        and "Z" not in text
        and text[:10] != "YYYY-MM-DD"
        and not {"D", "M"} & set(form.pieces)
    ):
        assert form.write(moment) == said


@pytest.mark.parametrize(
    ("text", "said", "moment"),
    [
        ("YYYY-MM-DD", "2024-02-29", datetime(2024, 2, 29)),
        ("YYYY-MM-DD", "2024-02-29T16:00:00Z", datetime(2024, 2, 29, 16, tzinfo=UTC)),
        ("iso", "2024-02-29 16:00", datetime(2024, 2, 29, 16)),
        ("iso", "2024-02-29T16:00:00.123456+02:00", datetime(2024, 2, 29, 14, 0, 0, 123456, UTC)),
        ("DD/MM/YYYY HH:mm", "03/02/2024 09:30", datetime(2024, 2, 3, 9, 30)),
        ("MM/DD/YYYY", "03/02/2024", datetime(2024, 3, 2)),
        ("D.M.YYYY", "3.12.2024", datetime(2024, 12, 3)),
        ("DD MMM YYYY", "03 feb 2024", datetime(2024, 2, 3)),
        ("YYYYMMDD", "20240203", datetime(2024, 2, 3)),
        ("YYYY-MM-DDTHH:mm:ssZ", "2024-02-03T09:30:00-05:00", datetime(2024, 2, 3, 14, 30, tzinfo=UTC)),
    ],
)
def test_dates_are_read_by_their_words(text: str, said: str, moment: datetime) -> None:
    assert DateFormat.parse(text).read(said) == moment


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("YYYY-MM-DD", "2024-02-30"),
        ("YYYY-MM-DD", "03/02/2024"),
        ("YYYY-MM-DD", "20240203"),
        ("YYYY-MM-DD", "2024-W05-6"),
        ("YYYY-MM-DD", "2024-02-03 "),
        ("YYYY-MM-DD", ""),
        ("DD/MM/YYYY", "2024-02-03"),
        ("DD/MM/YYYY", "13/13/2024"),
        ("DD/MM/YYYY", "3/2/2024"),
        ("DD/MM/YYYY HH:mm", "03/02/2024"),
        ("DD/MM/YYYY HH:mm", "03/02/2024 24:01"),
        ("DD MMM YYYY", "03 Foo 2024"),
        ("YYYYMMDD", "\u0662\u0660\u0662\u0664\u0660\u0662\u0660\u0663"),
    ],
)
def test_another_text_is_no_date(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        DateFormat.parse(text).read(said)


@pytest.mark.parametrize(
    "text",
    ["", "YYYY", "MM-DD", "YYYY-MM", "YYYY-MM-DD-DD", "YYYY-MM-MMM-DD", "%Y-%m-%d", "YYYY-MM-DD(", "YYYY0MMDD", "date"],
)
def test_a_format_without_a_whole_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|has"):
        DateFormat.parse(text)


def test_every_word_is_in_some_format_under_test() -> None:
    assert {piece for text in FORMATS for piece in DateFormat.parse(text).pieces[1::2]} == set(WORDS)


def test_a_day_ends_a_millisecond_before_the_next_begins() -> None:
    day = datetime(2024, 2, 29).date()

    assert end_of(day) - start_of(day) == timedelta(days=1, milliseconds=-1)
