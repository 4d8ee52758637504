"""Bars as the vendor serves them: limit, snapping, paging, adjustment, spelling."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest

from redline.emulator.__main__ import DEMO_MARKET
from tests.emulator.asking import Asking

NEW_YORK = ZoneInfo("America/New_York")


def bars(ticker: str, multiplier: int, timespan: str, start: str, end: str, query: str = "") -> str:
    return f"/v2/aggs/ticker/{ticker}/range/{multiplier}/{timespan}/{start}/{end}?{query}"


def local(t: int) -> datetime:
    return datetime.fromtimestamp(t / 1000, NEW_YORK)


def held(ticker: str, start: date, end: date) -> list[dict[str, Any]]:
    filters = [("ticker", "=", ticker), ("date", ">=", start), ("date", "<=", end)]
    rows: list[dict[str, Any]] = pq.read_table(DEMO_MARKET / "bars_day.parquet", filters=filters).to_pylist()
    return rows


def test_raw_days_are_the_rows_of_the_folder_stamped_at_new_york_midnight(ask: Asking) -> None:
    answer = ask.answer(bars("AAPL", 1, "day", "2020-08-01", "2020-10-01", "adjusted=false"))

    wanted = held("AAPL", date(2020, 8, 1), date(2020, 10, 1))
    assert [local(row["t"]) for row in answer["results"]] == [
        datetime(day.year, day.month, day.day, tzinfo=NEW_YORK) for day in (row["date"] for row in wanted)
    ]
    for short, name in (("o", "open"), ("h", "high"), ("l", "low"), ("c", "close"), ("v", "volume")):
        assert [row[short] for row in answer["results"]] == [row[name] for row in wanted]
    assert list(answer) == [
        "ticker",
        "queryCount",
        "resultsCount",
        "adjusted",
        "results",
        "status",
        "request_id",
        "count",
    ]
    assert answer["count"] == answer["resultsCount"] == answer["queryCount"] == len(wanted)


def test_adjusted_is_the_default_and_divides_by_splits_after_the_day_only(ask: Asking) -> None:
    raw = ask.rows(bars("AAPL", 1, "day", "2014-06-05", "2020-09-02", "adjusted=false"))
    adjusted = ask.rows(bars("AAPL", 1, "day", "2014-06-05", "2020-09-02"))

    assert [row["t"] for row in raw] == [row["t"] for row in adjusted]
    for before, after in zip(raw, adjusted, strict=True):
        day = local(before["t"]).date()
        ratio = 28 if day < date(2014, 6, 9) else 4 if day < date(2020, 8, 31) else 1
        assert after["c"] == pytest.approx(before["c"] / ratio, abs=0.00006)  # four decimals
        assert after["v"] == before["v"] * ratio


def test_big_volumes_are_spelled_with_an_exponent_and_whole_prices_without_a_point(ask: Asking) -> None:
    text = ask.raw(bars("AAPL", 1, "day", "2020-08-31", "2020-08-31", "adjusted=false")).text

    assert '"v":2.23505733e+08,' in text
    assert '"o":127.58,' in text
    assert '"l":126,' in ask.raw(bars("AAPL", 1, "day", "2020-08-31", "2020-08-31")).text


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize(
    ("timespan", "limit"), [("day", 7), ("week", 9), ("month", 40), ("hour", 500), ("minute", 500)]
)
def test_pages_of_any_limit_hold_each_bar_once(ask: Asking, timespan: str, limit: int, order: str) -> None:
    span = ("2020-01-02", "2020-03-31") if timespan not in ("hour", "minute") else ("2020-03-06", "2020-03-10")
    whole = ask.answer(bars("IBM", 1, timespan, *span, f"limit=50000&sort={order}"))["results"]
    pages = ask.pages(bars("IBM", 1, timespan, *span, f"limit={limit}&sort={order}"))

    assert [row for page in pages for row in page["results"]] == whole
    assert len(pages) > 1
    assert all(0 < page["queryCount"] <= limit for page in pages)
    assert "next_url" not in pages[-1]


def test_limit_counts_base_bars_and_leaves_out_the_bar_it_would_cut(ask: Asking) -> None:
    """As in the vendor's example: what the limit cuts off is not returned as a bar."""
    page = ask.answer(bars("IBM", 1, "hour", "2020-03-06", "2020-03-06", "limit=100"))

    assert page["resultsCount"] == 2  # 9:30 to 10:00 has 30 minutes, 10:00 to 11:00 has 60
    assert page["queryCount"] == 90


def test_next_url_moves_from_on_keeps_adjusted_in_the_cursor_and_never_holds_the_key(ask: Asking) -> None:
    page = ask.answer(bars("IBM", 1, "day", "2020-01-02", "2020-03-31", f"limit=2&adjusted=false&apiKey={'x' * 20}"))

    url = urlsplit(page["next_url"])
    cursor = parse_qs(url.query)["cursor"][0]
    decoded = parse_qs(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode())
    midnight = int(datetime(2020, 1, 6, 5, tzinfo=UTC).timestamp() * 1000)  # the Monday after 2 and 3 January
    assert url.path == f"/v2/aggs/ticker/IBM/range/1/day/{midnight}/2020-03-31"
    assert decoded == {"adjusted": ["false"], "limit": ["2"], "sort": ["asc"]}
    assert f"{url.scheme}://{url.netloc}" == ask.rest
    assert "x" * 20 not in page["next_url"]


def test_an_exactly_full_last_page_has_no_next_url(ask: Asking) -> None:
    page = ask.answer(bars("IBM", 1, "day", "2020-01-02", "2020-01-08", "limit=5"))

    assert page["resultsCount"] == 5  # 2, 3, 6, 7, 8 January
    assert "next_url" not in page


def test_an_empty_range_has_no_results_key(ask: Asking) -> None:
    answer = ask.answer(bars("IBM", 1, "day", "2020-07-04", "2020-07-05"))

    assert {**answer, "request_id": "x"} == {
        "ticker": "IBM",
        "queryCount": 0,
        "resultsCount": 0,
        "adjusted": True,
        "status": "OK",
        "request_id": "x",
        "count": 0,
    }


@pytest.mark.parametrize(
    ("timespan", "first"),
    [("week", "2020-03-08"), ("month", "2020-03-01"), ("quarter", "2020-01-01"), ("year", "2020-01-01")],
)
def test_a_range_snaps_out_to_whole_windows(ask: Asking, timespan: str, first: str) -> None:
    """12 March 2020 is a Thursday; weeks start on Sunday, and that Sunday is the day the clocks changed."""
    rows = ask.rows(bars("IBM", 1, timespan, "2020-03-12", "2020-03-12", "adjusted=false"))
    days = {"week": ("2020-03-08", "2020-03-14"), "month": ("2020-03-01", "2020-03-31")}
    days |= {"quarter": ("2020-01-01", "2020-03-31"), "year": ("2020-01-01", "2020-12-31")}
    base = held("IBM", *(date.fromisoformat(text) for text in days[timespan]))

    (row,) = rows
    assert local(row["t"]).isoformat() == f"{first}T00:00:00-05:00"
    assert (row["o"], row["c"]) == (base[0]["open"], base[-1]["close"])
    assert (row["h"], row["l"]) == (max(one["high"] for one in base), min(one["low"] for one in base))
    assert row["v"] == sum(one["volume"] for one in base)


def test_milliseconds_and_dates_ask_for_the_same(ask: Asking) -> None:
    noon = int(datetime(2020, 3, 12, 16, tzinfo=UTC).timestamp() * 1000)

    by_ms = ask.rows(bars("IBM", 1, "day", str(noon), str(noon)))
    assert by_ms == ask.rows(bars("IBM", 1, "day", "2020-03-12", "2020-03-12"))


def test_simulated_minutes_stay_inside_the_real_day_and_are_the_same_each_time(ask: Asking) -> None:
    path = bars("AAPL", 1, "minute", "2020-11-25", "2020-11-27", "adjusted=false")
    rows = ask.rows(path)
    days = ask.rows(bars("AAPL", 1, "day", "2020-11-25", "2020-11-27", "adjusted=false"))

    assert len(rows) == 390 + 210  # 27 November 2020 closed at 13:00
    for day in days:
        inside = [row for row in rows if local(row["t"]).date() == local(day["t"]).date()]
        assert (inside[0]["o"], inside[-1]["c"]) == (day["o"], day["c"])
        assert (max(row["h"] for row in inside), min(row["l"] for row in inside)) == (day["h"], day["l"])
        assert sum(row["v"] for row in inside) == day["v"]
        assert all(row["l"] <= min(row["o"], row["c"]) <= max(row["o"], row["c"]) <= row["h"] for row in inside)
    assert ask.rows(path) == rows


def test_grouped_and_previous_day_are_stamped_at_the_close_and_named(ask: Asking) -> None:
    grouped = ask.answer("/v2/aggs/grouped/locale/us/market/stocks/2020-08-28?adjusted=false")
    previous = ask.answer("/v2/aggs/ticker/AAPL/prev")

    tickers = [row["T"] for row in grouped["results"]]
    assert tickers == sorted(tickers)
    assert len(tickers) == 12
    assert {local(row["t"]).isoformat() for row in grouped["results"]} == {"2020-08-28T16:00:00-04:00"}
    assert grouped["results"][0]["c"] == 499.23
    assert local(previous["results"][0]["t"]).isoformat() == "2021-04-21T16:00:00-04:00"  # the demo's last day
    assert previous["results"][0]["T"] == "AAPL"
    assert "results" not in ask.answer("/v2/aggs/grouped/locale/us/market/stocks/2020-08-29")


def test_open_close_is_the_day_or_a_404(ask: Asking) -> None:
    answer = ask.answer("/v1/open-close/AAPL/2020-08-28?adjusted=false")
    missing = ask.answer("/v1/open-close/AAPL/2020-08-29", status=404)

    assert (answer["from"], answer["symbol"], answer["close"]) == ("2020-08-28", "AAPL", 499.23)
    assert (missing["status"], missing["message"]) == ("NOT_FOUND", "Data not found.")


def test_gzip_is_one_whole_member_with_the_plain_bytes(ask: Asking) -> None:
    path = bars("AAPL", 1, "day", "2014-01-01", "2021-12-31")
    zipped, plain = ask.raw(path, **{"Accept-Encoding": "gzip"}), ask.raw(path, **{"Accept-Encoding": "identity"})

    assert zipped.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert zipped.json()["results"] == plain.json()["results"]
    assert zipped.headers["X-Request-Id"] == zipped.json()["request_id"]


def test_the_shared_folder_is_served_row_for_row(ask_real: Asking, shared: Any) -> None:
    filters = [("ticker", "=", "AAPL"), ("date", ">=", date(2014, 5, 1)), ("date", "<=", date(2014, 7, 1))]
    wanted = pq.read_table(shared / "bars_day.parquet", filters=filters).to_pylist()
    rows = ask_real.rows(bars("AAPL", 1, "day", "2014-05-01", "2014-07-01", "adjusted=false&limit=10"))

    assert [(row["o"], row["h"], row["l"], row["c"], row["v"]) for row in rows] == [
        tuple(row[name] for name in ("open", "high", "low", "close", "volume")) for row in wanted
    ]


def test_the_shared_folder_s_ticks_follow_the_vendor_s_rules(ask_real: Asking) -> None:
    newest = ask_real.answer("/v3/trades/IBM?timestamp=2013-10-07&limit=3")
    oldest = ask_real.answer("/v3/trades/IBM?timestamp=2013-10-07&limit=3&order=asc")
    pages = ask_real.pages("/v3/quotes/IBM?timestamp=2013-10-07&limit=50000")

    assert newest["results"][0]["sip_timestamp"] > oldest["results"][-1]["sip_timestamp"]
    assert "next_url" in newest
    assert sum(len(page["results"]) for page in pages) == 54_531  # the folder's README
    assert json.loads(ask_real.raw("/v3/trades/IBM?timestamp.gte=2030-01-01").text)["results"] == []
