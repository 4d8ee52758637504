"""One answer of the aggregates endpoint: what is kept, what is set aside, what is refused."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from redline.downloaders import massive_bars
from redline.downloaders.pager import Parsed
from redline.errors import MalformedPage, NotEntitled, NotJson, ProviderError, RateLimited
from redline.market.bar import BarSpec, Timespan
from redline.market.schema import BARS_WIRE
from tests.downloaders.bodies import DAYS, answer, bar, daily, dumps, ms, part

MINUTE = BarSpec(Timespan.MINUTE)


def parse(body: bytes, **asked: object) -> Parsed:
    return massive_bars.parse_page(body, part(**asked), adjusted=False)  # type: ignore[arg-type]


def test_the_first_address_names_what_is_asked_and_no_key() -> None:
    url = urlsplit(massive_bars.first_url("http://h:1", part(ticker="X:BTCUSD", spec=MINUTE), adjusted=False))

    assert url.path == "/v2/aggs/ticker/X:BTCUSD/range/1/minute/2024-05-28/2024-05-30"
    assert parse_qs(url.query) == {"adjusted": ["false"], "sort": ["asc"], "limit": ["50000"]}


def test_bars_become_rows_with_the_session_s_date_and_the_bar_s_start() -> None:
    parsed = parse(answer(daily()))

    assert parsed.table.schema == BARS_WIRE
    assert parsed.table.column("date").to_pylist() == list(DAYS)
    assert parsed.table.slice(0, 1).to_pylist() == [
        {
            "ticker": "ACME",
            "timestamp": datetime(2024, 5, 28, 4, tzinfo=UTC),  # Midnight in New York, in summer.
            "date": date(2024, 5, 28),
            "open": 10.0,
            "high": 11.0,
            "low": 9.0,
            "close": 10.5,
            "volume": 1200.5,
            "vwap": 10.01,
            "transactions": 7,
            "source": "massive",
        }
    ]
    assert (parsed.set_aside, parsed.next_url, parsed.said) == ((), None, "OK")


@pytest.mark.parametrize(
    "row",
    [
        bar(ms(DAYS[0]), v=6.3896155e07),
        bar(ms(DAYS[0]), otc=True),
        bar(ms(DAYS[0]), otc=False),
        bar(ms(DAYS[0]), vw=None, n=None),
        bar(ms(DAYS[0]), brand_new_field="x"),
        bar(ms(DAYS[0]), n=7.0),
        bar(ms(DAYS[0]), o=10, c=10, h=10, l=10),
    ],
)
def test_spellings_that_mean_the_same_are_read(row: dict[str, object]) -> None:
    parsed = parse(answer([row]))

    assert parsed.table.num_rows == 1
    assert parsed.set_aside == ()


def test_volume_vwap_and_transactions_may_be_missing() -> None:
    found = parse(answer([bar(ms(DAYS[0]), v=..., vw=..., n=...)])).table.to_pylist()[0]

    assert (found["volume"], found["vwap"], found["transactions"]) == (None, None, None)


@pytest.mark.parametrize("rows", [None, []])
@pytest.mark.parametrize("status", ["OK", "DELAYED"])
def test_no_rows_is_an_answer_when_the_vendor_says_so(rows: list[object] | None, status: str) -> None:
    parsed = parse(answer(rows, status=status, next_url="  "))

    assert parsed.table.num_rows == 0
    assert (parsed.next_url, parsed.said) == (None, status)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"h": 5.0}, "its high is below its low"),
        ({"o": "12.5"}, "its o is no number"),
        ({"c": True}, "its c is no number"),
        ({"l": ...}, "it has no l"),
        ({"h": None}, "it has no h"),
        ({"l": -1.0}, "a price is not above 0"),
        ({"v": -5}, "its volume is no number from 0"),
        ({"n": 2.5}, "its n is no whole number from 0"),
        ({"n": -1}, "its n is no whole number from 0"),
        ({"t": ms(DAYS[1]) // 1000}, "its time is outside of the request, 2024-05-28 to 2024-05-30"),  # seconds
        ({"t": ms(DAYS[1]) * 1_000_000}, "its t is no number that can be right"),  # nanoseconds
        ({"t": ms(date(2024, 6, 3))}, "its time is outside of the request, 2024-05-28 to 2024-05-30"),
        ({"t": 1.5}, "its t is no whole number from 0"),
    ],
)
def test_a_bad_row_is_set_aside_with_its_reason_and_the_others_are_kept(
    changed: dict[str, object], reason: str
) -> None:
    rows = daily()
    rows[1] = {name: value for name, value in {**rows[1], **changed}.items() if value is not ...}

    parsed = parse(answer(rows))

    assert parsed.table.column("date").to_pylist() == [DAYS[0], DAYS[2]]
    assert [one.reason for one in parsed.set_aside] == [reason]
    assert '"vw"' in parsed.set_aside[0].row


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "1E999", "-1e5000", "9" * 5_000])
@pytest.mark.parametrize("name", ["o", "v", "t", "n", "vw"])
def test_a_number_that_is_none_spoils_its_row_and_no_other(number: str, name: str) -> None:
    rows = daily()
    rows[1][name] = "HERE"
    body = answer(rows).replace(b'"HERE"', number.encode())

    parsed = parse(body)

    assert parsed.table.column("date").to_pylist() == [DAYS[0], DAYS[2]]
    assert len(parsed.set_aside) == 1
    assert all(math.isfinite(value) for value in parsed.table.column("open").to_pylist())


def test_a_row_that_is_no_object_is_set_aside() -> None:
    parsed = parse(answer([*daily(), None, 7, "x", [1]]))

    assert parsed.table.num_rows == 3
    assert [one.reason for one in parsed.set_aside] == ["it is no object"] * 4


def test_rows_out_of_order_are_sorted_and_doubles_are_set_aside() -> None:
    rows = daily()
    rows = [rows[2], rows[0], rows[0], rows[1], bar(ms(DAYS[1]), 99.0)]

    parsed = parse(answer(rows))

    assert parsed.table.column("date").to_pylist() == list(DAYS)
    assert parsed.table.column("open").to_pylist() == [10.0, 11.0, 12.0]
    assert [one.reason for one in parsed.set_aside] == [
        "its time came before in the same answer, the same values",
        "its time came before in the same answer, with other values",
    ]


def test_two_daily_bars_of_one_session_are_not_both_kept() -> None:
    parsed = parse(answer([bar(ms(DAYS[0])), bar(ms(DAYS[0], 1))]))

    assert parsed.table.num_rows == 1
    assert len(parsed.set_aside) == 1


@pytest.mark.parametrize(
    "body",
    [
        answer(daily(), ticker="OTHER"),
        answer(daily(), ticker="acme"),
        answer(daily(), ticker=...),
        answer(daily(), ticker=None),
        answer(None, resultsCount=5),
        answer(None, count=5),
        answer(daily(), count=2),
        answer(daily(), results={"a": 1}),
        answer(daily(), status=...),
        answer(daily(), status="ERROR", error="Something broke"),
        answer(daily(), status=["OK"]),
        answer(daily(), adjusted=True),
        answer(daily(), adjusted="no"),
        answer(daily(), next_url=5),
        answer(daily(), resultsCount=3.5),
        answer([bar(ms(day) // 1000) for day in DAYS]),  # every time in seconds
        answer([{"a": 1}]),
        dumps({}),
        b"[]",
        b'"text"',
        b"7",
        b"null",
    ],
)
def test_an_answer_that_cannot_be_trusted_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedPage):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  \n",
        b"<html><body>Maintenance</body></html>",
        answer(daily())[:200],
        answer(daily())[:-1],
        answer(daily()) + b"x",
        b"\xef\xbb\xbf" + answer(daily()),
        answer(daily()).replace(b"ACME", b"AC\xffE"),
        answer(daily()).replace(b'"request_id"', b'"re\xffuest_id"'),
    ],
)
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(NotJson):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [
        answer(daily()).replace(b'"o":11.0', b'"o":11.0,"o":12.0'),
        answer(daily()).replace(b'"o":11.0', b'"o":11.0,"\\u006f":12.0'),
        answer(daily()).replace(b'"status":"OK"', b'"status":"OK","status":"OK"'),
        answer(daily()).replace(b'"results":', b'"results":[],"results":'),
        answer(daily()).replace(b"6a7e46", b"\\ud800"),
        answer(daily(), extra=1).replace(b'"extra":1', b'"extra":' + b"[" * 90_000 + b"]" * 90_000),
        answer(daily(), extra=1).replace(b'"extra":1', b'"extra":' + b"[" * 500 + b"]" * 500),
    ],
)
def test_two_meanings_half_letters_and_depth_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedPage):
        parse(body)


@pytest.mark.parametrize(
    ("status", "text", "expected"),
    [
        ("NOT_AUTHORIZED", "Your plan doesn't include this data timeframe. Please upgrade", NotEntitled),
        ("ERROR", "You've exceeded the maximum requests per minute, please wait", RateLimited),
        ("ERROR", "whatever", MalformedPage),
    ],
)
def test_an_error_inside_a_200_is_an_error(status: str, text: str, expected: type[ProviderError]) -> None:
    with pytest.raises(expected):
        parse(dumps({"status": status, "error": text}))


def test_an_adjusted_answer_is_wanted_when_it_was_asked_for() -> None:
    asked = part()

    assert massive_bars.parse_page(answer(daily(), adjusted=True), asked, adjusted=True).table.num_rows == 3
    with pytest.raises(MalformedPage, match="raw prices; adjusted ones were asked for"):
        massive_bars.parse_page(answer(daily()), asked, adjusted=True)


def test_a_week_may_begin_before_the_first_date_asked_for() -> None:
    sunday = date(2024, 5, 26)

    parsed = parse(answer([bar(ms(sunday))]), spec=BarSpec(Timespan.WEEK))

    assert parsed.table.column("date").to_pylist() == [sunday]


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [("ACME", date(2024, 5, 28)), ("X:BTCUSD", date(2024, 5, 29)), ("C:EURUSD", date(2024, 5, 29))],
)
def test_days_are_new_york_s_for_stocks_and_utc_s_for_currencies(ticker: str, expected: date) -> None:
    at = int(datetime(2024, 5, 29, 1, tzinfo=UTC).timestamp() * 1000)

    parsed = parse(answer([bar(at)], ticker=ticker), ticker=ticker, spec=MINUTE)

    assert parsed.table.column("date").to_pylist() == [expected]


def test_an_index_may_stand_below_zero() -> None:
    parsed = parse(answer([bar(ms(DAYS[0]), -5.0, v=..., vw=..., n=...)], ticker="I:X"), ticker="I:X")

    assert parsed.table.num_rows == 1
