"""Structs to columns: exactly the attributes, whatever the number of rows."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.downloaders.columns import packed_columns


class Row(msgspec.Struct):
    a: float
    long_name: float = math.nan
    flag: bool = False
    z: float = -1.5


ROWS = st.builds(Row, a=st.floats(), long_name=st.floats(), flag=st.booleans(), z=st.floats())


@given(st.lists(ROWS, max_size=40))
def test_columns_are_the_attributes_bit_by_bit(rows: list[Row]) -> None:
    columns = packed_columns(rows, Row)

    for name in ("a", "long_name", "z"):
        expected = np.array([getattr(row, name) for row in rows], "f8")
        assert columns[name].tobytes() == expected.tobytes()
    assert columns["flag"].tolist() == [row.flag for row in rows]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 65_535, 65_536])  # MessagePack's lists change their heads there
def test_every_number_of_rows_is_read(count: int) -> None:
    columns = packed_columns([Row(float(at)) for at in range(count)], Row)

    assert columns["a"].tolist() == list(range(count))
