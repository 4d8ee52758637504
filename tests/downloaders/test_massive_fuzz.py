"""Any answer is survived: a typed error, or rows that are right (promise S12)."""

from __future__ import annotations

import math
import random

import pytest

from redline.downloaders import massive_actions, massive_bars
from redline.downloaders.pager import Parsed
from redline.errors import RedlineError
from redline.market.request import Dataset
from tests.downloaders.bodies import DAYS, answer, daily, dumps, part

WEIRD = [
    *(b"NaN", b"-Infinity", b"1e400", b"null", b"true", b'"x"', b"[]", b"{}", b"-0", b"9" * 400, b"[" * 2_000),
    *(b'"o":1,', b"}", b"]", b",", b'"', b"\\", b'"\\ud800"', b"\xff", b"\x00", b"1e-999", b"18446744073709551616"),
]


def mutated(body: bytes, rng: random.Random) -> bytes:
    """Cut, drop, double, overwrite or replace a piece."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(body) + 1)
        length = rng.choice((1, 1, 2, 8, 40))
        kind = rng.randrange(6)
        if kind == 0:
            body = body[:at]
        elif kind == 1:
            body = body[:at] + body[at + length :]
        elif kind == 2:
            body = body[:at] + body[at : at + length] * 2 + body[at + length :]
        elif kind == 3:
            body = body[:at] + bytes(rng.randrange(256) for _ in range(length)) + body[at + length :]
        elif kind == 4:
            body = body[:at] + rng.choice(WEIRD) + body[at:]
        else:
            body = body[:at] + rng.choice(WEIRD) + body[at + length :]
    return body


def check_bars(parsed: Parsed, served: int) -> None:
    rows = parsed.table.to_pylist()
    times = [row["timestamp"] for row in rows]
    assert times == sorted(set(times))
    assert len(rows) + len(parsed.set_aside) <= served + 3  # a mutation may add a row
    for row in rows:
        assert row["ticker"] == "ACME"
        assert DAYS[0] <= row["date"] <= DAYS[-1]
        assert all(math.isfinite(row[name]) and row[name] > 0 for name in ("open", "high", "low", "close"))
        assert row["high"] >= row["low"]
        assert row["volume"] is None or (math.isfinite(row["volume"]) and row["volume"] >= 0)


@pytest.mark.parametrize("seed", range(8))
def test_a_mutated_page_of_bars_gives_right_rows_or_a_typed_error(seed: int) -> None:
    rng, body, refused = random.Random(seed), answer(daily()), 0
    for _ in range(250):
        try:
            parsed = massive_bars.parse_page(mutated(body, rng), part(), adjusted=False)
        except RedlineError:
            refused += 1
        else:
            check_bars(parsed, 3)

    assert 0 < refused < 250


@pytest.mark.parametrize("dataset", [Dataset.SPLITS, Dataset.DIVIDENDS])
def test_a_mutated_list_of_actions_gives_right_rows_or_a_typed_error(dataset: Dataset) -> None:
    rows = [
        {
            "id": "E1", "ticker": "ACME", "execution_date": "2020-08-31", "split_from": 1, "split_to": 4,
            "adjustment_type": "forward_split", "historical_adjustment_factor": 0.25,
            "ex_dividend_date": "2020-08-31", "cash_amount": 0.5, "frequency": 4, "pay_date": "2020-09-10",
        }
    ] * 2  # fmt: skip
    body = dumps({"status": "OK", "request_id": "x", "results": rows})
    rng, refused = random.Random(1), 0
    for _ in range(400):
        try:
            parsed = massive_actions.parse_page(mutated(body, rng), part(dataset=dataset))
        except RedlineError:
            refused += 1
        else:
            assert set(parsed.table.column("ticker").to_pylist()) <= {"ACME"}

    assert 0 < refused < 400
