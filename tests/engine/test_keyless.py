"""A source without a key behind the engine: its pace, its rows beside those of another, and the demo steps aside."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from redline import emulator
from redline.clock import SystemClock
from redline.config.settings import Settings, load
from redline.demo import DemoMarket
from redline.engine import Engine
from redline.errors import BadField, MissingKey, Unsupported
from redline.market.bar import DAILY
from redline.market.request import Adjust, BarsQuery
from redline.testing import Emulator

MARKET = Path(emulator.__file__).parent / "market"
ASKED = {"ticker": "AAPL", "source": "yahoo", "start_date": "2020-08-24", "end_date": "2020-09-04"}
KEY = "canary-of-keyless-1a2b"


@pytest.fixture
def vendor() -> Iterator[Emulator]:
    with Emulator(MARKET, key=KEY) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path, vendor: Emulator) -> Settings:
    environment = {
        "HOME": str(tmp_path / "user"),
        "REDLINE_HOME": str(tmp_path / "home"),
        "REDLINE_STATE_DIR": str(tmp_path / "state"),
        "REDLINE_CONFIG_DIR": str(tmp_path / "config"),
        "REDLINE_KEY_FILE": str(tmp_path / "secret" / "master.key"),
        "YAHOO_BASE_URL": vendor.yahoo,
    }
    return load(environment, cwd=tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    with DemoMarket() as market, Engine(settings, SystemClock(), demo=market) as made:
        yield made


def test_it_is_downloaded_without_a_key_and_adjusted_at_read(engine: Engine, vendor: Emulator) -> None:
    request = engine.parse_download(ASKED)
    planned = engine.plan(request)

    job = engine.wait(engine.submit(request).job_id, 60.0)

    assert (job.state.value, job.records, job.complete) == ("complete", 10, True)
    assert job.requests == planned.calls == len(vendor.ledger())
    assert engine.plan(request).calls == 0
    whole = BarsQuery(("AAPL",), date(2020, 8, 24), date(2020, 9, 4))
    adjusted = engine.held_bars(whole).to_pylist()
    raw = engine.held_bars(BarsQuery(("AAPL",), whole.start, whole.end, adjust=Adjust.NONE)).to_pylist()
    assert {row["source"] for row in raw} == {"yahoo"}
    assert raw[0]["close"] == pytest.approx(4 * adjusted[0]["close"])  # 4 for 1 on 2020-08-31
    assert raw[-1]["close"] == adjusted[-1]["close"]


def test_its_pace_is_shown_once_it_is_used(engine: Engine, vendor: Emulator) -> None:
    assert [row["source"] for row in engine.budget()] == ["massive"]

    engine.wait(engine.submit(engine.parse_download(ASKED)).job_id, 60.0)

    assert [(row["source"], row["limit"], row["today"]) for row in engine.budget()] == [
        ("yahoo", 30, len(vendor.ledger()))
    ]


def test_the_demo_steps_aside_for_what_is_real_and_does_not_come_back(settings: Settings) -> None:
    with DemoMarket() as market:
        with Engine(settings, SystemClock(), demo=market) as engine:
            engine.wait(engine.submit(engine.parse_download({**ASKED, "source": "massive"})).job_id, 60.0)
            assert engine.demo
            engine.wait(engine.submit(engine.parse_download(ASKED)).job_id, 60.0)
            assert not engine.demo
            assert [(one.source, one.ticker) for one in engine.held() if one.dataset.value == "bars"] == [
                ("yahoo", "AAPL")
            ]
            with pytest.raises(MissingKey):
                engine.plan(engine.parse_download({**ASKED, "source": "massive"}))
        with Engine(settings, SystemClock(), demo=market, work=False) as again:
            assert not again.demo


def test_dates_left_out_are_those_of_the_real_market_though_the_demo_stands_in(engine: Engine) -> None:
    real = engine.parse_download({"ticker": "AAPL", "source": "yahoo"})
    demo = engine.parse_download({"ticker": "AAPL"})

    assert engine.demo
    assert demo.end == engine.last_session() < real.end


def test_a_key_for_it_is_refused(engine: Engine, vendor: Emulator) -> None:
    request = engine.parse_download(ASKED)

    with pytest.raises(BadField, match="Yahoo takes no key") as at_job:
        engine.submit(request, KEY)
    with pytest.raises(BadField, match="Yahoo takes no key"):
        engine.test_key("yahoo")
    with pytest.raises(BadField, match="source"):
        engine.save_key({"source": "yahoo", "api_key": KEY})

    assert KEY not in str(at_job.value)
    assert vendor.ledger() == []


def test_what_it_has_not_is_said_before_a_job_is_made(engine: Engine) -> None:
    with pytest.raises(Unsupported, match="week"):
        engine.submit(engine.parse_download({**ASKED, "timespan": "week"}))
    with pytest.raises(Unsupported, match="O:AAPL"):
        engine.submit(engine.parse_download({**ASKED, "ticker": "O:AAPL251219C00150000"}))
    assert engine.jobs() == []


def test_one_ticker_that_it_has_not_spoils_nothing(engine: Engine) -> None:
    body = {**ASKED, "tickers": ["O:AAPL251219C00150000", "AAPL", "NOSUCH"]}
    del body["ticker"]
    job = engine.wait(engine.submit(engine.parse_bulk(body)).job_id, 60.0)

    states = {one.ticker: (one.complete, one.reason) for one in job.tickers}
    assert states["AAPL"][0]
    assert not states["NOSUCH"][0]
    assert "yahoo has no O:AAPL251219C00150000" in states["O:AAPL251219C00150000"][1]


def test_sessions_of_two_sources_stand_beside_each_other_and_the_first_answers(
    tmp_path: Path, vendor: Emulator
) -> None:
    environment = {
        "HOME": str(tmp_path / "user"),
        "REDLINE_HOME": str(tmp_path / "home"),
        "REDLINE_STATE_DIR": str(tmp_path / "state"),
        "REDLINE_CONFIG_DIR": str(tmp_path / "config"),
        "REDLINE_KEY_FILE": str(tmp_path / "secret" / "master.key"),
        "YAHOO_BASE_URL": vendor.yahoo,
        "MASSIVE_API_BASE_URL": vendor.rest,
        "MASSIVE_API_KEY": KEY,
    }
    with Engine(load(environment, cwd=tmp_path), SystemClock()) as engine:
        for body in (ASKED, {**ASKED, "source": "massive", "end_date": "2020-08-28"}):
            assert engine.wait(engine.submit(engine.parse_download(body)).job_id, 60.0).complete

        rows = engine.held_bars(BarsQuery(("AAPL",), adjust=Adjust.NONE)).to_pylist()

        known = engine.coverage_read("AAPL", DAILY, date(2020, 8, 21), date(2020, 9, 4))

    assert [row["source"] for row in rows] == ["massive"] * 5 + ["yahoo"] * 5
    assert [one.state.value for one in known] == ["never_asked"] + ["stored"] * 10
