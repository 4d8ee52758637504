"""The query of a page as text to paste elsewhere."""

from __future__ import annotations

import ast
import shlex
from datetime import date

from redline.market.bar import BarSpec, Timespan
from redline.market.request import Adjust, BarsQuery
from redline.web.contexts.elsewhere import snippets

QUERY = BarsQuery(("BRK.B",), date(2020, 8, 3), date(2020, 8, 31), BarSpec(Timespan.MINUTE, 5), Adjust.NONE)
ADDRESS = "http://127.0.0.1:8080"


def test_python_asks_for_the_same_bars() -> None:
    python = snippets(QUERY, ADDRESS, password=False, demo=False)[0].text

    call = next(node for node in ast.walk(ast.parse(python)) if isinstance(node, ast.Call) and node.args)
    assert [ast.literal_eval(given) for given in call.args] == ["BRK.B", "2020-08-03", "2020-08-31"]
    assert {one.arg: ast.literal_eval(one.value) for one in call.keywords} == {
        "timespan": "minute",
        "multiplier": 5,
        "adjust": "none",
    }


def test_curl_asks_for_the_same_bars_with_a_token_where_a_password_is_set() -> None:
    curl = shlex.split(snippets(QUERY, ADDRESS, password=True, demo=False)[1].text)

    given = [curl[at + 1] for at, word in enumerate(curl) if word == "-d"]
    assert given[:2] == ["ticker=BRK.B", "timespan=minute"]
    assert {"multiplier=5", "start=2020-08-03", "end=2020-08-31", "adjust=none"} <= set(given)
    assert "Authorization: Bearer $REDLINE_TOKEN" in curl


def test_python_says_that_the_demo_is_not_behind_it() -> None:
    said = [
        snippets(QUERY, ADDRESS, password=False, demo=demo)[0].text.startswith("# Needs a key")
        for demo in (False, True)
    ]

    assert said == [False, True]


def test_curl_keeps_every_letter_of_a_ticker() -> None:
    curl = snippets(BarsQuery(("A+B=C",)), ADDRESS, password=False, demo=False)[1].text

    assert "ticker=A%2BB%3DC" in curl  # A plus in an address is a space.
