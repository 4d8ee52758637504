"""One answer of Yahoo's, read: the recorded ones as they are, and the ways in which one is not to be believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from redline.downloaders import yahoo_bars, yahoo_chart, yahoo_errors
from redline.downloaders.pager import Parsed
from redline.downloaders.yahoo_symbols import to_yahoo
from redline.errors import MalformedPage, NotJson, ProviderError, ProviderUnavailable, UnknownTicker, Unsupported
from redline.market.bar import BarSpec, Timespan
from redline.market.part import Part
from redline.market.request import Dataset

RECORDED = Path(__file__).parents[3] / "shared" / "market-data" / "responses" / "yahoo"
NEW_YORK = ZoneInfo("America/New_York")
DAYS = (date(2024, 5, 28), date(2024, 5, 29), date(2024, 5, 30))
LATER_S = 1_900_000_000
Change = Callable[[dict[str, Any]], object]


def opens(day: date, hour: int = 9, minute: int = 30) -> int:
    return int(datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).timestamp())


def answer(change: Change = lambda result: None, **meta: object) -> bytes:
    """Three days of ACME; ``change`` may do what it wants to the result, ``meta`` replaces fields of it."""
    session = {"start": opens(DAYS[-1]), "end": opens(DAYS[-1], 16, 0)}
    result: dict[str, Any] = {
        "meta": {
            "currency": "USD",
            "symbol": "ACME",
            "instrumentType": "EQUITY",
            "firstTradeDate": 345479400,
            "regularMarketTime": opens(DAYS[-1], 16, 0) + 1,
            "exchangeTimezoneName": "America/New_York",
            "longName": "Acme Inc.",
            "currentTradingPeriod": {"regular": session},
            "dataGranularity": "1d",
            **meta,
        },
        "timestamp": [opens(day) for day in DAYS],
        "indicators": {
            "quote": [
                {
                    "open": [10.0, 11.0, 12.0],
                    "high": [10.5, 11.5, 12.5],
                    "low": [9.5, 10.5, 11.5],
                    "close": [10.25, 11.25, 12.25],
                    "volume": [100, 200, 300],
                }
            ],
            "adjclose": [{"adjclose": [1.0, 1.0, 1.0]}],
        },
    }
    change(result)
    return json.dumps({"chart": {"result": [result], "error": None}}).encode()


def quote(result: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = result["indicators"]["quote"][0]
    return found


def part(spec: BarSpec = BarSpec()) -> Part:  # noqa: B008
    return Part("yahoo", Dataset.BARS, "ACME", DAYS[0], DAYS[-1], spec)


def read(body: bytes, *, now_s: int = LATER_S, spec: BarSpec = BarSpec()) -> Parsed:  # noqa: B008
    asked = part(spec)
    chart = yahoo_chart.read(body, asked.what, "ACME", yahoo_bars.INTERVALS[spec])
    return yahoo_bars.bars_of(chart, asked, chart.splits, now_s)


def test_it_is_the_day_as_printed_and_the_adjusted_close_is_not_looked_at() -> None:
    rows = read(answer()).table.to_pylist()

    assert [(row["date"], row["open"], row["close"], row["volume"]) for row in rows] == [
        (DAYS[0], 10.0, 10.25, 100.0),
        (DAYS[1], 11.0, 11.25, 200.0),
        (DAYS[2], 12.0, 12.25, 300.0),
    ]
    assert {row["vwap"] for row in rows} == {row["transactions"] for row in rows} == {None}


def test_splits_on_the_day_itself_do_not_touch_it() -> None:
    def split(result: dict[str, Any]) -> None:
        event = {"date": opens(DAYS[1]), "numerator": 3.0, "denominator": 2.0, "splitRatio": "3:2"}
        result["events"] = {"splits": {"1": event, "2": event}}  # twice: it has happened once

    rows = read(answer(split)).table.to_pylist()

    assert [row["close"] for row in rows] == [15.375, 11.25, 12.25]
    assert [row["volume"] for row in rows] == [67.0, 200.0, 300.0]


@pytest.mark.parametrize(
    ("new", "old", "closes", "kept"),
    [
        (2.0, 1.0, [20.5, 22.0, 12.25], False),  # 2:1 on the third day, and the prices of the first two know nothing
        (1.0, 10.0, [1.0, 1.21, 12.25], False),
        (2.0, 1.0, [10.0, 12.1, 12.25], True),
        (2.0, 1.0, [10.0, 16.0, 12.25], True),  # bad news, on the day of the split
        (1.0, 10.0, [10.0, 36.0, 12.25], True),  # a third is left after a reverse split, as happens
        (3.0, 2.0, [10.0, 18.0, 12.25], True),  # cannot be told from news
    ],
)
def test_a_split_that_is_not_in_the_prices_is_never_undone(
    new: float, old: float, closes: list[float], kept: bool
) -> None:
    def split(result: dict[str, Any]) -> None:
        event = {"date": opens(DAYS[2]), "numerator": new, "denominator": old}
        result["events"] = {"splits": {"1": event}}
        quote(result).update(close=closes, high=[99.0] * 3, low=[0.5] * 3)

    if kept:
        assert read(answer(split)).table["close"].to_pylist() == [
            closes[0] * new / old, closes[1] * new / old, closes[2]
        ]  # fmt: skip
        return
    chart = yahoo_chart.read(answer(split), "day bars ACME", "ACME", "1d")
    for undone in (chart.splits, ()):  # raw, and adjusted as it comes
        with pytest.raises(MalformedPage, match=r"its split of ACME on 2024-05-30 is not in its prices"):
            yahoo_bars.bars_of(chart, part(), undone, LATER_S)


def test_a_split_of_the_session_under_way_counts_for_all_days_before() -> None:
    def split(result: dict[str, Any]) -> None:
        result["events"] = {"splits": {"1": {"date": opens(DAYS[2]), "numerator": 4.0, "denominator": 1.0}}}

    rows = read(answer(split), now_s=opens(DAYS[2], 12, 0)).table.to_pylist()

    assert [(row["date"], row["close"], row["volume"]) for row in rows] == [
        (DAYS[0], 41.0, 25.0),
        (DAYS[1], 45.0, 50.0),
    ]


def test_prices_are_the_shortest_decimals_that_fit_a_32_bit_number() -> None:
    def recorded(result: dict[str, Any]) -> None:
        quote(result)["close"] = [75.0875015258789, 0.10000000149011612, 1.0436]  # a double stays as it is

    assert read(answer(recorded)).table["close"].to_pylist() == [75.0875, 0.1, 1.0436]


@pytest.mark.parametrize(
    ("change", "reason", "left"),
    [
        (lambda r: quote(r).update(close=[10.25, None, 12.25]), "Yahoo has null for a price", [0, 2]),
        (lambda r: quote(r).update(volume=[100, None, 300]), None, [0, 1, 2]),
        (lambda r: quote(r).update(low=[9.5, 99.0, 11.5]), "its high is below its low", [0, 2]),
        (lambda r: quote(r).update(open=[0.0, 11.0, 12.0]), "a price is not above 0", [1, 2]),
        (
            lambda r: r["timestamp"].__setitem__(1, r["timestamp"][2]),
            "a later row of the same day came with it",
            [0, 2],
        ),
    ],
    ids=["null", "no-volume", "high-below-low", "zero", "same-day"],
)
def test_a_bad_row_is_set_aside_with_its_reason_and_the_others_stay(
    change: Change, reason: str | None, left: list[int]
) -> None:
    parsed = read(answer(change))

    assert parsed.table["date"].to_pylist() == [DAYS[at] for at in left]
    assert [one.reason for one in parsed.set_aside] == ([] if reason is None else [reason])
    assert all('"timestamp"' in one.row for one in parsed.set_aside)


def test_days_that_are_all_null_are_no_rows_and_no_error() -> None:
    def nulls(result: dict[str, Any]) -> None:
        quote(result).update({name: [None] * 3 for name in quote(result)})

    parsed = read(answer(nulls))

    assert parsed.table.num_rows == 0
    assert len(parsed.set_aside) == 3


def test_of_a_bad_later_row_of_the_same_day_the_earlier_stays() -> None:
    def doubled(result: dict[str, Any]) -> None:
        result["timestamp"][2] = result["timestamp"][1] + 60
        quote(result)["close"][2] = None

    assert read(answer(doubled)).table["close"].to_pylist() == [10.25, 11.25]


@pytest.mark.parametrize(
    ("now", "market", "bars"),
    [
        ((12, 0), (12, 0), 2),  # in the session
        ((16, 5), (15, 59), 2),  # over, the last price still to come
        ((16, 5), (16, 0), 3),
        ((16, 30), (11, 0), 3),  # a share that is seldom traded: its last price is old for good
    ],
    ids=["in-session", "last-price-late", "closed", "seldom-traded"],
)
def test_a_session_is_a_bar_when_it_is_over(now: tuple[int, int], market: tuple[int, int], bars: int) -> None:
    body = answer(regularMarketTime=opens(DAYS[-1], *market))

    assert read(body, now_s=opens(DAYS[-1], *now)).table.num_rows == bars


@pytest.mark.parametrize(("hour", "bars"), [(12, 2), (23, 2), (24, 3)])
def test_without_a_word_of_its_session_a_day_is_a_bar_when_the_next_has_begun(hour: int, bars: int) -> None:
    body = answer(lambda result: result["meta"].pop("currentTradingPeriod"))

    assert read(body, now_s=opens(DAYS[-1], 0, 0) + hour * 3_600).table.num_rows == bars


@pytest.mark.parametrize(("now", "bars"), [((23, 59), 2), ((24, 0), 3)], ids=["last-minute", "over"])
def test_a_day_that_is_said_to_end_at_23_59_has_that_minute_too(now: tuple[int, int], bars: int) -> None:
    """As Yahoo says it of crypto and currencies (recorded: BTC-USD)."""
    midnight = opens(DAYS[-1], 0, 0)
    session = {"regular": {"start": midnight, "end": midnight + 86_340}}
    now_s = midnight + now[0] * 3_600 + now[1] * 60
    body = answer(currentTradingPeriod=session, regularMarketTime=now_s)

    assert read(body, now_s=now_s).table.num_rows == bars


def pair_minutes(ticker: str, zone: str, stamps: list[int], now_s: int) -> Parsed:
    """Read minutes of a pair on 28 May, a day of summer time."""
    symbol = to_yahoo(ticker)
    asked = Part("yahoo", Dataset.BARS, ticker, DAYS[0], DAYS[0], BarSpec(Timespan.MINUTE, 5))
    london = int(datetime(2024, 5, 28, tzinfo=ZoneInfo(zone)).timestamp())
    hours = [[{"start": london, "end": london + 86_340}]]
    kind = "CURRENCY" if ticker.startswith("C:") else "CRYPTOCURRENCY"
    meta = {"symbol": symbol, "instrumentType": kind, "exchangeTimezoneName": zone, "dataGranularity": "5m"}
    body = answer(lambda r: r.update(timestamp=stamps), tradingPeriods=hours, **meta)
    return yahoo_bars.bars_of(yahoo_chart.read(body, asked.what, symbol, "5m"), asked, (), now_s)


@pytest.mark.parametrize(("ticker", "zone"), [("C:EURUSD", "Europe/London"), ("X:BTCUSD", "UTC")], ids=["fx", "crypto"])
def test_the_hours_of_a_pair_are_all_of_its_day_though_yahoos_day_is_another(ticker: str, zone: str) -> None:
    midnight = int(datetime(2024, 5, 28, tzinfo=UTC).timestamp())
    stamps = [midnight, midnight + 82_800, midnight + 86_100]  # 00:00, 23:00 and 23:55 UTC; London is an hour ahead

    whole = pair_minutes(ticker, zone, stamps, LATER_S)
    before_the_end = pair_minutes(ticker, zone, stamps, stamps[-1] + 299)
    live = pair_minutes(ticker, zone, [*stamps[:2], stamps[-1] + 17], LATER_S)

    assert whole.table["timestamp"].cast("int64").to_pylist() == [at * 1_000_000 for at in stamps]
    assert whole.table["volume"].to_pylist() == [None] * 3  # 0, or money: no number of coins
    for found in (before_the_end, live):
        assert found.table.num_rows == 2
        assert [one.reason for one in found.set_aside] == ["it is a price of a session under way, no bar"]


def test_a_ticker_in_other_case_is_another_ticker() -> None:
    with pytest.raises(UnknownTicker, match='"acme"'):
        yahoo_chart.read(answer(), "day bars acme", "acme", "1d")


def test_within_a_day_only_whole_bars_of_the_session_count() -> None:
    stamps = [opens(DAYS[0]), opens(DAYS[0], 9, 40) + 17, opens(DAYS[0], 16, 0)]
    hours = [[{"start": opens(DAYS[0]), "end": opens(DAYS[0], 16, 0)}]]
    spec = BarSpec(Timespan.MINUTE, 5)
    body = answer(lambda r: r.update(timestamp=stamps), dataGranularity="5m", tradingPeriods=hours)

    parsed = read(body, spec=spec)

    assert parsed.table["timestamp"].cast("int64").to_pylist() == [stamps[0] * 1_000_000]
    assert [one.reason for one in parsed.set_aside] == [
        "it is a price of a session under way, no bar",
        "it is outside of regular hours",
    ]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda r: r["meta"].update(dataGranularity="1mo"), '"1mo"; 1d were asked for'),
        (lambda r: r["meta"].update(symbol="ACMF"), '"ACMF", not ACME'),
        (lambda r: r["meta"].update(exchangeTimezoneName="Mars/Olympus"), "zone"),
        (lambda r: r["meta"].update(exchangeTimezoneName=None), "zone"),
        (lambda r: r.pop("meta"), "no meta"),
        (lambda r: r.pop("indicators"), "no indicators"),
        (lambda r: r.update(timestamp="none"), "no list"),
        (lambda r: r.update(timestamp=[1.5, 2, 3]), "no time in seconds"),
        (lambda r: r.update(timestamp=[10**14, 2, 3]), "no time in seconds"),
        (lambda r: quote(r).pop("low"), "3 times, and no list of low"),
        (lambda r: quote(r).update(low=[1.0, 2.0]), "3 times, and 2 values of low"),
        (lambda r: quote(r).update(low=[1.0, 2.0, "3"]), "low that is no number"),
        (lambda r: quote(r).update(low=[1.0, 2.0, True]), "low that is no number"),
        (lambda r: quote(r).update(low=[1.0, 2.0, 10**350]), "low that is no number"),
        (lambda r: r.update(events={"splits": []}), "no objects"),
        (lambda r: r.update(events={"splits": {"1": {"date": 1, "numerator": 0, "denominator": 1}}}), "above 0"),
        (lambda r: r.update(events={"dividends": {"1": {"date": 1, "amount": -1}}}), "above 0"),
        (lambda r: quote(r).update(high=[1.0, 1.0, 1.0]), "not one of 3 rows"),
    ],
    ids=[
        "coarser", "other-symbol", "no-such-zone", "no-zone", "no-meta", "no-rows", "time-text", "time-half",
        "time-unit", "no-column", "short-column", "text", "truth", "huge", "events", "split", "dividend", "all-bad",
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_trusted_is_an_error_that_says_why(change: Change, why: str) -> None:
    with pytest.raises(MalformedPage) as caught:
        read(answer(change))
    assert why in caught.value.sentence


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", NotJson),
        (b"<!DOCTYPE html><title>Yahoo is part of the Yahoo family of brands</title>", NotJson),
        (answer()[:-40], NotJson),
        (b"{}", MalformedPage),
        (b'{"chart":{"result":[],"error":null}}', MalformedPage),
        (b'{"chart":{"result":null,"error":{"code":"Internal","description":"oops"}}}', MalformedPage),
        (answer().replace(b"10.25", b"NaN"), MalformedPage),
    ],
    ids=["empty", "consent-page", "cut", "no-chart", "no-result", "error-in-200", "nan"],
)
def test_a_200_that_is_no_chart_is_an_error(body: bytes, error: type[MalformedPage]) -> None:
    with pytest.raises(error):
        read(body)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, b'{"chart":{"result":null,"error":{"code":"Not Found","description":"No data found"}}}', UnknownTicker),
        (404, b"<html>not found</html>", Unsupported),
        (401, b'{"finance":{"result":null,"error":{"code":"Unauthorized","description":"x"}}}', ProviderError),
        (403, b"Forbidden", ProviderError),
        (302, b"", MalformedPage),
        (418, b"", ProviderError),
        (502, b"<html>Bad Gateway</html>", ProviderUnavailable),
    ],
)
def test_each_status_has_its_error(status: int, body: bytes, error: type[Exception]) -> None:
    assert type(yahoo_errors.explain(status, body, "day bars ACME")) is error


def test_the_shared_client_reads_a_429_itself() -> None:
    assert yahoo_errors.explain(429, b"Too Many Requests\r\n", "day bars ACME") is None
    assert yahoo_errors.explain(200, b"anything", "day bars ACME") is None


@pytest.mark.parametrize("name", ["AAPL", "AFRAF", "AZT.OL", "BTC-USD", "EURUSD=X", "GC=F", "GOOG", "OCDO.L", "SPOT"])
def test_recorded_answers_are_read(name: str) -> None:
    if not RECORDED.is_dir():
        pytest.skip("the folder shared is not beside the checkout")
    body = (RECORDED / f"chart-{name}-2020-01-01-to-2020-01-03.json").read_bytes()

    chart = yahoo_chart.read(body, "a recorded answer", name, "1d")

    assert chart.days()[0] in (date(2020, 1, 1), date(2020, 1, 2))
    assert chart.columns["close"].shape == chart.t_s.shape


def test_recorded_dividends_are_read() -> None:
    if not RECORDED.is_dir():
        pytest.skip("the folder shared is not beside the checkout")
    body = (RECORDED / "historical-via-chart-MSFT-dividends-2021-02-01-to-2022-01-31.json").read_bytes()

    chart = yahoo_chart.read(body, "a recorded answer", "MSFT", "1d")
    rows = yahoo_bars.dividends_of(chart, Part("yahoo", Dataset.DIVIDENDS, "MSFT", DAYS[0], DAYS[0])).table.to_pylist()

    assert [(row["ex_dividend_date"], row["cash_amount"]) for row in rows] == [
        (date(2021, 2, 17), 0.56),
        (date(2021, 5, 19), 0.56),
        (date(2021, 8, 18), 0.56),
        (date(2021, 11, 17), 0.62),
    ]
    assert [row["currency"] for row in rows] == ["USD"] * 4
