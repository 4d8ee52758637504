"""Rows of every width against the vendor's own answers, raw and adjusted: through engine, store and reading."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from redline.clock import SystemClock
from redline.config.settings import load
from redline.engine import Engine
from redline.errors import NoData
from redline.jobs.job import JobView
from redline.market.bar import BarSpec, Timespan
from redline.market.request import Adjust, BarsQuery
from redline.testing import Emulator
from tests.end_to_end.conftest import KEY, make_home

SPLIT = date(2020, 8, 31)  # AAPL 4:1, a Monday
WIDTHS = [("day", 1), ("week", 1), ("month", 1), ("quarter", 1), ("year", 1), ("day", 3), ("week", 2), ("month", 5)]
RANGES = [("2020-06-15", "2020-10-20"), ("2020-08-31", "2020-08-31"), ("2020-08-28", "2020-08-29")]


def answer(vendor: Emulator, timespan: str, multiplier: int, start: str, end: str, adjusted: bool) -> list[Any]:
    path = f"{vendor.rest}/v2/aggs/ticker/AAPL/range/{multiplier}/{timespan}/{start}/{end}"
    asked = {"limit": "50000", "adjusted": str(adjusted).lower(), "apiKey": KEY}
    rows: list[Any] = requests.get(path, params=asked, timeout=30).json()["results"]
    return rows


def done(engine: Engine, start: str, end: str, **more: object) -> JobView:
    body = {"ticker": "AAPL", "start_date": start, "end_date": end, **more}
    return engine.wait(engine.submit(engine.parse_download(body)).job_id, 60)


def query(timespan: str, multiplier: int, start: str, end: str, adjust: Adjust) -> BarsQuery:
    spec = BarSpec(Timespan(timespan), multiplier)
    return BarsQuery(("AAPL",), date.fromisoformat(start), date.fromisoformat(end), spec, adjust)


@pytest.fixture
def quick(tmp_path: Path, demo_vendor: Emulator) -> Iterator[Engine]:
    """An engine whose key has no tight limit."""
    demo_vendor.reset()
    env = make_home(tmp_path, MASSIVE_API_BASE_URL=demo_vendor.rest).env
    with Engine(load(env, cwd=tmp_path), SystemClock()) as made:
        made.save_key({"source": "massive", "api_key": KEY, "rate_limit_per_minute": 6000})
        yield made


@pytest.mark.parametrize(("timespan", "multiplier"), WIDTHS)
def test_bars_of_every_width_equal_the_vendors_raw_and_across_a_split(
    quick: Engine, demo_vendor: Emulator, timespan: str, multiplier: int
) -> None:
    for start, end in RANGES:
        job = done(quick, start, end, timespan=timespan, multiplier=multiplier)

        assert job.complete, job.gaps
        for adjust in (Adjust.NONE, Adjust.SPLITS):
            theirs = answer(demo_vendor, timespan, multiplier, start, end, adjust is Adjust.SPLITS)
            ours = quick.held_bars(query(timespan, multiplier, start, end, adjust)).to_pylist()
            assert [int(row["timestamp"].timestamp() * 1000) for row in ours] == [row["t"] for row in theirs]
            for mine, vendors in zip(ours, theirs, strict=True):
                for name, key in (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c")):
                    assert mine[name] == pytest.approx(vendors[key], abs=0.0001), (mine["date"], name, adjust)
                assert mine["volume"] == pytest.approx(vendors["v"], abs=1)
        assert job.records == len(ours)


def test_a_bar_that_a_split_cuts_costs_one_call_more_and_the_second_time_none(
    quick: Engine, demo_vendor: Emulator
) -> None:
    first, second = (done(quick, "2020-06-15", "2020-10-20", timespan="month") for _ in range(2))

    asked = [one["path"].split("/range/")[-1] for one in demo_vendor.ledger()]
    assert (first.requests, second.requests, second.records) == (3, 0, 5)
    assert sorted(asked) == ["/stocks/v1/splits", "1/day/2020-08-03/2020-08-31", "1/month/2020-06-01/2020-10-31"]


def test_a_bar_that_a_split_cuts_is_an_error_when_its_days_are_not_held_and_never_wrong(quick: Engine) -> None:
    done(quick, "2020-08-03", "2020-08-07")  # brings the splits
    done(quick, "2020-08-01", "2020-09-30", timespan="month", adjusted=False)

    with pytest.raises(NoData, match="2020-08-31 falls inside of the month bar of 2020-08-01"):
        quick.bars(query("month", 1, "2020-08-01", "2020-09-30", Adjust.SPLITS))

    assert quick.bars(query("month", 1, "2020-09-01", "2020-09-30", Adjust.SPLITS)).num_rows == 1


def test_days_that_cannot_be_had_leave_the_job_incomplete_and_a_retry_brings_them(
    quick: Engine, demo_vendor: Emulator
) -> None:
    bad = {"status": 200, "body": '{"status":"OK","resultsCount":5,"queryCount":5,"ticker":"AAPL"}'}
    demo_vendor.faults([{"match": {"path": "/range/1/day/", "times": 0}, "do": bad}])
    job = done(quick, "2020-08-01", "2020-09-30", timespan="month")
    assert (job.state.value, job.error and job.error.code) == ("incomplete", "malformed_page")
    demo_vendor.clear_faults()

    quick.retry(job.job_id)

    assert quick.wait(job.job_id, 60).complete
    assert quick.bars(query("month", 1, "2020-08-01", "2020-09-30", Adjust.SPLITS)).num_rows == 2
