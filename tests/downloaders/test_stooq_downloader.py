"""Stooq against its emulator: rows that equal the raw ones of the same market, and each of its ways to say no."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from redline.clock import Watch
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.downloaders.stooq_downloader import StooqDownloader
from redline.downloaders.stooq_errors import BrowserCheck, DailyLimit
from redline.errors import BadField, InvalidKey, MissingKey, ProviderUnavailable, RateLimited, RedlineError, Unsupported
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import Dataset
from redline.net.budget import Budgets
from redline.testing import Emulator, FakeClock

NOW = "2020-09-10T15:00:00+00:00"  # a Thursday, 11:00 in New York and 17:00 in Warsaw
KEY = "a-key-of-stooq-0123456789"
Make = Callable[..., StooqDownloader]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(key=KEY, now=NOW) as emulator:
        yield emulator


@pytest.fixture
def stooq_emulator(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.fromisoformat(NOW))


@pytest.fixture
def budgets(tmp_path: Path, clock: FakeClock) -> Iterator[Budgets]:
    opened = Budgets(tmp_path / "budgets.db", clock)
    yield opened
    opened.close()


@pytest.fixture
def make(stooq_emulator: Emulator, budgets: Budgets, clock: FakeClock, tmp_path: Path) -> Make:
    def made(key: str = KEY, base_url: str = stooq_emulator.stooq, limit: float | None = 60_000) -> StooqDownloader:
        return StooqDownloader(
            key, tmp_path, base_url=base_url, rate_limit_per_minute=limit, budgets=budgets, clock=clock, timeout=5.0
        )

    return made


def part(start: str, end: str, ticker: str = "AAPL", spec: BarSpec = BarSpec()) -> Part:  # noqa: B008
    return Part("stooq", Dataset.BARS, ticker, date.fromisoformat(start), date.fromisoformat(end), spec)


def table(downloader: Any, asked: Part) -> pa.Table:
    return pa.concat_tables([page.table for page in downloader.pages(asked, Watch())])


def says(emulator: Emulator, what: str, times: int = 1) -> None:
    emulator.faults([{"match": {"path": "/q/d/l", "times": times}, "do": {"says": what}}])


def test_days_before_and_after_splits_and_dividends_equal_the_raw_rows_of_the_same_market(
    make: Make, stooq_emulator: Emulator, budgets: Budgets, clock: FakeClock
) -> None:
    asked = part("2014-01-02", "2020-09-09")  # over 7:1, 4:1 and 27 dividends
    vendor = MassiveDownloader(
        KEY, "data", base_url=stooq_emulator.rest, rate_limit_per_minute=60_000, budgets=budgets, clock=clock
    )

    ours, theirs = table(make(), asked), table(vendor, asked)

    same = ["ticker", "timestamp", "date", "open", "high", "low", "close", "volume"]
    assert ours.num_rows == 1_684
    assert ours.select(same).equals(theirs.select(same))
    assert set(ours["source"].to_pylist()) == {"stooq"}
    assert len([one for one in stooq_emulator.ledger() if one["path"].startswith("/q/")]) == 1


def test_names_are_mapped_and_days_of_pairs_are_utc(tmp_path: Path, budgets: Budgets, clock: FakeClock) -> None:
    names, day = ["BRK.B", "I:SPX", "I:COMP", "X:BTCUSD", "C:EURUSD"], date(2020, 9, 8)
    prices = {name: [10.5] * len(names) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"ticker": names, "date": [day] * len(names), **prices}), tmp_path / "bars_day.parquet")
    with Emulator(tmp_path, now=NOW) as emulator:
        source = StooqDownloader(
            KEY, base_url=emulator.stooq, rate_limit_per_minute=60_000, budgets=budgets, clock=clock
        )
        rows = [row for name in names for row in table(source, part("2020-09-08", "2020-09-08", name)).to_pylist()]

    assert [row["ticker"] for row in rows] == names
    assert [row["timestamp"].hour for row in rows] == [4, 4, 4, 0, 0]
    assert [row["volume"] for row in rows] == [10.0, 10.0, 10.0, None, None]


def test_adjusted_prices_are_in_todays_shares(make: Make) -> None:
    frame = make().download_single_ticker("AAPL", "2020-08-28", "2020-08-31")

    assert frame["close"].tolist() == [124.8075, 129.04]


def test_weeks_and_months_begin_where_all_others_do_and_the_unfinished_one_is_set_aside(make: Make) -> None:
    weeks = list(make().pages(part("2020-08-23", "2020-09-12", spec=BarSpec(Timespan.WEEK)), Watch()))
    months = list(make().pages(part("2020-08-01", "2020-09-30", spec=BarSpec(Timespan.MONTH)), Watch()))

    assert weeks[0].table["date"].to_pylist() == [date(2020, 8, 23), date(2020, 8, 30)]
    assert months[0].table["date"].to_pylist() == [date(2020, 8, 1)]
    assert months[0].table["timestamp"].to_pylist() == [datetime(2020, 8, 1, 4, tzinfo=UTC)]
    for pages in (weeks, months):
        assert [one.reason for one in pages[0].set_aside] == ["its session, week or month is not over"]


def test_the_session_under_way_gives_no_bar(make: Make, vendor: Any) -> None:
    """The emulator has no row for it; Stooq may have one."""
    vendor.says(b"Date,Open,High,Low,Close,Volume\r\n2020-09-09,1,2,1,2,9\r\n2020-09-10,2,3,2,3,1\r\n")

    pages = list(make(base_url=vendor.origin).pages(part("2020-09-09", "2020-09-10"), Watch()))

    assert pages[0].table["date"].to_pylist() == [date(2020, 9, 9)]
    assert [one.row for one in pages[0].set_aside] == ["2020-09-10,2,3,2,3,1"]


@pytest.mark.parametrize("spec", [BarSpec(Timespan.DAY, 2), BarSpec(Timespan.MINUTE), BarSpec(Timespan.YEAR)], ids=str)
def test_a_length_that_it_has_not_is_unsupported(make: Make, stooq_emulator: Emulator, spec: BarSpec) -> None:
    with pytest.raises(Unsupported, match="bars"):
        make().pages(part("2020-09-01", "2020-09-02", spec=spec), Watch())
    assert stooq_emulator.ledger() == []


def test_weeks_of_what_trades_on_sundays_are_unsupported(make: Make) -> None:
    with pytest.raises(Unsupported, match="begin on a Sunday"):
        make().pages(part("2020-09-06", "2020-09-12", "X:BTCUSD", BarSpec(Timespan.WEEK)), Watch())


def test_a_browser_check_is_said_at_once_and_not_asked_again(make: Make, stooq_emulator: Emulator) -> None:
    says(stooq_emulator, "browser_check", times=9)

    with pytest.raises(BrowserCheck, match="checks for a browser") as caught:
        make().download_single_ticker("AAPL", "2020-09-08", "2020-09-09")

    assert isinstance(caught.value, ProviderUnavailable)
    assert "read_bulk" in caught.value.hint
    assert len(stooq_emulator.ledger()) == 1


def test_the_daily_limit_is_an_error_at_once_and_nothing_is_sent_until_midnight_in_warsaw(
    make: Make, stooq_emulator: Emulator, clock: FakeClock
) -> None:
    says(stooq_emulator, "hits_limit")
    stooq = make()

    for _ in range(2):  # the second one is known without asking
        with pytest.raises(DailyLimit, match="daily limit is used up") as caught:
            stooq.download_single_ticker("AAPL", "2020-09-08", "2020-09-09")
        assert isinstance(caught.value, RateLimited)
        assert caught.value.as_json()["until"] == "2020-09-10T22:00:00Z"
        assert "2020-09-10 22:00 UTC" in caught.value.hint
    assert len(stooq_emulator.ledger()) == 1
    assert clock.slept == []
    clock.advance(7 * 3_600 + 1)
    assert len(stooq.download_single_ticker("AAPL", "2020-09-08", "2020-09-09")) == 2


def test_a_long_wait_that_its_server_names_is_not_called_the_daily_limit(make: Make, vendor: Any) -> None:
    vendor.says(b"slow down", status=429, Retry_After="2000")

    with pytest.raises(RateLimited) as caught:
        make(base_url=vendor.origin).download_single_ticker("AAPL", "2020-09-08", "2020-09-09")
    assert not isinstance(caught.value, DailyLimit)
    assert caught.value.retry_after_s == 2_000


@pytest.mark.parametrize(("key", "error"), [("", MissingKey), ("another-key", InvalidKey)])
def test_the_way_to_a_key_is_no_data(make: Make, stooq_emulator: Emulator, key: str, error: type[Exception]) -> None:
    with pytest.raises(error, match="API key"):
        make(key=key).download_single_ticker("AAPL", "2020-09-08", "2020-09-09")
    assert len(stooq_emulator.ledger()) == 1


def test_no_data_is_an_unknown_ticker_only_when_it_has_no_rows_at_all(make: Make, stooq_emulator: Emulator) -> None:
    pages = list(make().pages(part("2020-08-29", "2020-08-30"), Watch()))

    assert [(page.table.num_rows, page.first, page.last) for page in pages] == [
        (0, date(2020, 8, 29), date(2020, 8, 30))
    ]
    assert "No data" in pages[0].answer
    assert make().listing("AAPL", Watch()).known
    assert not make().listing("NOSUCH", Watch()).known
    assert all("i=m" in one["query"] for one in stooq_emulator.ledger()[1:])


@pytest.mark.parametrize("body", [b"<html><body>Welcome to this hotel</body></html>", b"", b"Hello"])
def test_a_page_of_somebody_else_makes_no_ticker_known_and_no_key_good(make: Make, vendor: Any, body: bytes) -> None:
    vendor.says(body)
    stooq = make(base_url=vendor.origin)

    for call in (lambda: stooq.listing("AAPL", Watch()), lambda: stooq.test_key(Watch())):
        with pytest.raises(RedlineError) as caught:
            call()
        assert caught.value.code == "malformed_page"


def test_html_at_200_is_asked_once_more_and_then_an_error(make: Make, vendor: Any) -> None:
    vendor.says(b"<html><body>Welcome to this hotel</body></html>")

    with pytest.raises(RedlineError, match="is an HTML page") as caught:
        make(base_url=vendor.origin).download_single_ticker("AAPL", "2020-09-08", "2020-09-09")
    assert caught.value.code == "malformed_page"
    assert len(vendor.asked) == 2


@pytest.mark.parametrize(
    ("status", "code", "times"),
    [
        (404, "unsupported", 1),
        (403, "provider_error", 1),
        (302, "malformed_page", 2),
        (418, "provider_error", 1),
        (503, "provider_unavailable", 3),
    ],
)
def test_each_status_is_an_error_of_its_own(make: Make, vendor: Any, status: int, code: str, times: int) -> None:
    vendor.says(b"no", status=status)

    with pytest.raises(RedlineError) as caught:
        make(base_url=vendor.origin).download_single_ticker("AAPL", "2020-09-08", "2020-09-09")
    assert caught.value.code == code
    assert len(vendor.asked) == times


def test_the_key_is_a_parameter_of_its_own_escaped_and_in_no_log(
    make: Make, vendor: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "urllib3")  # Which ``install_logging`` of another test may have quietened.
    vendor.says(b"No data")
    key = "a/b+c=d&e-0123456789"

    table(make(key=key, base_url=vendor.origin), part("2020-09-08", "2020-09-09", "BRK.B"))

    assert vendor.asked == [
        "/q/d/l/?s=brk-b.us&i=d&d1=20200908&d2=20200909&o=1111111&apikey=a%2Fb%2Bc%3Dd%26e-0123456789"
    ]
    assert "apikey=" in caplog.text  # the HTTP library does log addresses
    assert "0123456789" not in caplog.text


def test_without_a_key_none_is_sent(make: Make, vendor: Any) -> None:
    vendor.says(b"No data")

    table(make(key="", base_url=vendor.origin), part("2020-09-08", "2020-09-09", "C:EURUSD"))

    assert vendor.asked == ["/q/d/l/?s=eurusd&i=d&d1=20200908&d2=20200909"]


@pytest.mark.parametrize("key", ["with space", "a-key\tof-tabs", "ключ", "x" * 257])
def test_a_key_that_can_be_none_is_refused_without_showing_it(make: Make, key: str) -> None:
    with pytest.raises(BadField) as caught:
        make(key=key)
    assert key not in str(caught.value)


def test_it_starts_with_ten_requests_a_minute_shared_by_all(make: Make) -> None:
    assert make(limit=None).rate_limit_delay == 6.0
    make(limit=20)
    assert make(limit=None).rate_limit_delay == 3.0


def test_it_works_without_an_engine_with_the_key_of_the_environment(
    stooq_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("REDLINE_STATE_DIR", "REDLINE_CONFIG_DIR", "REDLINE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("STOOQ_BASE_URL", stooq_emulator.stooq)
    monkeypatch.setenv("STOOQ_API_KEY", KEY)

    frame = StooqDownloader(rate_limit_per_minute=60_000).download_single_ticker("KO", "2020-09-08", "2020-09-09")

    assert len(frame) == 2
