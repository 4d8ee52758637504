"""Yahoo against its emulator: rows that equal the raw ones of the same market, and what it has not, said plainly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from redline.clock import Watch
from redline.downloaders.massive_downloader import MassiveDownloader
from redline.downloaders.yahoo_downloader import YahooDownloader
from redline.errors import NotEntitled, ProviderUnavailable, RateLimited, UnknownTicker, Unsupported
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import Dataset
from redline.net.budget import Budgets
from redline.testing import Emulator, FakeClock

NOW = "2020-09-10T15:00:00+00:00"  # a Thursday, 11:00 in New York
SPLIT = ("AAPL", "AIG", "AMZN", "BRK.B", "KO", "ORCL", "USO")
KEY = "a-key-for-tests-0123456789"
SHARED = Path(__file__).parents[3] / "shared" / "market-data"
PRICES = ["open", "high", "low", "close"]
Make = Callable[..., YahooDownloader]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(now=NOW) as emulator:
        yield emulator


@pytest.fixture
def yahoo_emulator(running: Emulator) -> Emulator:
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
def yahoo(yahoo_emulator: Emulator, budgets: Budgets, clock: FakeClock, tmp_path: Path) -> YahooDownloader:
    return YahooDownloader(
        tmp_path, base_url=yahoo_emulator.yahoo, rate_limit_per_minute=60_000, budgets=budgets, clock=clock, timeout=5.0
    )


def massive(emulator: Emulator, budgets: Budgets, clock: FakeClock) -> MassiveDownloader:
    return MassiveDownloader(
        KEY, "data", base_url=emulator.rest, rate_limit_per_minute=60_000, budgets=budgets, clock=clock
    )


def part(start: str, end: str, ticker: str = "AAPL", spec: BarSpec = BarSpec(), **more: Any) -> Part:  # noqa: B008
    return Part("yahoo", Dataset.BARS, ticker, date.fromisoformat(start), date.fromisoformat(end), spec, **more)


def table(downloader: Any, asked: Part) -> pa.Table:
    return pa.concat_tables([page.table for page in downloader.pages(asked, Watch())])


def same(ours: Any, theirs: Any, *, volumes: bool = True) -> bool:
    """Whether rows are equal: prices bit by bit, but for one in a hundred, and that within a step of a 32-bit number.

    Four decimals above 2,048 dollars are finer than such a number; so is 161.059998, which another source made of one.
    """
    mine, other = ours.to_pandas(), theirs.to_pandas()
    exact = ["ticker", "timestamp", "date", *(["volume"] if volumes else [])]
    far = np.abs(mine[PRICES] - other[PRICES]) > 1.2e-7 * other[PRICES]
    differing = (mine[PRICES] != other[PRICES]).to_numpy()
    return mine[exact].equals(other[exact]) and not far.to_numpy().any() and differing.mean() < 0.01


def test_days_before_and_after_splits_equal_the_raw_rows_of_the_same_market(
    yahoo: YahooDownloader, yahoo_emulator: Emulator, budgets: Budgets, clock: FakeClock
) -> None:
    asked = part("2014-01-02", "2020-09-09")  # over 7:1 on 2014-06-09 and 4:1 on 2020-08-31

    ours, theirs = table(yahoo, asked), table(massive(yahoo_emulator, budgets, clock), asked)

    assert ours.num_rows == 1_684
    assert same(ours, theirs)
    assert set(ours["source"].to_pylist()) == {"yahoo"}
    assert len([one for one in yahoo_emulator.ledger() if one["path"].startswith("/v8/")]) == 1


def test_a_part_long_before_the_splits_is_undone_with_all_of_them(yahoo: YahooDownloader) -> None:
    rows = table(yahoo, part("2014-06-06", "2014-06-09")).to_pylist()

    assert [row["close"] for row in rows] == [645.57, 93.7]  # as they were printed, 7:1 in between
    assert rows[0]["timestamp"] == datetime(2014, 6, 6, 4, tzinfo=UTC)


def test_a_real_market_comes_back_as_it_was(tmp_path: Path, budgets: Budgets, clock: FakeClock) -> None:
    if not SHARED.is_dir():
        pytest.skip("the folder shared is not beside the checkout")
    compared, wrong = 0, []
    clock.advance((datetime(2021, 6, 1, tzinfo=UTC) - clock.now()).total_seconds())
    with Emulator(SHARED, now="2021-06-01T00:00:00+00:00") as emulator:
        vendor = massive(emulator, budgets, clock)
        source = YahooDownloader(
            tmp_path, base_url=emulator.yahoo, rate_limit_per_minute=60_000, budgets=budgets, clock=clock
        )
        for ticker in SPLIT:
            asked = part("1999-11-01", "2021-04-21", ticker)
            ours, theirs = table(source, asked), table(vendor, asked)
            compared += ours.num_rows
            if not same(
                ours, theirs, volumes=ticker not in ("AIG", "USO")
            ):  # of 1:20 and 1:8 they come in twenties and eights
                wrong.append(ticker)

    assert compared > 20_000
    assert wrong == []


def test_adjusted_prices_are_in_todays_shares(yahoo: YahooDownloader) -> None:
    frame = yahoo.download_single_ticker("AAPL", "2020-08-28", "2020-08-31")

    assert frame["close"].tolist() == [124.8075, 129.04]


def test_minutes_are_undone_with_one_call_for_the_splits_since(
    yahoo: YahooDownloader, yahoo_emulator: Emulator, budgets: Budgets, clock: FakeClock
) -> None:
    asked = part("2020-08-24", "2020-09-04", spec=BarSpec(Timespan.MINUTE))

    ours, theirs = table(yahoo, asked), table(massive(yahoo_emulator, budgets, clock), asked)

    assert ours.num_rows == 3_900
    assert same(ours, theirs)
    calls = [one["query"] for one in yahoo_emulator.ledger() if one["path"].startswith("/v8/")]
    assert ["interval=1m" in query for query in calls] == [False, True, True]
    assert "events=div%7Csplit" in calls[0]


def test_hours_begin_with_the_session(yahoo: YahooDownloader) -> None:
    rows = table(yahoo, part("2020-08-28", "2020-08-28", spec=BarSpec(Timespan.HOUR)))

    starts = [stamp.strftime("%H:%M") for stamp in rows["timestamp"].to_pylist()]
    assert starts == ["13:30", "14:30", "15:30", "16:30", "17:30", "18:30", "19:30"]
    assert rows["close"].to_pylist()[-1] == 499.23


def test_the_session_under_way_gives_no_bar(yahoo: YahooDownloader) -> None:
    pages = list(yahoo.pages(part("2020-09-08", "2020-09-10"), Watch()))

    assert [day.day for day in pages[0].table["date"].to_pylist()] == [8, 9]
    assert [one.reason for one in pages[0].set_aside] == ["it is a price of a session under way, no bar"]


def test_the_minute_under_way_gives_no_bar(yahoo: YahooDownloader, clock: FakeClock) -> None:
    pages = list(yahoo.pages(part("2020-09-10", "2020-09-10", spec=BarSpec(Timespan.MINUTE, 5)), Watch()))

    last = pages[0].table["timestamp"].to_pylist()[-1]
    assert last == clock.now() - timedelta(minutes=5)


@pytest.mark.parametrize(
    ("spec", "first"),
    [
        (BarSpec(Timespan.MINUTE), date(2020, 8, 12)),
        (BarSpec(Timespan.MINUTE, 5), date(2020, 7, 13)),
        (BarSpec(Timespan.HOUR), date(2018, 9, 12)),
    ],
    ids=str,
)
def test_what_lies_too_far_back_is_refused_before_anything_is_sent_and_narrowed_to_the_reach(
    yahoo: YahooDownloader, yahoo_emulator: Emulator, spec: BarSpec, first: date
) -> None:
    asked = part(str(first - timedelta(days=1)), str(first), spec=spec)

    with pytest.raises(NotEntitled, match=f"from {first} on only") as caught:
        list(yahoo.pages(asked, Watch()))
    assert yahoo_emulator.ledger() == []
    narrowed = yahoo.narrower(asked, caught.value, date(2020, 9, 10))
    assert [(one.start, one.end) for one in narrowed] == [(first, first)]
    assert table(yahoo, narrowed[0]).num_rows > 0


def test_a_wall_that_came_nearer_is_a_refusal_of_the_dates_alone(
    yahoo: YahooDownloader, yahoo_emulator: Emulator
) -> None:
    text = "1m data not available for startTime=1 and endTime=2. The requested range must be within the last 20 days."
    body = {"chart": {"result": None, "error": {"code": "Unprocessable Entity", "description": text}}}
    yahoo_emulator.faults([{"match": {"path": "interval=1m"}, "do": {"status": 422, "body": body}}])

    with pytest.raises(NotEntitled, match="does not serve") as caught:
        table(yahoo, part("2020-08-14", "2020-08-14", spec=BarSpec(Timespan.MINUTE)))
    assert caught.value.timeframe
    assert "last 20 days" in caught.value.hint


@pytest.mark.parametrize("spec", [BarSpec(Timespan.MINUTE, 3), BarSpec(Timespan.HOUR, 2), BarSpec(Timespan.DAY, 2)])
def test_a_length_that_it_has_not_is_unsupported(
    yahoo: YahooDownloader, yahoo_emulator: Emulator, spec: BarSpec
) -> None:
    with pytest.raises(Unsupported, match="bars"):
        yahoo.pages(part("2020-09-01", "2020-09-02", spec=spec), Watch())
    assert yahoo_emulator.ledger() == []


def test_options_are_unsupported(yahoo: YahooDownloader) -> None:
    with pytest.raises(Unsupported, match="O:AAPL"):
        yahoo.pages(part("2020-09-01", "2020-09-02", "O:AAPL201016C00120000"), Watch())


def test_an_unknown_ticker_is_told_by_name_after_one_call(yahoo: YahooDownloader, yahoo_emulator: Emulator) -> None:
    with pytest.raises(UnknownTicker) as caught:
        table(yahoo, part("2020-09-01", "2020-09-02", "NO.B"))

    assert caught.value.fields == {"ticker": "NO.B", "source": "yahoo"}
    assert 'yahoo does not know the ticker "NO.B"' in caught.value.sentence
    assert [one["path"] for one in yahoo_emulator.ledger()] == ["/v8/finance/chart/NO-B"]


def test_dates_of_which_it_has_nothing_are_a_page_without_rows(
    yahoo: YahooDownloader, yahoo_emulator: Emulator
) -> None:
    text = "Data doesn't exist for startDate = 1577836800, endDate = 1578009600"
    body = {"chart": {"result": None, "error": {"code": "Bad Request", "description": text}}}
    yahoo_emulator.faults([{"do": {"status": 400, "body": body}}])

    pages = list(yahoo.pages(part("2000-09-05", "2000-09-06"), Watch()))

    assert [(page.table.num_rows, page.first, page.last) for page in pages] == [(0, date(2000, 9, 5), date(2000, 9, 6))]
    assert "Data doesn't exist" in pages[0].answer


def test_splits_come_with_exact_ratios_and_factors(
    yahoo: YahooDownloader, yahoo_emulator: Emulator, budgets: Budgets, clock: FakeClock
) -> None:
    asked = Part("yahoo", Dataset.SPLITS, "AAPL", date(2020, 1, 1), date(2020, 1, 2))

    ours, theirs = table(yahoo, asked), table(massive(yahoo_emulator, budgets, clock), asked)

    names = ["ticker", "execution_date", "split_from", "split_to", "adjustment_type"]
    assert ours.select(names).to_pylist() == theirs.select(names).to_pylist()
    assert ours["historical_adjustment_factor"].to_pylist() == [1 / 28, 1 / 4]


def test_dividends_come_in_cash_of_their_day_with_factors(
    yahoo: YahooDownloader, yahoo_emulator: Emulator, budgets: Budgets, clock: FakeClock
) -> None:
    asked = Part("yahoo", Dataset.DIVIDENDS, "AAPL", date(2020, 1, 1), date(2020, 1, 2))

    ours = table(yahoo, asked).to_pylist()
    theirs = [
        row
        for row in table(massive(yahoo_emulator, budgets, clock), asked).to_pylist()
        if row["ex_dividend_date"] <= date(2020, 9, 10)
    ]

    assert len(ours) > 20
    last = (
        theirs[-1]["historical_adjustment_factor"] / ours[-1]["historical_adjustment_factor"]
    )  # later ones count there
    for mine, other in zip(ours, theirs, strict=True):
        for name in ("ex_dividend_date", "cash_amount", "currency"):
            assert mine[name] == other[name]
        assert mine["historical_adjustment_factor"] * last == pytest.approx(
            other["historical_adjustment_factor"], abs=2e-6
        )


def test_names_are_mapped_and_days_of_pairs_are_utc(tmp_path: Path, budgets: Budgets, clock: FakeClock) -> None:
    names = ["BRK.B", "I:SPX", "X:BTCUSD", "C:EURUSD"]
    day = date(2020, 9, 8)
    prices = {name: [10.5] * len(names) for name in ("open", "high", "low", "close", "volume")}
    pq.write_table(pa.table({"ticker": names, "date": [day] * len(names), **prices}), tmp_path / "bars_day.parquet")
    with Emulator(tmp_path, now=NOW) as emulator:
        source = YahooDownloader(
            tmp_path, base_url=emulator.yahoo, rate_limit_per_minute=60_000, budgets=budgets, clock=clock
        )
        rows = [row for name in names for row in table(source, part("2020-09-08", "2020-09-08", name)).to_pylist()]
        paths = [one["path"].rpartition("/")[2] for one in emulator.ledger()]

    assert paths == ["BRK-B", "^GSPC", "BTC-USD", "EURUSD=X"]
    assert [row["ticker"] for row in rows] == names
    assert [row["timestamp"].hour for row in rows] == [4, 4, 0, 0]
    assert {row["date"] for row in rows} == {day}
    assert [row["volume"] for row in rows] == [10.0, 10.0, None, None]


@pytest.mark.parametrize("spec", [BarSpec(Timespan.MINUTE), BarSpec(Timespan.HOUR)], ids=str)
def test_pairs_have_all_of_their_hours_in_days_of_utc(
    spec: BarSpec, tmp_path: Path, budgets: Budgets, clock: FakeClock
) -> None:
    """September is summer time: Yahoo's day of a currency is London's, and begins an hour before ours."""
    names, first = ["C:EURUSD", "X:BTCUSD"], int(datetime(2020, 8, 31, tzinfo=UTC).timestamp())
    starts = [(first + 60 * minute) * 10**9 for minute in range(9 * 1_440)] * len(names)
    tickers = [name for name in names for _ in range(9 * 1_440)]
    prices = {name: [10.5] * len(starts) for name in (*PRICES, "volume")}
    minutes = pa.table({"ticker": tickers, "window_start": starts, "transactions": [1] * len(starts), **prices})
    pq.write_table(minutes, tmp_path / "bars_minute.parquet")
    day = {"ticker": names, "date": [date(2020, 8, 31)] * len(names), **{name: [10.5] * len(names) for name in prices}}
    pq.write_table(pa.table(day), tmp_path / "bars_day.parquet")
    with Emulator(tmp_path, now=NOW) as emulator:
        source = YahooDownloader(
            tmp_path, base_url=emulator.yahoo, rate_limit_per_minute=60_000, budgets=budgets, clock=clock
        )
        asked = [part("2020-08-31", "2020-09-08", name, spec) for name in names]  # two answers, of minutes
        ours = [table(source, one) for one in asked]
        wider = [part("2020-08-30", "2020-09-08", name, spec) for name in names]  # there a day begins in New York
        theirs = [table(massive(emulator, budgets, clock), one) for one in wider]

    for mine, other in zip(ours, theirs, strict=True):
        assert mine.num_rows == 9 * 24 * (60 if spec.timespan is Timespan.MINUTE else 1)
        assert mine.select(["ticker", "timestamp", "date", *PRICES]).equals(
            other.select(["ticker", "timestamp", "date", *PRICES])
        )


def test_its_429_pauses_all_who_ask_it_and_is_waited_out(
    yahoo: YahooDownloader, yahoo_emulator: Emulator, clock: FakeClock
) -> None:
    yahoo_emulator.faults([{"match": {"times": 2}, "do": {"status": 429, "body": "Too Many Requests\r\n"}}])

    assert table(yahoo, part("2020-09-08", "2020-09-09")).num_rows == 2
    assert sum(clock.slept) >= 120
    yahoo_emulator.faults([{"do": {"status": 429, "body": "Too Many Requests\r\n"}}])
    with pytest.raises(RateLimited):
        table(yahoo, part("2020-09-08", "2020-09-09"))


def test_an_outage_is_tried_three_times(yahoo: YahooDownloader, yahoo_emulator: Emulator) -> None:
    yahoo_emulator.faults([{"do": {"status": 502, "html": True}}])

    with pytest.raises(ProviderUnavailable):
        table(yahoo, part("2020-09-08", "2020-09-09"))
    assert len(yahoo_emulator.ledger()) == 3


def test_it_starts_with_thirty_requests_a_minute_shared_by_all(
    yahoo_emulator: Emulator, budgets: Budgets, clock: FakeClock, tmp_path: Path
) -> None:
    def made(**more: Any) -> YahooDownloader:
        return YahooDownloader(tmp_path, base_url=yahoo_emulator.yahoo, budgets=budgets, clock=clock, **more)

    assert made().rate_limit_delay == 2.0
    made(rate_limit_per_minute=10)
    assert made().rate_limit_delay == 6.0


def test_it_says_who_it_is_to_yahoo_and_works_without_an_engine(
    yahoo_emulator: Emulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("REDLINE_STATE_DIR", "REDLINE_CONFIG_DIR", "REDLINE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("YAHOO_BASE_URL", yahoo_emulator.yahoo)

    frame = YahooDownloader(rate_limit_per_minute=60_000).download_single_ticker("KO", "2020-09-08", "2020-09-09")

    assert len(frame) == 2
