from __future__ import annotations

import csv
import io
import json
import stat
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.market.bar import BarSpec, Timespan
from redline.market.request import BarsQuery, Format
from redline.query import export, file_name, media_type
from tests.store.samples import bars

D1, D2 = date(2024, 1, 12), date(2024, 1, 13)  # the 13th has no VWAP
RISKY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\0=1"]


def given_bars() -> pa.Table:
    return bars("TRUE", {D1: -1.5, D2: 2.25})


@pytest.mark.parametrize("fmt", list(Format))
def test_file_is_private_whole_and_leaves_nothing_beside_it(tmp_path: Path, fmt: Format) -> None:
    target = tmp_path / f"x.{fmt.value}"
    target.write_bytes(b"an older export")

    export(given_bars(), fmt, target, "bars")

    assert [path.name for path in tmp_path.iterdir()] == [target.name]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.stat().st_size > 100


@pytest.mark.parametrize("fmt", list(Format))
def test_stream_gets_the_same_rows(fmt: Format) -> None:
    out = io.BytesIO()

    export(given_bars(), fmt, out, "bars")

    assert len(out.getvalue()) > 100
    assert "/" in media_type(fmt)


def test_csv_has_plain_numbers_and_iso_times(tmp_path: Path) -> None:
    export(given_bars(), Format.CSV, tmp_path / "x.csv")

    [heading, first, second] = csv.reader(io.StringIO((tmp_path / "x.csv").read_text()))

    assert heading[:4] == ["ticker", "timestamp", "date", "open"]
    assert first[:4] == ["TRUE", "2024-01-12T05:00:00Z", "2024-01-12", "-1.5"]
    assert second[heading.index("vwap")] == ""


@pytest.mark.parametrize("risky", RISKY)
def test_csv_text_that_could_run_is_quoted_and_numbers_are_not(risky: str) -> None:
    table = pa.table({risky: [risky, "plain"], "n": [-1.5, 2.0]})
    out = io.BytesIO()

    export(table, Format.CSV, out)

    rows = list(csv.reader(io.StringIO(out.getvalue().decode(), newline="")))
    assert rows == [[f"'{risky}", "n"], [f"'{risky}", "-1.5"], ["plain", "2"]]


def test_fractions_of_seconds_survive_in_csv() -> None:
    times = [datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC), datetime(2024, 1, 2, 3, 4, 5, 250_000, tzinfo=UTC)]
    out = io.BytesIO()

    export(pa.table({"t": pa.array(times, pa.timestamp("us", "UTC"))}), Format.CSV, out)

    assert out.getvalue().decode().split()[1:] == ['"2024-01-02T03:04:05Z"', '"2024-01-02T03:04:05.250000Z"']


@pytest.mark.parametrize("fmt", [Format.PARQUET, Format.FEATHER])
def test_arrow_formats_return_the_table_they_were_given(tmp_path: Path, fmt: Format) -> None:
    from pyarrow import feather

    export(given_bars(), fmt, tmp_path / "x")

    read = pq.read_table if fmt is Format.PARQUET else feather.read_table
    assert read(tmp_path / "x").equals(given_bars())


def test_json_is_columns_and_rows_with_null_for_what_is_no_number() -> None:
    table = pa.table({"a": [1.5, float("nan"), float("inf"), None], "b": ["x", "é", "", None]})
    out = io.BytesIO()

    export(table, Format.JSON, out)

    assert json.loads(out.getvalue()) == {
        "columns": ["a", "b"],
        "rows": [[1.5, "x"], [None, "é"], [None, ""], [None, None]],
    }


def test_json_of_no_rows_is_json() -> None:
    out = io.BytesIO()

    export(given_bars().slice(0, 0), Format.JSON, out)

    assert json.loads(out.getvalue())["rows"] == []


def test_json_of_many_batches_is_one_list() -> None:
    out = io.BytesIO()

    export(pa.table({"n": list(range(45_000))}), Format.JSON, out)

    assert [row[0] for row in json.loads(out.getvalue())["rows"]] == list(range(45_000))


@pytest.mark.parametrize("risky", RISKY)
def test_excel_text_is_text(risky: str) -> None:
    from openpyxl import load_workbook

    out = io.BytesIO()
    export(pa.table({"t": [risky], "n": [-1.5]}), Format.XLSX, out, "a/b:c")

    sheet = load_workbook(io.BytesIO(out.getvalue())).active
    assert sheet is not None
    assert sheet["A2"].data_type == "s"
    assert sheet["B2"].value == -1.5
    assert sheet["B2"].data_type == "n"


def test_excel_refuses_more_rows_than_a_sheet_has(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="1,048,576"):
        export(pa.table({"n": pa.nulls(1_048_576, pa.int8())}), Format.XLSX, tmp_path / "x.xlsx")

    assert list(tmp_path.iterdir()) == []


def test_duckdb_file_has_the_table(tmp_path: Path) -> None:
    import duckdb

    export(given_bars(), Format.DUCKDB, tmp_path / "x.duckdb", "bars")

    with duckdb.connect(str(tmp_path / "x.duckdb"), read_only=True) as database:
        assert database.execute("SELECT ticker, close, vwap FROM bars ORDER BY date").fetchall() == [
            ("TRUE", -1.5, -1.5),
            ("TRUE", 2.25, None),
        ]


def test_failed_export_leaves_the_older_file(tmp_path: Path) -> None:
    target = tmp_path / "x.xlsx"
    target.write_bytes(b"older")

    with pytest.raises(ValueError, match="sheet"):
        export(pa.table({"n": pa.nulls(1_048_576, pa.int8())}), Format.XLSX, target)

    assert target.read_bytes() == b"older"


@given(st.text(min_size=1, max_size=64), st.text(min_size=1, max_size=64), st.sampled_from(list(Format)))
def test_names_stay_in_their_folder_and_two_tickers_never_meet(one: str, other: str, fmt: Format) -> None:
    names = [file_name(BarsQuery((ticker,), D1, D2), fmt) for ticker in (one, other)]

    for name in names:
        assert name.count(".") == 1
        assert set(name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")
        assert len(name) < 200
    assert (names[0].casefold() == names[1].casefold()) == (one == other)


def test_name_says_what_is_inside() -> None:
    query = BarsQuery(("AAPL", "BRK.B"), D1, D2, BarSpec(Timespan.MINUTE, 5))

    assert file_name(query, Format.CSV) == "AAPL_BRK-2E-B_5minute_2024-01-12_2024-01-13_adjust-splits.csv"
    assert file_name(BarsQuery(tuple("ABCDE")), Format.CSV) == "A_B_C_and_2_more_1day_adjust-splits.csv"


def test_many_rows_go_out_in_pieces(tmp_path: Path) -> None:
    first = datetime(2024, 1, 2, tzinfo=UTC)
    table = pa.table(
        {"t": pa.array([first + timedelta(seconds=at) for at in range(45_000)], pa.timestamp("us", "UTC"))}
    )

    export(table, Format.CSV, tmp_path / "x.csv")

    assert len((tmp_path / "x.csv").read_text().splitlines()) == 45_001
