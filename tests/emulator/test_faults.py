"""The control address: each scripted fault does what it says, is counted, and stands in the ledger."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import urllib3

from redline.testing import Emulator
from tests.emulator.asking import KEY, Asking

BARS = "/v2/aggs/ticker/AAPL/range/1/day/2020-01-01/2020-03-01?limit=10"


def script(emulator: Emulator, do: dict[str, Any], **match: Any) -> None:
    emulator.faults([{"match": {"path": "/v2/aggs", **match}, "do": do}])


def wire(emulator: Emulator) -> bytes:
    """Return every byte of the answer, body as sent."""
    pool = urllib3.PoolManager(retries=False)
    headers = {"Authorization": f"Bearer {KEY}", "Accept-Encoding": "gzip"}
    answer = pool.request("GET", emulator.rest + BARS, headers=headers, preload_content=False, decode_content=False)
    try:
        return bytes(answer.read())
    finally:
        answer.close()
        pool.clear()


def test_a_status_is_sent_with_the_vendor_s_body_headers_and_as_often_as_asked(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"status": 429, "headers": {"Retry-After": "7"}}, times=2)
    answers = [ask.raw(BARS) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
    assert "maximum requests per minute" in answers[0].json()["error"]
    assert [(fault["seen"], fault["fired"]) for fault in emulator.faults_state()] == [(3, 2)]
    assert [(entry["status"], entry["fault"] is not None) for entry in emulator.ledger()] == [
        (429, True),
        (429, True),
        (200, False),
    ]


def test_nth_hits_that_request_alone_unless_times_says_more(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"status": 503}, nth=2)
    script(emulator, {"status": 500}, nth=4, times=0)

    assert [ask.raw(BARS).status_code for _ in range(6)] == [200, 503, 200, 500, 500, 500]


def test_a_path_is_a_prefix_or_a_pattern_over_path_and_query(ask: Asking, emulator: Emulator) -> None:
    emulator.faults([{"match": {"path": r"ticker/(IBM|KO)/.*limit=10$"}, "do": {"status": 500}}])

    assert ask.raw(BARS).status_code == 200
    assert ask.raw(BARS.replace("AAPL", "KO")).status_code == 500
    assert ask.raw("/stocks/v1/splits").status_code == 200


def test_an_empty_429_and_html_at_200_and_a_file_are_sent_as_they_are(
    ask: Asking, emulator: Emulator, tmp_path: Path
) -> None:
    (tmp_path / "page.json").write_bytes(b'{"results": NaN}')
    script(emulator, {"status": 429, "body": ""}, times=1)
    script(emulator, {"html": True}, nth=2)
    script(emulator, {"body_file": str(tmp_path / "page.json")}, nth=3)
    empty, page, file = ask.raw(BARS), ask.raw(BARS), ask.raw(BARS)

    assert (empty.status_code, empty.content) == (429, b"")
    assert (page.status_code, page.headers["Content-Type"], page.text[:6]) == (200, "text/html", "<html>")
    assert file.content == b'{"results": NaN}'


def test_a_cut_answer_promises_more_bytes_than_it_sends(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"cut_after": 0.5})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask.raw(BARS)
    emulator.clear_faults()
    script(emulator, {"cut_after": 100, "chunked": True})
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask.raw(BARS)

    assert [(entry["cut"], entry["rows"]) for entry in emulator.ledger()] == [(True, 0), (True, 0)]


def test_a_reset_breaks_the_connection_before_or_inside_the_body(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"reset": True}, times=1)
    script(emulator, {"reset": True, "cut_after": 50}, nth=2)

    for _ in range(2):
        with pytest.raises((requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            ask.raw(BARS)
    assert ask.raw(BARS).status_code == 200


def test_a_wrong_length_is_declared_while_all_bytes_are_sent(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"length": 40})

    assert len(ask.raw(BARS, **{"Accept-Encoding": "identity"}).content) == 40


def test_a_cut_gzip_has_the_right_length_but_no_trailer(emulator: Emulator) -> None:
    script(emulator, {"gzip": "cut"}, times=1)
    cut, whole = wire(emulator), wire(emulator)

    with pytest.raises(EOFError):
        gzip.decompress(cut)
    assert json.loads(gzip.decompress(whole))["status"] == "OK"


def test_latency_is_waited_and_a_hang_never_answers(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"delay_s": 0.3}, times=1)
    script(emulator, {"hang": True}, nth=2)
    started = time.monotonic()
    ask.raw(BARS)
    waited = time.monotonic() - started

    assert waited >= 0.3
    with pytest.raises(requests.exceptions.ReadTimeout):
        ask.get(ask.rest + BARS, timeout=0.5)
    assert ask.raw(BARS).status_code == 200


def test_a_dripping_body_comes_whole_but_slowly(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"drip_s": 0.01}, times=1)
    started = time.monotonic()
    answer = ask.raw(BARS)

    assert answer.json()["resultsCount"] == 10
    assert time.monotonic() - started > 0.2


def test_a_repeated_page_has_the_same_rows_under_a_new_cursor(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"page": "repeat"}, nth=2)
    pages = ask.pages(BARS)

    assert pages[1]["results"] == pages[2]["results"]
    assert len({page.get("next_url") for page in pages}) == len(pages)
    assert len(pages) == 5  # 40 sessions in January and February 2020 on 4 pages, one of them twice
    assert sum(len(page["results"]) for page in pages) == 40 + 10


def test_empty_pages_go_on_for_ever(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"page": "empty"})
    first = ask.answer(BARS)
    second = ask.answer(first["next_url"].removeprefix(ask.rest))

    assert "results" not in first
    assert first["resultsCount"] == 0
    assert second["next_url"] != first["next_url"]


def test_a_loop_leads_from_the_second_page_back_to_the_first(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"loop": True})
    urls = [BARS]
    for _ in range(4):
        urls.append(ask.answer(urls[-1])["next_url"].removeprefix(ask.rest))

    assert urls[1] == urls[3]
    assert urls[2] == urls[4]
    assert ask.answer(urls[2])["results"] == ask.answer(BARS)["results"]


def test_a_page_can_name_itself_as_the_next(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"loop": "self"})
    first = ask.answer(BARS)["next_url"]

    assert ask.answer(first.removeprefix(ask.rest))["next_url"] == first


@pytest.mark.parametrize("url", ["http://evil.test/v2/aggs?cursor=x", "", " "])
def test_next_url_is_sent_as_written(ask: Asking, emulator: Emulator, url: str) -> None:
    script(emulator, {"next_url": url})

    assert ask.answer(BARS)["next_url"] == url


def test_fields_and_rows_of_a_page_can_lie(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"set": {"ticker": "MSFT", "resultsCount": 5}, "drop": ["results"]}, times=1)
    script(emulator, {"row": {"at": 1, "set": {"c": "NaN", "t": 5}}}, nth=2)
    lie, bad = ask.answer(BARS), ask.answer(BARS)

    assert (lie["ticker"], lie["resultsCount"], "results" in lie) == ("MSFT", 5, False)
    assert (bad["results"][1]["c"], bad["results"][1]["t"]) == ("NaN", 5)
    assert emulator.ledger(rows=True)[1]["served"][1] == 5


def test_a_key_is_revoked_from_the_nth_call_on(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"revoke": True}, nth=3)

    assert [ask.raw(BARS).status_code for _ in range(5)] == [200, 200, 401, 401, 401]
    assert ask.get(f"{ask.rest}/v1/marketstatus/now", headers={"Authorization": "Bearer other"}).status_code == 200
    emulator.reset()
    assert ask.raw(BARS).status_code == 200


def test_a_fault_can_be_for_one_key(ask: Asking, emulator: Emulator) -> None:
    script(emulator, {"status": 500}, key=KEY[-4:])

    assert ask.raw(BARS).status_code == 500
    assert ask.get(ask.rest + BARS, headers={"Authorization": "Bearer other"}).status_code == 200


@pytest.mark.parametrize(
    "fault",
    [{"do": {"explode": True}}, {"match": {"paht": "/"}, "do": {}}, {"match": {"path": "("}, "do": {}}, {"match": {}},
     {"do": {"body_file": "/no/such/file"}}],
)  # fmt: skip
def test_a_fault_that_cannot_be_read_is_refused_with_a_reason(emulator: Emulator, fault: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="control said: "):
        emulator.faults([fault])


def test_the_ledger_has_each_request_with_its_rows_and_no_key(ask: Asking, emulator: Emulator) -> None:
    page = ask.answer(f"{BARS}&apiKey={KEY}")
    (entry,) = emulator.ledger(rows=True)

    assert (entry["method"], entry["path"], entry["query"]) == ("GET", urlsplit(BARS).path, "limit=10")
    assert entry["served"] == [row["t"] for row in page["results"]]
    assert (entry["rows"], entry["first"], entry["last"]) == (10, entry["served"][0], entry["served"][-1])
    assert entry["arrived_s"] <= entry["ended_s"]
    assert entry["key_last4"] == KEY[-4:]
    assert KEY not in json.dumps(entry)
    assert emulator.ledger(since=entry["seq"]) == []
