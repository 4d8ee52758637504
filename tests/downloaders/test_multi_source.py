"""Several sources as one: whatever befalls the first, the result is whole, and each row says where it is from."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from redline.downloaders.multi_source import DIFFER_OVER, REST_S, MultiSourceDownloader
from redline.errors import AllSourcesFailed, BadField, UnknownTicker
from redline.net.budget import Budgets
from redline.testing import Emulator, FakeClock
from tests.markdown import ROOT

KEY = "a-key-for-failover-012345"
NOW = "2020-09-10T15:00:00+00:00"
WEEKS = ("2020-08-24", "2020-09-04")  # Ten sessions, with Apple's split of 4 for 1 in their midst.
BARS = {"path": "/v2/aggs/*"}
Make = Callable[..., MultiSourceDownloader]


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(key=KEY, now=NOW) as started:
        yield started


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.reset()
    return running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(datetime.fromisoformat(NOW))


@pytest.fixture
def make(emulator: Emulator, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Make one over the emulator's three sources; its key comes from the environment."""
    for name in ("HOME", "STATE_DIR", "CONFIG_DIR"):
        monkeypatch.setenv(f"REDLINE_{name}", str(tmp_path / name))
    monkeypatch.setenv("HOME", str(tmp_path))  # The master key is made there.
    monkeypatch.setenv("MASSIVE_API_BASE_URL", emulator.rest)
    monkeypatch.setenv("YAHOO_BASE_URL", emulator.yahoo)
    monkeypatch.setenv("STOOQ_BASE_URL", emulator.stooq)
    monkeypatch.setenv("STOOQ_API_KEY", KEY)
    budgets = Budgets(tmp_path / "budgets.db", clock)

    def made(key: str | None = KEY) -> MultiSourceDownloader:
        if key is not None:
            monkeypatch.setenv("MASSIVE_API_KEY", key)
        return MultiSourceDownloader(tmp_path, budgets=budgets, clock=clock)

    yield made
    budgets.close()


def asked(emulator: Emulator) -> dict[str, int]:
    """How many requests each source got."""
    sides = {"v2": "massive", "v3": "massive", "v8": "yahoo", "q": "stooq"}
    return dict(Counter(sides[one["path"].split("/")[1]] for one in emulator.ledger()))


def massive_says(emulator: Emulator, cut: Callable[[list[Any]], list[Any]]) -> str:
    """The vendor's answer for the two weeks, with some of its rows."""
    url = f"{emulator.rest}/v2/aggs/ticker/AAPL/range/1/day/{WEEKS[0]}/{WEEKS[1]}?adjusted=true&apiKey={KEY}"
    answer = requests.get(url, timeout=10).json()
    answer["results"] = cut(answer["results"])
    answer["count"] = answer["resultsCount"] = answer["queryCount"] = len(answer["results"])
    answer.pop("next_url", None)
    emulator.reset()
    return json.dumps(answer)


def test_the_first_source_answers_alone(make: Make, emulator: Emulator) -> None:
    multi = make()

    frame = multi.download_single_ticker("AAPL", *WEEKS)

    assert multi.source_priority == ["massive", "yahoo", "stooq"]
    assert set(frame["source"]) == {"massive"}
    assert len(frame) == 10
    assert multi.gaps == {"AAPL": ()}
    assert asked(emulator) == {"massive": 1}


@pytest.mark.parametrize(
    ("fault", "wasted"),
    [
        ({"status": 429, "headers": {"Retry-After": "30"}}, 1),
        ({"status": 500}, 3),
        ({"html": True}, 2),
        ({"cut_after": 100}, 3),
        ({"reset": True}, 3),
        ({"status": 401}, 1),
        ("empty", 1),
        ("half", 1),
        ("holes", 1),
    ],
    ids=lambda one: one if isinstance(one, str) else None if isinstance(one, int) else "-".join(map(str, one)),
)
def test_whatever_befalls_the_first_the_result_is_whole(
    make: Make, emulator: Emulator, fault: dict[str, object] | str, wasted: int
) -> None:
    cuts: dict[str, Callable[[list[Any]], list[Any]]] = {
        "empty": lambda rows: [],
        "half": lambda rows: rows[:5],
        "holes": lambda rows: rows[0:2] + rows[4:7] + rows[9:],
    }
    kept = cuts[fault]([*range(10)]) if isinstance(fault, str) else []
    do = {"body": massive_says(emulator, cuts[fault])} if isinstance(fault, str) else fault
    whole = make().download_single_ticker("AAPL", *WEEKS, sources=["yahoo"])
    emulator.reset()
    emulator.faults([{"match": BARS, "do": do}])
    multi = make()

    frame = multi.download_single_ticker("AAPL", *WEEKS)

    assert list(frame["date"]) == list(whole["date"])
    assert [n for n, source in enumerate(frame["source"]) if source == "massive"] == kept
    assert set(frame["source"]) <= {"massive", "yahoo"}
    assert frame["close"].tolist() == pytest.approx(whole["close"].tolist(), rel=1e-4)
    assert multi.gaps == {"AAPL": ()}
    assert multi.differences == []
    assert asked(emulator) == {"massive": wasted, "yahoo": 1}
    assert list(multi.reasons["AAPL"]) == ([] if isinstance(fault, str) else ["massive"])


def test_a_source_that_failed_rests_and_is_tried_again(make: Make, emulator: Emulator, clock: FakeClock) -> None:
    emulator.faults([{"match": {**BARS, "times": 3}, "do": {"status": 500}}])
    multi = make()

    first = multi.download_multiple_tickers(["AAPL", "IBM", "MSFT"], *WEEKS)
    during = asked(emulator)
    clock.advance(REST_S)
    after = multi.download_single_ticker("KO", *WEEKS)

    assert [set(one["source"]) for one in first.values()] == [{"yahoo"}] * 3
    assert during == {"massive": 3, "yahoo": 3}
    assert set(after["source"]) == {"massive"}


def test_a_429_is_not_asked_again_before_its_time(make: Make, emulator: Emulator, clock: FakeClock) -> None:
    emulator.faults([{"match": {**BARS, "times": 1}, "do": {"status": 429, "headers": {"Retry-After": "40"}}}])
    multi = make()

    frames = multi.download_multiple_tickers(["AAPL", "IBM"], *WEEKS)
    clock.advance(41)
    later = multi.download_single_ticker("MSFT", *WEEKS)

    assert [set(one["source"]) for one in frames.values()] == [{"yahoo"}] * 2
    assert set(later["source"]) == {"massive"}
    assert asked(emulator) == {"massive": 2, "yahoo": 2}


def test_what_the_plan_does_not_reach_comes_from_the_next_source(make: Make, emulator: Emulator) -> None:
    emulator.plan("basic", calls=1_000)
    multi = make()

    frame = multi.download_single_ticker("AAPL", "2018-08-01", "2018-10-31")

    days = {name: frame[frame["source"] == name]["date"] for name in ("massive", "yahoo")}
    assert len(frame) == 65
    assert days["yahoo"].max() < days["massive"].min()
    assert len(days["yahoo"]) > 20
    assert len(days["massive"]) > 20


def test_sources_that_disagree_are_listed(make: Make, emulator: Emulator) -> None:
    def dearer(rows: list[Any]) -> list[Any]:
        return [{**row, "c": row["c"] * 1.1, "h": row["h"] * 1.2} for row in rows[:5]]

    emulator.faults([{"match": BARS, "do": {"body": massive_says(emulator, dearer)}}])
    multi = make()

    frame = multi.download_single_ticker("AAPL", *WEEKS)

    assert len(frame) == 10
    (close,) = [one for one in multi.differences if one.column == "close"]
    assert (close.ticker, close.source, close.other_source) == ("AAPL", "massive", "yahoo")
    assert close.start.date() == date(2020, 8, 28)
    assert close.relative == pytest.approx(1 - 1 / 1.1, rel=0.01)


def test_all_sources_down_is_one_error_that_names_each_reason(make: Make, emulator: Emulator) -> None:
    emulator.faults([{"match": {}, "do": {"status": 503}}])

    with pytest.raises(AllSourcesFailed) as told:
        make().download_single_ticker("AAPL", *WEEKS)

    assert list(told.value.fields["reasons"]) == ["massive", "yahoo", "stooq"]  # type: ignore[call-overload]
    assert told.value.code == "provider_unavailable"
    assert KEY not in str(told.value)


def test_a_ticker_that_nobody_knows(make: Make) -> None:
    multi = make()

    frames = multi.download_multiple_tickers(["NOSUCH", "AAPL"], *WEEKS)

    assert list(frames) == ["AAPL"]
    assert isinstance(multi.failures["NOSUCH"], UnknownTicker)


def test_a_source_without_its_key_is_skipped_and_said(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASSIVE_API_KEY", raising=False)
    monkeypatch.delenv("POLYGON_API_KEY", raising=False)
    multi = make(None)

    frame = multi.download_single_ticker("AAPL", *WEEKS)

    assert multi.downloaders["massive"] is None
    assert "no Massive.com API key" in multi.skipped["massive"]
    assert set(frame["source"]) == {"yahoo"}


def test_the_order_is_the_callers(make: Make, emulator: Emulator) -> None:
    multi = make()

    frame = multi.download_single_ticker("AAPL", *WEEKS, sources=["stooq", "massive"])

    assert set(frame["source"]) == {"stooq"}
    assert asked(emulator) == {"stooq": 1}
    with pytest.raises(BadField, match="sources"):
        multi.download_single_ticker("AAPL", *WEEKS, sources=["nobody"])


def test_two_sources_adjust_alike_across_a_split(make: Make) -> None:
    multi = make()

    adjusted = {name: multi.download_single_ticker("AAPL", *WEEKS, sources=[name]) for name in multi.downloaders}
    raw = {
        name: multi.download_single_ticker("AAPL", *WEEKS, sources=[name], adjusted=False) for name in multi.downloaders
    }

    for name in ("yahoo", "stooq"):
        assert adjusted[name]["close"].tolist() == pytest.approx(adjusted["massive"]["close"].tolist(), rel=1e-3)
        assert raw[name]["close"].tolist() == pytest.approx(raw["massive"]["close"].tolist(), rel=1e-3)
    assert raw["massive"]["close"][0] == pytest.approx(4 * adjusted["massive"]["close"][0])


def test_the_page_about_it_says_what_the_code_does(make: Make) -> None:
    multi, text = make(), (ROOT / "docs" / "providers" / "failover.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = re.findall(r"\bmulti\.(\w+)", example)

    assert [name for name in names if not hasattr(multi, name)] == []
    assert f"more than differ_over, {DIFFER_OVER:.0%}".replace("%", " %") in text
    assert f"left alone for {REST_S:g} s;" in text
    assert f"code `{AllSourcesFailed.code}`" in text
    said = [
        "429, a rejected key,\nan empty answer, half an answer: 1",
        "HTML with status 200: 2",
        "connection broken: 3",
    ]
    assert [one for one in said if one not in text] == []
