"""MassiveDownloader against the emulator: what its callers get, and what goes over the wire."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa
import pytest

from redline.clock import Watch
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.errors import (
    BadField,
    BadName,
    BadRange,
    Cancelled,
    InvalidKey,
    MissingKey,
    NotEntitled,
    RedlineError,
    UnknownTicker,
)
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import Dataset
from redline.market.schema import BAR_COLUMNS
from redline.net.budget import Budgets
from redline.testing import Emulator, FakeClock
from tests.downloaders.conftest import KEY, Make, Vendor

SPLIT_SPAN = ("2020-08-24", "2020-09-04")  # AAPL split 4 for 1 on 2020-08-31.
MINUTE = BarSpec(Timespan.MINUTE)


def bars(ticker: str, start: str, end: str, spec: BarSpec | None = None) -> Part:
    return Part("massive", Dataset.BARS, ticker, date.fromisoformat(start), date.fromisoformat(end), spec or BarSpec())


def test_one_ticker_costs_one_call_and_gives_the_promised_columns(make: Make, emulator: Emulator) -> None:
    frame = make(emulator.rest).download_single_ticker("AAPL", *SPLIT_SPAN)

    assert tuple(frame.columns) == BAR_COLUMNS
    assert str(frame["timestamp"].dtype) == "datetime64[ns, UTC]"
    assert len(frame) == 10  # Sessions of two weeks without a holiday.
    assert len(emulator.ledger()) == 1


def test_adjusted_is_the_vendor_s_answer_and_raw_is_what_was_printed(make: Make, emulator: Emulator) -> None:
    downloader = make(emulator.rest)

    adjusted = downloader.download_single_ticker("AAPL", *SPLIT_SPAN)
    raw = downloader.download_single_ticker("AAPL", *SPLIT_SPAN, adjusted=False)

    assert raw["close"][0] / adjusted["close"][0] == pytest.approx(4, rel=1e-4)
    assert raw["close"].iloc[-1] == adjusted["close"].iloc[-1]


def test_the_key_travels_in_the_header_and_nowhere_else(make: Make, vendor: Vendor) -> None:
    vendor.says(b'{"ticker":"ACME","resultsCount":0,"adjusted":true,"status":"OK","request_id":"x"}')
    downloader = make(vendor.origin)

    with pytest.raises(RedlineError) as caught:
        downloader.download_single_ticker("ACME", *SPLIT_SPAN)

    assert all(KEY not in path for path in vendor.asked)
    assert vendor.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(downloader) + str(caught.value) + repr(caught.value.as_json())


def test_without_dates_it_is_the_year_up_to_the_last_finished_session(make: Make, vendor: Vendor) -> None:
    vendor.says(b'{"ticker":"ACME","resultsCount":0,"adjusted":true,"status":"OK","request_id":"x"}')
    vendor.says(b'{"status":"OK","results":{"ticker":"ACME","name":"Acme"}}')

    frame = make(vendor.origin, clock=FakeClock(datetime(2024, 6, 3, 15, 0, tzinfo=UTC))).download_single_ticker("ACME")

    assert "/range/1/day/2023-05-31/2024-05-31?" in vendor.asked[0]  # Friday, for Monday's session goes on.
    assert tuple(frame.columns) == BAR_COLUMNS
    assert frame.empty


def test_an_unknown_ticker_is_an_error_and_not_an_empty_frame(make: Make, emulator: Emulator) -> None:
    with pytest.raises(UnknownTicker, match="NOSUCH"):
        make(emulator.rest).download_single_ticker("NOSUCH", *SPLIT_SPAN)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("AAPL", "2020-09-04", "2020-08-24"), BadRange),
        (("AAPL", "2020-08", "2020-09-04"), BadField),
        (("AAPL", "2020-08-01", "2999-01-01"), BadRange),
        (("AAPL", "2020-02-30", "2020-09-04"), BadField),
        (("BRK/B", *SPLIT_SPAN), BadName),
        (("..", *SPLIT_SPAN), BadName),
        (("A" * 300, *SPLIT_SPAN), BadName),
        (("A B", *SPLIT_SPAN), BadName),
        (("", *SPLIT_SPAN), BadField),
        ((["AAPL"], *SPLIT_SPAN), BadField),
    ],
)
def test_wrong_arguments_are_named_before_anything_is_sent(
    make: Make, emulator: Emulator, arguments: tuple[str, str, str], expected: type[RedlineError]
) -> None:
    with pytest.raises(expected):
        make(emulator.rest).download_single_ticker(*arguments)
    assert emulator.ledger() == []


@pytest.mark.parametrize(
    ("timespan", "multiplier", "adjusted"),
    [("fortnight", 1, True), ("day", 0, True), ("day", -1, True), ("day", 1.5, True), ("day", 1, "perhaps")],
)
def test_a_wrong_timespan_multiplier_or_flag_is_named(
    make: Make, emulator: Emulator, timespan: str, multiplier: int, adjusted: bool
) -> None:
    with pytest.raises(BadField):
        make(emulator.rest).download_single_ticker(
            "AAPL", *SPLIT_SPAN, timespan=timespan, multiplier=multiplier, adjusted=adjusted
        )
    assert emulator.ledger() == []


@pytest.mark.parametrize("timespan", ["minute", "hour", "day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("multiplier", [1, 2])
def test_every_timespan_gives_the_vendor_s_rows(make: Make, emulator: Emulator, timespan: str, multiplier: int) -> None:
    downloader = make(emulator.rest)
    theirs = list(downloader.client.list_aggs("AAPL", multiplier, timespan, *SPLIT_SPAN, limit=50_000))

    frame = downloader.download_single_ticker("AAPL", *SPLIT_SPAN, timespan=timespan, multiplier=multiplier)

    assert [stamp.value // 1_000_000 for stamp in frame["timestamp"]] == [bar.timestamp for bar in theirs]
    assert list(frame["close"]) == [bar.close for bar in theirs]
    assert list(frame["volume"]) == [bar.volume for bar in theirs]
    assert len(frame) > 0


def test_pages_of_minutes_are_whole_sessions_and_lose_nothing(make: Make, emulator: Emulator) -> None:
    downloader = make(emulator.rest)
    part = bars("AAPL", "2020-01-02", "2020-07-31", MINUTE)

    pages = list(downloader.pages(part, Watch()))

    assert len(pages) > 1
    assert (pages[0].first, pages[-1].last) == (part.start, part.end)
    rows = pa.concat_tables([page.table for page in pages])
    served = sum(entry["rows"] for entry in emulator.ledger())
    assert rows.num_rows == served
    assert len(emulator.ledger()) <= downloader.calls_for(part, 147)  # Sessions of these months.
    assert len(set(rows.column("timestamp").to_pylist())) == served


def test_several_tickers_come_in_order_and_failures_are_told(make: Make, emulator: Emulator) -> None:
    downloader = make(emulator.rest)

    frames = downloader.download_multiple_tickers(["MSFT", "NOSUCH", "AAPL", "BRK/B", "MSFT"], *SPLIT_SPAN)

    assert list(frames) == ["MSFT", "AAPL"]
    assert {ticker: type(error) for ticker, error in downloader.failures.items()} == {
        "NOSUCH": UnknownTicker,
        "BRK/B": BadName,
    }


def test_a_text_is_no_list_of_tickers(make: Make, emulator: Emulator) -> None:
    with pytest.raises(BadField):
        make(emulator.rest).download_multiple_tickers("AAPL", *SPLIT_SPAN)


def test_a_rejected_key_says_so_and_stops_at_the_first_request(make: Make, emulator: Emulator) -> None:
    downloader = make(emulator.rest, key="another-key")

    with pytest.raises(ValueError, match=r"Invalid Massive\.com API key"):
        downloader.download_multiple_tickers(["AAPL", "MSFT"], *SPLIT_SPAN)
    assert len(emulator.ledger()) == 1


def test_a_key_revoked_on_the_way_fails_the_rest_without_asking(make: Make, emulator: Emulator) -> None:
    emulator.faults([{"match": {"nth": 2, "times": 0}, "do": {"status": 401}}])
    downloader = make(emulator.rest)

    frames = downloader.download_multiple_tickers(["AAPL", "MSFT", "IBM"], *SPLIT_SPAN)

    assert list(frames) == ["AAPL"]
    assert {ticker: type(error) for ticker, error in downloader.failures.items()} == {
        "MSFT": InvalidKey,
        "IBM": InvalidKey,
    }
    assert len(emulator.ledger()) == 2


@pytest.mark.parametrize("key", ["", "  ", None])
def test_no_key_is_said(key: str, make: Make) -> None:
    with pytest.raises(MissingKey, match=r"Massive\.com API key required"):
        make("http://127.0.0.1:9", key=key)


@pytest.mark.parametrize("key", ["two words", "umlaut-ä", "line\nbreak", "x" * 300])
def test_a_key_that_fits_no_header_is_refused_and_not_shown(key: str, make: Make) -> None:
    with pytest.raises(BadField) as caught:
        make("http://127.0.0.1:9", key=key)
    assert key not in str(caught.value)


def test_the_delay_and_the_limit_are_two_names_of_one_thing(make: Make, tmp_path: object) -> None:
    downloader = make("http://127.0.0.1:9", limit=10)

    assert downloader.rate_limit_delay == 6.0
    downloader.rate_limit_delay = 12.0
    assert downloader.rate_limit_delay == 12.0
    with pytest.raises(BadField):
        downloader.rate_limit_delay = 0


def test_a_caller_without_a_limit_uses_the_key_s(tmp_path: pytest.TempPathFactory, clock: FakeClock) -> None:
    budgets = Budgets(tmp_path / "b.db", clock)  # type: ignore[operator]
    common = {"base_url": "http://127.0.0.1:9", "budgets": budgets, "clock": clock}

    first = MassiveDownloader(KEY, **common).rate_limit_delay  # type: ignore[arg-type]
    MassiveDownloader(KEY, rate_limit_per_minute=5, **common)  # type: ignore[arg-type]
    second = MassiveDownloader(KEY, **common).rate_limit_delay  # type: ignore[arg-type]
    budgets.close()

    assert (first, second) == (6.0, 12.0)


def test_somebody_who_asks_to_stop_is_heard_between_pages(make: Make, emulator: Emulator) -> None:
    stop = threading.Event()
    pages = make(emulator.rest).pages(bars("AAPL", "2020-01-02", "2020-07-31", MINUTE), Watch(cancel=stop))
    next(pages)
    stop.set()

    with pytest.raises(Cancelled):
        next(pages)


def test_every_request_is_told_and_counted(make: Make, emulator: Emulator) -> None:
    told: list[str] = []
    downloader = make(emulator.rest)

    list(downloader.pages(bars("AAPL", *SPLIT_SPAN), Watch(on_request=told.append)))
    list(downloader.client.list_splits(ticker="AAPL"))

    assert told == ["aggs"]
    assert len(emulator.ledger()) == 2


# -- plans ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plan", "trades", "quotes", "second_bars", "limit"),
    [
        ("basic", False, False, False, 5),
        ("starter", False, False, True, 600),
        ("developer", True, False, True, 600),
        ("advanced", True, True, True, 600),
    ],
)
def test_a_test_of_the_key_finds_its_plan(
    make: Make, emulator: Emulator, plan: str, trades: bool, quotes: bool, second_bars: bool, limit: int
) -> None:
    emulator.plan(plan)

    found = make(emulator.rest).test_key(Watch())

    assert found["plan"] == plan
    assert found["entitlements"] == {"trades": trades, "quotes": quotes, "second_bars": second_bars}
    assert found["rate_limit_per_minute"] == limit
    assert found["calls"] == len(emulator.ledger()) <= 4


def test_a_test_of_a_wrong_key_says_that_it_is_wrong(make: Make, emulator: Emulator) -> None:
    with pytest.raises(InvalidKey):
        make(emulator.rest, key="another-key").test_key(Watch())


def test_a_basic_key_finds_what_it_covers_within_its_five_calls(make: Make) -> None:
    error = NotEntitled("massive", "it", "timeframe", timeframe=True)
    whole = bars("AAPL", "2010-01-04", "2021-04-01")

    tried = make("http://127.0.0.1:9", limit=5).narrower(whole, error, date(2021, 4, 1))

    assert date(2021, 4, 1) - tried[3].start == timedelta(days=731)  # The refused call and four more.


@pytest.mark.parametrize(("plan", "days"), [("basic", 731), ("starter", 1827), ("developer", 3653)])
def test_what_a_plan_covers_of_a_range_is_found(make: Make, plan: str, days: int) -> None:
    today = date(2021, 4, 1)
    with Emulator(plan=plan, now="2021-04-01T15:00:00-04:00", key=KEY) as emulator:
        emulator.plan(plan, calls=100)
        downloader = make(emulator.rest)
        whole = bars("AAPL", "2010-01-04", "2021-03-31")
        with pytest.raises(NotEntitled) as refused:
            list(downloader.pages(whole, Watch()))
        for smaller in downloader.narrower(whole, refused.value, today):
            try:
                list(downloader.pages(smaller, Watch()))
            except NotEntitled:
                continue
            break

    assert (today - smaller.start).days == days
    assert smaller.end == whole.end


def test_a_403_for_the_data_itself_has_nothing_smaller_to_try(make: Make) -> None:
    error = NotEntitled("massive", "it", "You are not entitled to this data.")

    assert make("http://127.0.0.1:9").narrower(bars("AAPL", "2010-01-04", "2021-03-31"), error, date(2021, 4, 1)) == ()


def test_today_alone_is_left_out_first_and_can_leave_nothing(make: Make) -> None:
    error = NotEntitled("massive", "it", "timeframe", timeframe=True)
    today = date(2021, 4, 1)
    downloader = make("http://127.0.0.1:9")

    assert downloader.narrower(bars("AAPL", "2021-03-01", "2021-04-01"), error, today) == (
        bars("AAPL", "2021-03-01", "2021-03-31"),
    )
    assert downloader.narrower(bars("AAPL", "2021-04-01", "2021-04-01"), error, today) == ()


@pytest.mark.parametrize(
    ("spec", "ticker", "sessions", "calls"),
    [
        (BarSpec(), "AAPL", 6_000, 1),
        (BarSpec(Timespan.MONTH), "AAPL", 6_000, 1),
        (MINUTE, "AAPL", 52, 1),  # 52 sessions of 960 minutes are 49,920.
        (MINUTE, "AAPL", 53, 2),
        (BarSpec(Timespan.HOUR), "AAPL", 52, 1),
        (BarSpec(Timespan.HOUR), "AAPL", 521, 11),
        (BarSpec(Timespan.SECOND), "AAPL", 1, 2),
        (MINUTE, "X:BTCUSD", 35, 2),
        (MINUTE, "AAPL", 0, 1),
    ],
)
def test_the_bill_counts_base_bars(make: Make, spec: BarSpec, ticker: str, sessions: int, calls: int) -> None:
    part = bars(ticker, "2024-01-01", "2024-12-31", spec)

    assert make("http://127.0.0.1:9").calls_for(part, sessions) == calls
