"""The demo market behind the engine: its budget from the start, its tickers by name, its rows in their own store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from redline import emulator
from redline.clock import SystemClock
from redline.config.settings import Settings, load
from redline.demo import DemoMarket
from redline.engine import Engine
from redline.errors import JobFailed, NoData
from redline.market.request import BarsQuery

ASKED = {"ticker": "AAPL", "start_date": "2020-08-24", "end_date": "2020-09-04"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    environment = {
        "HOME": str(tmp_path / "user"),
        "REDLINE_HOME": str(tmp_path / "home"),
        "REDLINE_STATE_DIR": str(tmp_path / "state"),
        "REDLINE_CONFIG_DIR": str(tmp_path / "config"),
        "REDLINE_KEY_FILE": str(tmp_path / "secret" / "master.key"),
    }
    return load(environment, cwd=tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    with DemoMarket() as market, Engine(settings, SystemClock(), demo=market) as made:
        yield made


def test_the_demo_has_a_budget_before_anything_was_asked(engine: Engine) -> None:
    rows = engine.budget()

    assert [(row["source"], row["limit"], row["used"]) for row in rows] == [("massive", 600, 0)]


def test_an_engine_that_only_looks_starts_no_market(settings: Settings) -> None:
    market = DemoMarket()
    with Engine(settings, SystemClock(), demo=market, work=False) as engine:
        assert engine.demo
        assert engine.budget() == []
    market.stop()


def test_the_budget_of_the_demo_steps_aside_with_it(engine: Engine) -> None:
    assert len(engine.budget()) == 1
    engine.save_key({"source": "massive", "api_key": "canary-of-the-test-1a2b", "rate_limit_per_minute": 7})

    assert [row["limit"] for row in engine.budget()] == [7]

    engine.delete_key("massive")

    assert next(row["limit"] for row in engine.budget()) == 600  # What stands in now is the first.


def test_a_demo_job_is_read_from_the_demo_after_a_key_was_saved(engine: Engine) -> None:
    job = engine.submit(engine.parse_download(ASKED))
    assert engine.wait(job.job_id, 30).ended
    engine.save_key({"source": "massive", "api_key": "canary-of-the-test-1a2b"})
    query = BarsQuery(("AAPL",), date(2020, 8, 24), date(2020, 9, 4))

    with pytest.raises(NoData):
        engine.bars(query)
    its = engine.holdings_of(job.job_id)

    assert its.demo
    assert its.bars(query).num_rows == 10
    assert its.splits("AAPL").num_rows
    assert all(one.rows for one in its.coverage("AAPL", query.spec, date(2020, 8, 24), date(2020, 8, 28)))


def test_an_unknown_ticker_of_the_demo_is_told_which_there_are(engine: Engine) -> None:
    job = engine.submit(engine.parse_download(ASKED | {"ticker": "TSLA"}))
    engine.wait(job.job_id, 30)

    with pytest.raises(JobFailed, match="TSLA") as failed:
        engine.result(job.job_id)

    assert failed.value.code == "unknown_ticker"
    assert "AAPL, AMZN, DIS" in failed.value.hint


def test_the_demo_names_all_tickers_of_its_market() -> None:
    reference = Path(emulator.__file__).parent / "market" / "reference.json"

    assert tuple(row["ticker"] for row in json.loads(reference.read_text())) == DemoMarket.tickers
