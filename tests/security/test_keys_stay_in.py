"""S1: canary keys, sent to every place where people send keys by mistake, and looked for wherever text ends up."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import quote

import pytest

from redline.clock import SystemClock
from redline.config.settings import load
from redline.engine import Engine
from tests.security.conftest import CANARY, App, Vendor, found_in

SAVE = {"source": "massive", "api_key": CANARY, "rate_limit_per_minute": 600}
REVERSED, HEXED = CANARY[::-1], CANARY.encode().hex()

STRAYED = [
    ("/download", {"ticker": CANARY}),
    ("/download", {"ticker": "AAPL", "start_date": CANARY}),
    ("/download", {"ticker": "AAPL", "source": CANARY}),
    ("/download", {"ticker": ["AAPL", CANARY]}),
    ("/download", {"ticker": {"x": CANARY}}),
    ("/download", {"ticker": "AAPL", CANARY: 1}),
    ("/download", {"ticker": "AAPL", "apikey": CANARY}),
    ("/download", {"ticker": REVERSED}),
    ("/download", {"ticker": "AAPL", "timespan": HEXED}),
    ("/download", {"ticker": "AAPL", "format": CANARY}),
    ("/download/plan", {"ticker": CANARY}),
    ("/settings/api-keys", {"source": CANARY, "api_key": CANARY}),
    ("/settings/api-keys", {"source": "massive", "api_key": CANARY, "name": CANARY}),
    ("/settings/api-keys", {"source": "massive", "api_key": f"{CANARY} and more"}),
    ("/settings/api-keys", {"source": "massive", "api_key": CANARY, "timeout": CANARY}),
    ("/settings/tokens", {"name": CANARY}),
    (f"/settings/api-keys/{CANARY}/test", {}),
    (f"/jobs/{CANARY}/retry", {}),
]
ADDRESSES = [
    f"/jobs/{CANARY}",
    f"/{CANARY}",
    f"/static/{CANARY}.css",
    f"/?ticker={CANARY}",
    f"/?ticker={REVERSED}",
    f"/data?ticker={CANARY}",
    f"/data/bars?ticker={CANARY}",
    f"/data/bars?ticker=AAPL&start={CANARY}",
    f"/data/bars?api_key={CANARY}",
    f"/events?jobs={CANARY}",
    f"/jobs?state={CANARY}",
    f"/settings/api-keys?edit={CANARY}",
    "/data?ticker=" + "".join(f"%{byte:02x}" for byte in CANARY.encode()),
    "/jobs/" + quote("\r\n" + CANARY),
]
PAGES = ["/", "/jobs", "/data", "/settings", "/settings/api-keys", "/budget", "/healthz", "/settings/tokens"]


@pytest.mark.parametrize("where", ["saved", "environment"])
def test_a_key_is_in_no_answer_no_log_and_no_file(app: App, vendor: Vendor, where: str) -> None:
    app.env = {"MASSIVE_API_BASE_URL": vendor.origin}
    app.env |= {"MASSIVE_API_KEY": CANARY} if where == "environment" else {}
    app.start()
    if where == "saved":
        assert app.post("/settings/api-keys", SAVE).status_code == 201
    vendor.status, vendor.body = 403, f'{{"error": "Unknown API Key {CANARY}, {REVERSED}, {HEXED}"}}'.encode()

    answers = [app.post(path, body) for path, body in STRAYED]
    assert all(400 <= answer.status_code < 500 for answer in answers), [
        (sent, answer.status_code) for sent, answer in zip(STRAYED, answers, strict=True) if answer.status_code >= 500
    ]
    assert not vendor.asked
    for path in ADDRESSES + PAGES:
        answers += [app.get(path, Accept=kind, Referer=f"http://x/{CANARY}") for kind in ("text/html", "*/*")]
    answers.append(app.post("/download", {"ticker": "AAPL"}, **{"Idempotency-Key": CANARY}))
    assert answers[-1].status_code == 403
    assert vendor.asked  # and it repeated the key
    answers += [
        app.post("/download", {"ticker": "AAPL", "api_key": CANARY}),
        app.post("/settings/api-keys/massive/test"),
        app.get("/jobs", Accept="text/html", Cookie=f"redline={CANARY}", Authorization=f"Basic {CANARY}"),
        app.get("/jobs", Authorization=f"Bearer {CANARY}"),
        app.get("/jobs", Host=f"{CANARY}.example"),
    ]
    broken = [f'{{"api_key": "{CANARY}', f'["{CANARY}"]', f'{{"{CANARY}": 1, "{CANARY}": 2}}', CANARY]
    raw = [_send(app, text.encode()) for text in broken]
    app.stop()

    for answer in answers:
        head = "".join(f"{name}: {value}" for name, value in answer.headers.items())
        assert not found_in((head + answer.text).encode()), answer.request.url
    for text, piece in zip(raw, broken, strict=True):
        assert b"400" in text[:20], piece
        assert not found_in(text), piece
    for path, content in app.texts():
        assert not found_in(content), path


def _send(app: App, body: bytes) -> bytes:
    head = "POST /download HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
    with socket.create_connection(("127.0.0.1", app.port), timeout=10) as wire:
        wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        return b"".join(iter(lambda: wire.recv(65_536), b""))


def test_no_child_process_knows_a_key(app: App) -> None:
    app.env = {
        "MASSIVE_S3_SECRET_KEY": CANARY,
        "STOOQ_API_KEY": CANARY,
        "REDLINE_PASSWORD_OLD": CANARY,
        "GITHUB_TOKEN": CANARY,
    }
    app.start()
    assert app.post("/download", {"ticker": "AAPL"}).status_code == 200  # the demo market is a process

    assert app.process is not None
    children = Path(f"/proc/{app.process.pid}/task/{app.process.pid}/children").read_text().split()
    every = {
        one
        for task in Path(f"/proc/{app.process.pid}/task").iterdir()
        for one in (task / "children").read_text().split()
    }
    assert every >= set(children)
    assert every
    for child in every:
        for name in ("environ", "cmdline"):
            assert not found_in(Path(f"/proc/{child}/{name}").read_bytes()), name
    assert not found_in(Path(f"/proc/{app.process.pid}/cmdline").read_bytes())


ROW = '{"o":1,"h":2,"l":1,"c":1.5,"v":10,"vw":1.2,"n":3,"t":1596427200000}'
REPEATING = [
    f'{{"status": "{CANARY}", "results": []}}',
    f'{{"status": "ERROR", "error": "{CANARY}"}}',
    f'{{"status": "OK", "ticker": "{CANARY}", "adjusted": false, "resultsCount": 1, "results": [{ROW}]}}',
    f'{{"status": "OK", "ticker": "AAPL", "adjusted": false, "resultsCount": 1, "results": [{{"o": "{CANARY}"}}]}}',
    f'{{"status": "OK", "adjusted": false, "results": [{ROW}], "next_url": "http://evil.example/?apiKey={CANARY}"}}',
    f'{{"status": "OK", "adjusted": false, "results": [{ROW}], "next_url": "ORIGIN/v2/aggs/x?apiKey={CANARY}"}}',
    f'{{"status": "OK", "results": [{{"id": "{CANARY}", "ticker": "AAPL", "split_from": "{CANARY}"}}]}}',
    f"<html>{CANARY}</html>",
    f"{CANARY} exceeded the limit of requests",
]


@pytest.mark.parametrize("body", REPEATING, ids=range(len(REPEATING)))
def test_a_key_in_an_answer_of_the_vendor_is_neither_kept_nor_shown(tmp_path: Path, vendor: Vendor, body: str) -> None:
    vendor.body = body.replace("ORIGIN", vendor.origin).encode()
    places = {name: str(tmp_path / name) for name in ("home", "state_dir", "config_dir")}
    settings = load(
        {"HOME": str(tmp_path / "user")},
        arguments={**places, "massive_api_key": CANARY, "massive_api_base_url": vendor.origin},
        cwd=tmp_path,
    )
    with Engine(settings, SystemClock()) as engine:
        wanted = {"ticker": "AAPL", "start_date": "2020-08-03", "end_date": "2020-08-05"}
        job = engine.submit(engine.parse_download(wanted))
        engine.wait(job.job_id, 3.0)
        events = [event.as_json() for event in engine.job_events(job.job_id)]
        shown = f"{engine.job(job.job_id).as_json()} {events} {engine.job_parts(job.job_id)}"

    assert vendor.asked
    assert not found_in(shown.encode())
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or not found_in(path.read_bytes()), path
