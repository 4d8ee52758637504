"""The issue's own words: AAPL over two splits, raw and adjusted, by page, JSON, command and Python, row for row."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from redline.testing import Emulator
from tests.end_to_end.conftest import KEY, Home, Server

RANGES = [(date(2014, 5, 1), date(2014, 7, 1)), (date(2020, 8, 1), date(2020, 10, 1))]
COLUMNS = ["ticker", "timestamp", "date", "open", "high", "low", "close", "volume", "vwap", "transactions", "source"]
PRICES = ("open", "high", "low", "close")
#: AAPL split 7:1 on 2014-06-09 and 4:1 on 2020-08-31 (splits.json of both folders).
SPLITS = [(date(2014, 6, 9), 7), (date(2020, 8, 31), 4)]

Row = tuple[str, float, float, float, float, float]


def expected(folder: Path, start: date, end: date, *, adjusted: bool) -> list[Row]:
    """The rows of the data folder; adjusted by the splits after each date, to the cent."""
    table = pq.read_table(folder / "bars_day.parquet", filters=[("ticker", "=", "AAPL")])
    table = table.filter(pc.and_(pc.greater_equal(table["date"], start), pc.less_equal(table["date"], end)))
    rows = []
    for row in sorted(table.to_pylist(), key=lambda one: one["date"]):
        ratio = 1
        for day, times in SPLITS:
            ratio *= times if adjusted and row["date"] < day else 1
        rows.append(shown(row["date"].isoformat(), [row[name] / ratio for name in PRICES], row["volume"] * ratio))
    return rows


def shown(day: str, prices: list[float], volume: float) -> Row:
    first, second, third, fourth = (round(price, 2) for price in prices)
    return day[:10], first, second, third, fourth, round(volume, 3)


def from_csv(text: str) -> list[Row]:
    return [
        shown(row["date"], [float(row[name]) for name in PRICES], float(row["volume"]))
        for row in csv.DictReader(io.StringIO(text))
    ]


def from_json(body: dict[str, Any]) -> list[Row]:
    at = {name: n for n, name in enumerate(body["columns"])}
    return [shown(row[at["date"]], [row[at[name]] for name in PRICES], row[at["volume"]]) for row in body["rows"]]


@pytest.mark.parametrize(("start", "end"), RANGES, ids=["2014", "2020"])
def test_by_json_and_by_page(folder: Path, server: Server, vendor: Emulator, start: date, end: date) -> None:
    body = {"ticker": "AAPL", "start_date": f"{start}", "end_date": f"{end}"}

    answer = server.post("/download", body)

    assert answer.status_code == 200, answer.text
    made = answer.json()
    assert (made["records"], made["complete"], made["gaps"], made["requests"]) == (43, True, [], 2)
    assert made["columns"] == COLUMNS
    query = f"/data/bars?ticker=AAPL&start={start}&end={end}"
    assert from_json(server.get(query).json()) == expected(folder, start, end, adjusted=True)
    assert from_json(server.get(query + "&adjust=none").json()) == expected(folder, start, end, adjusted=False)
    assert from_csv(server.get(query + "&format=csv").text) == expected(folder, start, end, adjusted=True)
    assert len(vendor.ledger()) == 2

    again = server.post("/download", body).json()

    assert (again["records"], again["requests"]) == (43, 0)
    assert len(vendor.ledger()) == 2
    page = server.get(f"/jobs/{made['job_id']}", Accept="text/html")
    assert page.status_code == 200
    assert "complete" in page.text


@pytest.mark.parametrize(("start", "end"), RANGES, ids=["2014", "2020"])
def test_by_command(folder: Path, home: Home, tmp_path: Path, start: date, end: date) -> None:
    for adjust in ("none", "splits"):
        out = tmp_path / f"{adjust}.csv"

        done = home.run(
            "download",
            "AAPL",
            "--start",
            f"{start}",
            "--end",
            f"{end}",
            "--adjust",
            adjust,
            "--out",
            f"{out}",
            "--json",
        )

        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["records"] == 43
        assert from_csv(out.read_text()) == expected(folder, start, end, adjusted=adjust == "splits")


def test_by_python(folder: Path, home: Home) -> None:
    found = home.python("""
import json, os, redline
from redline.downloaders.massive_downloader import MassiveDownloader
frames = {}
with redline.open() as market:
    for start, end in (("2014-05-01", "2014-07-01"), ("2020-08-01", "2020-10-01")):
        frames["store splits " + start[:4]] = market.download("AAPL", start, end)
        frames["store none " + start[:4]] = market.download("AAPL", start, end, adjust="none")
alone = MassiveDownloader(os.environ["MASSIVE_API_KEY"])
for start, end in (("2014-05-01", "2014-07-01"), ("2020-08-01", "2020-10-01")):
    frames["alone splits " + start[:4]] = alone.download_single_ticker("AAPL", start, end)
    frames["alone none " + start[:4]] = alone.download_single_ticker("AAPL", start, end, adjusted=False)
print(json.dumps({name: frame.to_csv(index=False) for name, frame in frames.items()}))
""")

    assert len(found) == 8
    for name, text in found.items():
        start, end = RANGES[0] if name.endswith("2014") else RANGES[1]
        assert from_csv(text) == expected(folder, start, end, adjusted=" splits " in name), name


def test_a_longer_range_costs_only_what_is_missing(home: Home, vendor: Emulator) -> None:
    home.run("download", "AAPL", "--start", "2020-08-03", "--end", "2020-08-31")

    done = home.run("download", "AAPL", "--start", "2020-08-03", "--end", "2020-10-01", "--json")

    assert json.loads(done.stdout)["requests"] == 1
    bars = [one["path"] for one in vendor.ledger() if "/aggs/" in one["path"]]
    assert re.search(r"/range/1/day/2020-09-01/2020-10-01", bars[-1])


def test_the_key_is_nowhere_but_encrypted(home: Home, server: Server) -> None:
    pages = [
        "/",
        "/jobs",
        "/data?ticker=AAPL",
        "/settings",
        "/settings/api-keys",
        "/budget",
        "/healthz",
        "/jobs/nosuch",
    ]
    server.post("/download", {"ticker": "AAPL", "start_date": "2020-08-03", "end_date": "2020-08-31"})
    server.post("/download", {"ticker": "AAPL", "start_date": "2020-08-03", "end_date": "2020-09-30", "api_key": KEY})
    saved = server.post("/settings/api-keys", {"source": "massive", "api_key": KEY, "rate_limit_per_minute": 60})
    server.post("/settings/api-keys/massive/test", {})
    seen = [saved.text, *[server.get(page, Accept="text/html").text for page in pages]]
    code, said = server.stop()
    seen += [
        said,
        home.run("status").stdout,
        home.run("keys", "list").stdout,
        home.run("keys", "list", "--json").stdout,
    ]

    assert saved.status_code == 201
    assert code == 0
    files = [path for path in home.folder.rglob("*") if path.is_file()]
    assert any(path.name == "api_keys.json" for path in files)
    haystack = [text.encode() for text in seen] + [path.read_bytes() for path in files]
    raw = KEY.encode()
    for needle in (raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="), raw[::-1], raw[:12]):
        assert not [hay[:80] for hay in haystack if needle in hay]


def test_folders_and_files_are_private(home: Home, server: Server) -> None:
    server.post("/download", {"ticker": "AAPL", "start_date": "2020-08-03", "end_date": "2020-08-31"})
    server.get("/data/bars?ticker=AAPL&format=xlsx")
    server.stop()

    for top in ("data", "state", "config"):
        for path in [home.folder / top, *(home.folder / top).rglob("*")]:
            mode = path.stat().st_mode & 0o777
            allowed = {0o700} if path.is_dir() else {0o600, 0o440, 0o444, 0o400}
            assert mode in allowed, f"{path.relative_to(home.folder)} has mode {mode:o}"
