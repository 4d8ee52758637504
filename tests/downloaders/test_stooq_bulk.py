"""Stooq's bulk files from disk: what is in them, what is not, and files that are none."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from redline.downloaders import stooq_bulk
from redline.downloaders.stooq_downloader import StooqDownloader
from redline.errors import BadField, MalformedPage, UnknownTicker, Unsupported
from redline.market.schema import BAR_COLUMNS
from redline.net.budget import Budgets
from redline.testing import FakeClock

HEADER = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"
AAPL = "data/daily/us/nasdaq stocks/1/aapl.us.txt"


def row(symbol: str, day: str, close: float = 2.0, volume: str = "9.5", period: str = "D") -> str:
    return f"{symbol},{period},{day},000000,1.5,2.5,1.25,{close},{volume},0"


def text(*rows: str) -> str:
    return "\r\n".join([HEADER, *rows, ""])


@pytest.fixture
def stooq(tmp_path: Path) -> StooqDownloader:
    clock = FakeClock()
    with_nothing_sent = Budgets(tmp_path / "budgets.db", clock)
    return StooqDownloader(base_url="http://127.0.0.1:9", budgets=with_nothing_sent, clock=clock)


def archive(folder: Path, files: dict[str, str]) -> Path:
    path = folder / "d_us_txt.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, body in files.items():
            made.writestr(name, body)
    return path


def test_frames_of_those_asked_for_in_their_order_and_what_is_lacking(stooq: StooqDownloader, tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        {
            AAPL: text(row("AAPL.US", "20200908"), row("AAPL.US", "20200909", 2.25)),
            "data/daily/us/nyse stocks/1/brk-b.us.txt": text(row("BRK-B.US", "20200908")),
            "data/daily/us/nyse stocks/1/ko.us.txt": text(row("KO.US", "20200908")),
        },
    )

    frames = stooq.read_bulk(path, ["BRK.B", "NOSUCH", "AAPL", "AAPL"])

    assert list(frames) == ["BRK.B", "AAPL"]
    assert tuple(frames["AAPL"].columns) == BAR_COLUMNS
    assert frames["AAPL"]["close"].tolist() == [2.0, 2.25]
    assert frames["AAPL"]["volume"].tolist() == [9.5, 9.5]
    assert set(frames["AAPL"]["source"]) == {"stooq_bulk"}
    assert frames["AAPL"]["timestamp"].iloc[0].hour == 4  # midnight in New York
    assert frames["AAPL"].attrs == {"adjustment": "splits and dividends", "set_aside": 0}
    assert {ticker: type(error) for ticker, error in stooq.failures.items()} == {"NOSUCH": UnknownTicker}


def test_without_tickers_all_that_have_a_word_of_ours(stooq: StooqDownloader, tmp_path: Path) -> None:
    path = archive(
        tmp_path,
        {
            AAPL: text(row("AAPL.US", "20200908")),
            "data/daily/world/indices/^spx.txt": text(row("^SPX", "20200908")),
            "data/daily/world/currencies/major/eurusd.txt": text(row("EURUSD", "20200908", volume="0")),
            "data/daily/world/cryptocurrencies/btc.v.txt": text(row("BTC.V", "20200908")),
            "data/daily/uk/lse stocks/vod.uk.txt": text(row("VOD.UK", "20200908")),
            "data/daily/us/readme.md": "no rows",
        },
    )

    frames = stooq.read_bulk(path)

    assert list(frames) == ["AAPL", "I:SPX", "C:EURUSD", "X:BTCUSD"]
    assert frames["C:EURUSD"]["volume"].isna().all()
    assert frames["X:BTCUSD"]["timestamp"].iloc[0].hour == 0
    assert stooq.failures == {}


def test_an_update_holds_many_tickers_and_a_day_that_comes_twice_stays_as_it_came_first(
    stooq: StooqDownloader, tmp_path: Path
) -> None:
    path = archive(
        tmp_path,
        {
            AAPL: text(row("AAPL.US", "20200909", 2.25)),
            "20200909_d.txt": text(row("AAPL.US", "20200908"), row("AAPL.US", "20200909"), row("KO.US", "20200909")),
        },
    )

    frames = stooq.read_bulk(path)

    assert list(frames) == ["AAPL", "KO"]
    assert [day.day for day in frames["AAPL"]["date"]] == [8, 9]
    assert frames["AAPL"]["close"].tolist() == [2.0, 2.25]
    assert frames["AAPL"].attrs["set_aside"] == 1


def test_rows_that_can_be_none_are_counted_and_an_empty_file_is_an_empty_frame(
    stooq: StooqDownloader, tmp_path: Path
) -> None:
    bad = [row("AAPL.US", "2020-09-10"), row("AAPL.US", "20200911", -1.0), "AAPL.US,D,2020"]
    path = archive(
        tmp_path, {AAPL: text(row("AAPL.US", "20200908"), *bad), "ko.us.txt": "", "t.us.txt": text("T.US,D,2020")}
    )

    frames = stooq.read_bulk(path)

    assert (len(frames["AAPL"]), frames["AAPL"].attrs["set_aside"]) == (1, 3)
    assert (len(frames["KO"]), frames["KO"].attrs["set_aside"]) == (0, 0)
    assert (len(frames["T"]), frames["T"].attrs["set_aside"]) == (0, 1)


def test_one_file_out_of_the_archive_is_read_too(stooq: StooqDownloader, tmp_path: Path) -> None:
    path = tmp_path / "aapl.us.txt"
    path.write_text(text(row("AAPL.US", "20200908")))

    assert list(stooq.read_bulk(str(path))) == ["AAPL"]


def test_hours_are_unsupported(stooq: StooqDownloader, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="holds no days"):
        stooq.read_bulk(archive(tmp_path, {AAPL: text(row("AAPL.US", "20200908", period="60"))}))


def test_what_is_no_bulk_file_is_said(stooq: StooqDownloader, tmp_path: Path) -> None:
    page, cut = tmp_path / "page.zip", tmp_path / "cut.zip"
    page.write_text("<html>verify your browser</html>")
    whole = archive(tmp_path, {AAPL: text(*(row("AAPL.US", f"2020090{day}") for day in range(1, 10)))}).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    damaged = bytearray(whole)
    damaged[80:90] = bytes(10)
    (tmp_path / "damaged.zip").write_bytes(damaged)

    for path in (page, cut, tmp_path / "damaged.zip"):
        with pytest.raises(MalformedPage, match=r"no zip, or damaged"):
            stooq.read_bulk(path)
    with pytest.raises(MalformedPage, match="another header"):
        stooq.read_bulk(archive(tmp_path, {AAPL: "Date,Open\n2020-09-08,1"}))
    with pytest.raises(BadField, match="no such file"):
        stooq.read_bulk(tmp_path / "nosuch.zip")
    with pytest.raises(BadField, match="no such file"):
        stooq.read_bulk(tmp_path)


def test_a_file_that_unpacks_to_more_than_memory_should_hold_is_refused(stooq: StooqDownloader, tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made, made.open(AAPL, "w") as file:
        for _ in range(stooq_bulk.MOST_BYTES // 2**20 + 1):
            file.write(bytes(2**20))

    assert path.stat().st_size < 200_000
    with pytest.raises(MalformedPage, match="larger than"):
        stooq.read_bulk(path)


def test_a_file_that_was_not_asked_for_is_not_read(stooq: StooqDownloader, tmp_path: Path) -> None:
    path = archive(tmp_path, {AAPL: text(row("AAPL.US", "20200908")), "ko.us.txt": "no bulk file at all"})

    assert list(stooq.read_bulk(path, ["AAPL"])) == ["AAPL"]
