"""The audit of the proofs finds what it is there to find: each kind of harm, done on purpose."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from deltalake import DeltaTable, write_deltalake

from bench.audit import Findings, Wanted, audit, most_in_a_window, served_rows
from bench.generated_market import tickers_of, truth_of, write_market
from redline.clock import SystemClock
from redline.config.settings import load
from redline.engine import Engine
from redline.market.request import DownloadRequest
from redline.testing import Emulator

KEY = "auditKey000000000000001"
TICKERS = tickers_of(3)
WANTED = Wanted(TICKERS, "day", date(2024, 1, 2), date(2024, 1, 12))


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    write_market(folder, TICKERS, date(2024, 1, 2), date(2024, 1, 31), seed=1)
    return folder


@pytest.fixture
def emulator(market: Path) -> Iterator[Emulator]:
    with Emulator(market, key=KEY) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, emulator: Emulator) -> Path:
    """A home that holds what ``WANTED`` says, downloaded from the emulator."""
    env = {
        "HOME": str(tmp_path),
        "REDLINE_HOME": str(tmp_path / "home"),
        "REDLINE_STATE_DIR": str(tmp_path / "state"),
        "REDLINE_CONFIG_DIR": str(tmp_path / "config"),
        "MASSIVE_API_BASE_URL": emulator.rest,
    }
    (tmp_path / "config").mkdir()
    key = {"massive": {"api_key": KEY, "rate_limit_per_minute": 6_000}}
    (tmp_path / "config" / "api_keys.json").write_text(json.dumps(key))
    with Engine(load(env, cwd=tmp_path), SystemClock()) as engine:
        job = engine.submit(DownloadRequest(TICKERS, WANTED.start, WANTED.end))
        assert engine.wait(job.job_id, 60).complete
    return tmp_path / "home"


def looked_at(home: Path, market: Path, emulator: Emulator) -> Findings:
    return audit(home, truth_of(market), [WANTED], emulator.ledger(rows=True))


def test_a_store_that_holds_what_was_served_is_clean(home: Path, market: Path, emulator: Emulator) -> None:
    found = looked_at(home, market, emulator)

    assert found.clean, found.examples
    assert found.rows == len(WANTED.rows_of(truth_of(market))) == 27


def test_a_row_that_is_gone_is_lost(home: Path, market: Path, emulator: Emulator) -> None:
    DeltaTable(home / "store" / "bars").delete(f"ticker = '{TICKERS[1]}' AND date = '2024-01-09'")

    assert looked_at(home, market, emulator).lost == 1


def test_a_row_that_is_there_twice_is_doubled(home: Path, market: Path, emulator: Emulator) -> None:
    root = home / "store" / "bars"
    row = DeltaTable(root).to_pyarrow_table().slice(0, 1)
    write_deltalake(root, row, mode="append")

    assert looked_at(home, market, emulator).doubled == 1


def test_a_row_of_other_numbers_is_wrong(home: Path, market: Path, emulator: Emulator) -> None:
    truth = truth_of(market)
    at = truth.index[(truth["ticker"] == TICKERS[0]) & (truth["t"] == truth["t"].min())]
    truth.loc[at, "close"] += 0.01

    assert audit(home, truth, [WANTED], []).wrong == 1


def test_a_data_file_cut_short_is_torn(home: Path, market: Path, emulator: Emulator) -> None:
    path = next((home / "store" / "bars").rglob("*.parquet"))
    path.chmod(0o600)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    assert looked_at(home, market, emulator).torn == 1


def test_rows_of_a_cut_answer_do_not_count_as_served(market: Path, emulator: Emulator) -> None:
    path = f"/v2/aggs/ticker/{TICKERS[0]}/range/1/day/2024-01-02/2024-01-12"
    whole = {"path": path, "status": 200, "cut": False, "served": [1, 2, 3]}

    assert len(served_rows([whole])) == 3
    assert len(served_rows([whole | {"cut": True}, whole | {"status": 429}])) == 0


@pytest.mark.parametrize(("arrivals", "most"), [((), 0), ((0.0, 1.0, 2.0), 2), ((0.0, 1.999, 2.0, 3.9), 3)])
def test_a_window_is_half_open(arrivals: tuple[float, ...], most: int) -> None:
    assert most_in_a_window(arrivals, 2.0) == most
