"""What rows say does not hang on how Arrow cut them into chunks."""

from __future__ import annotations

from datetime import date

import pyarrow as pa

from redline.market.schema import BARS_WIRE
from redline.store.contents import content, joined, ranked
from tests.store.samples import bars

DAY = date(2024, 1, 3)


def test_rows_in_many_chunks_say_what_they_say_in_one() -> None:
    parts = [bars(ticker, {DAY: 1.0}) for ticker in ("B", "A", "B", "NA")]
    cut = pa.concat_tables(parts)
    whole = cut.combine_chunks()

    assert cut["ticker"].num_chunks == 4
    assert content(cut) == content(whole)
    assert content(cut) == joined(content(one) for one in parts)


def test_each_row_of_a_column_in_chunks_finds_its_own_text() -> None:
    column = pa.chunked_array([["B", "A"], [], ["A", "C", "B"]], pa.string())

    texts, places = ranked(column)

    assert [texts[int(at)].as_py() for at in places] == ["B", "A", "A", "C", "B"]
    assert len(texts) == 3


def test_a_missing_text_counts_as_missing_and_not_as_an_empty_one() -> None:
    schema = pa.schema([pa.field("batch", pa.string())])
    missing, empty = (pa.table({"batch": pa.array([one], pa.string())}, schema=schema) for one in (None, ""))

    assert content(missing) != content(empty)


def test_no_rows_have_a_content() -> None:
    assert content(BARS_WIRE.empty_table()) == "0:0000000000000000"
