"""``gaps``, ``verify``, ``repair``, ``explain`` and ``update``: what a script sees of what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from redline.testing import Emulator

pytestmark = pytest.mark.usefixtures("fast")

AUGUST = ("--start", "2020-08-03", "--end", "2020-08-31")


@pytest.fixture
def lost(shell: Any, tmp_path: Path) -> Any:
    """The shell over a store of two tickers, of which another program deleted two sessions."""
    shell("download", "AAPL,KO", *AUGUST, "--quiet")
    DeltaTable(tmp_path / "data" / "store" / "bars").delete(
        "ticker = 'KO' AND (date = DATE '2020-08-04' OR date = DATE '2020-08-31')"
    )
    return shell


def test_gaps_names_each_hole_and_ends_with_1(lost: Any) -> None:
    code, out, _ = lost("gaps")

    assert code == 1
    lines = out.splitlines()
    assert lines[0].split() == ["ticker", "first", "last", "state", "why"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["KO", "2020-08-04", "2020-08-04", "failed"],
        ["KO", "2020-08-31", "2020-08-31", "failed"],
    ]
    assert lost("gaps", "AAPL")[:2] == (0, "No gap.\n")
    found = json.loads(lost("gaps", "KO,AAPL", "--start", "2020-08-05", "--json")[1])["gaps"]
    assert [(one["ticker"], one["start"]) for one in found] == [("KO", "2020-08-31")]


def test_repair_fetches_what_is_gone_and_says_how_much_came_back(lost: Any, vendor: Emulator) -> None:
    sent = len(vendor.ledger())

    code, out, _ = lost("repair")

    assert code == 0
    assert "day bars of 1 ticker: 2 sessions came back." in out
    assert (len(vendor.ledger()) - sent, out.splitlines()[-1]) == (1, "1 call.")
    assert lost("gaps")[0] == 0

    code, out, _ = lost("repair", "--json")

    assert code == 0
    assert json.loads(out) == {"taken_out": [], "jobs": [], "calls": 0, "lacking": 0}


def test_repair_of_other_tickers_leaves_the_hole(lost: Any, vendor: Emulator) -> None:
    sent = len(vendor.ledger())

    assert lost("repair", "AAPL")[:2] == (0, "Nothing has to be repaired.\n")

    assert len(vendor.ledger()) == sent


def test_a_repair_that_the_vendor_fails_ends_with_1(lost: Any, vendor: Emulator) -> None:
    vendor.faults([{"match": {"path": "/v2/aggs"}, "do": {"status": 403, "body": "{}"}}])

    code, out, _ = lost("repair", "--json")

    assert code == 1
    found = json.loads(out)
    assert (found["lacking"], found["jobs"][0]["came_back"]) == (2, 0)


def test_verify_tells_a_damaged_file_and_repair_takes_it_out(shell: Any, tmp_path: Path) -> None:
    shell("download", "AAPL,KO", *AUGUST, "--quiet")
    assert shell("verify")[:2] == (0, "All files are as they were written.\n")
    file = max((tmp_path / "data" / "store" / "bars").rglob("*.parquet"), key=lambda path: path.stat().st_size)
    file.chmod(0o600)
    file.write_bytes(b"PAR1 nothing of it is left")

    code, out, said = shell("verify")

    assert code == 1
    assert "redline repair" in said
    assert len(out.splitlines()) == 1
    assert json.loads(shell("verify", "--json")[1])["ok"] is False
    assert shell("repair")[0] == 0
    assert shell("verify")[0] == 0
    assert json.loads(shell("download", "AAPL,KO", *AUGUST, "--json")[1])["records"] == 42


def test_explain_tells_the_story_of_a_hole(lost: Any) -> None:
    code, out, _ = lost("explain", "KO", "2020-08-31")

    assert code == 0
    assert out.startswith("KO day bars on 2020-08-31: failed.")
    assert "another program's change" in out
    assert out.splitlines()[-1] == "What to do: Fetch it again: python -m redline repair KO"
    assert json.loads(lost("explain", "AAPL", "2020-08-31", "--json")[1])["state"] == "stored"
    assert json.loads(lost("explain", "AAPL", "2020-08-30", "--json")[1])["state"] == "market_closed"


@pytest.mark.parametrize(
    "arguments",
    [
        ("gaps", "A/B"),
        ("gaps", "@nothing.csv"),
        ("gaps", "AAPL", "--start", "2020-08-31", "--end", "2020-08-03"),
        ("gaps", "--timespan", "fortnight"),
        ("gaps", "--source", "nowhere"),
        ("repair", "A/B"),
        ("repair", ","),
        ("explain", "AAPL", "2020-02-30"),
        ("explain", "AAPL", "2020-08-31", "--source", "nowhere"),
        ("update", "nothing"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_sentence_and_ends_with_2(shell: Any, arguments: tuple[str, ...]) -> None:
    code, out, said = shell(*arguments)

    assert (code, out) == (2, "")
    assert said.startswith("redline: ")
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2


@pytest.fixture
def demo(shell: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The shell without a key: the demo market, whose last session is the end of every update."""
    (tmp_path / "config" / "api_keys.json").unlink()
    monkeypatch.delenv("MASSIVE_API_BASE_URL")
    return shell


def test_update_brings_all_collections_or_the_named_ones_up_to_date(demo: Any) -> None:
    assert demo("update", "--json")[:2] == (0, '{"collections": []}\n')
    march = ("--start", "2021-03-01", "--end", "2021-03-31", "--quiet")
    demo("download", "AAPL,KO", *march, "--save-as", "two")
    demo("download", "IBM", *march, "--save-as", "one")

    code, out, _ = demo("update", "one", "--json")

    assert code == 0
    (done,) = json.loads(out)["collections"]
    assert (done["name"], done["job"]["state"], list(done["job"]["tickers"])) == ("one", "complete", ["IBM"])
    assert done["job"]["request"]["end_date"] == "2021-04-21"

    code, out, said = demo("update")

    assert code == 0
    assert [line for line in said.splitlines() if line.startswith("Collection")] == ["Collection one", "Collection two"]
    assert "2 tickers: 2 complete, 0 incomplete, 0 failed." in out


def test_collections_are_listed_and_forgotten(demo: Any) -> None:
    march = ("--start", "2021-03-01", "--end", "2021-03-31", "--quiet")
    demo("download", "AAPL,KO", *march, "--timespan", "hour", "--save-as", "two", "--update-at", "22:30")
    demo("download", "--universe", "us_stocks", "--as-of", "2021-03-01", *march, "--save-as", "all")

    listed = demo("update", "--list")

    assert listed[0] == 0
    for name, what in (("all", "us_stocks, day bars from"), ("two", "2 tickers, hour bars from")):
        assert any(line.startswith(name) and f"{what} 2021-03-01" in line for line in listed[1].splitlines())
    kept = {one["name"]: one for one in json.loads(demo("update", "--list", "--json")[1])["collections"]}
    assert kept["all"]["request"]["as_of"] == "2021-03-01"
    assert kept["two"]["next_update_at"].endswith("T22:30:00Z")
    assert demo("update", "--forget")[0] == 2
    assert demo("update", "--forget", "two", "NONE")[0] == 2
    assert json.loads(demo("update", "--forget", "two", "--json")[1]) == {"forgotten": ["two"]}
    assert [one["name"] for one in json.loads(demo("update", "--list", "--json")[1])["collections"]] == ["all"]


def test_a_collection_that_lacks_something_stops_no_other_and_gives_its_code(demo: Any) -> None:
    march = ("--start", "2021-03-01", "--end", "2021-03-31", "--quiet")
    demo("download", "AAPL,NOSUCH", *march, "--save-as", "a bad one")
    demo("download", "KO", *march, "--save-as", "good")

    code, out, _ = demo("update", "--json")

    assert code == 1
    states = {one["name"]: one["job"]["complete"] for one in json.loads(out)["collections"]}
    assert states == {"a bad one": False, "good": True}


def test_plan_is_the_bill_and_fetches_nothing(shell: Any, vendor: Emulator) -> None:
    code, out, _ = shell("plan", "AAPL,KO,A/B", *AUGUST)

    assert code == 0
    assert out.splitlines()[:3] == [
        "2 tickers: day bars 2020-08-03 to 2020-08-31.",
        "Sessions asked 42: 0 held, 0 not in the key's plan, 42 to fetch.",
        out.splitlines()[2],
    ]
    assert out.splitlines()[2].startswith("Fetched by ")
    assert "Refused: A/B: " in out
    assert "flat_files" in out
    assert vendor.ledger() == []
    bill = json.loads(shell("plan", "AAPL,KO", *AUGUST, "--json")[1])
    done = json.loads(shell("download", "AAPL,KO", *AUGUST, "--json")[1])
    assert done["requests"] == bill["calls"]
    assert "Nothing has to be fetched." in shell("plan", "AAPL", "KO", *AUGUST)[1]


def test_plan_counts_the_dividends_that_adjust_all_needs(shell: Any) -> None:
    bill = json.loads(shell("plan", "AAPL", *AUGUST, "--adjust", "all", "--json")[1])

    assert (bill["calls"], bill["dividends"]["calls"]) == (2, 1)


def test_plan_of_a_market_that_is_not_known_yet_says_so(shell: Any, vendor: Emulator) -> None:
    code, out, _ = shell("plan", "--universe", "us_stocks", *AUGUST)

    assert code == 0
    assert "of us_stocks, whose list comes first" in out
    assert "Fetched by grouped" in out
    assert vendor.ledger() == []
