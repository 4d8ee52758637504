"""S2 over real sockets and the real app: no job is made by anything that another page can send; each twin makes one."""

from __future__ import annotations

import re
import socket

import pytest

from redline.market.request import BarsQuery, Format
from redline.query.export import file_name
from redline.web.files import safe_name
from tests.security.conftest import App

BODY = b'{"ticker": "AAPL", "start_date": "2020-08-03", "end_date": "2020-08-05"}'
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
OWN = "Origin: http://127.0.0.1:PORT"

REFUSED = {
    "a rebound name": ("POST /download", ["Host: evil.example:PORT", JSON, "Sec-Fetch-Site: same-origin"], 421),
    "a name that ends like ours": ("POST /download", ["Host: 127.0.0.1.nip.io:PORT", JSON], 421),
    "another page": ("POST /download", [JSON, "Origin: http://evil.example", "Sec-Fetch-Site: cross-site"], 403),
    "another port": ("POST /download", [JSON, "Origin: http://127.0.0.1:1", "Sec-Fetch-Site: same-site"], 403),
    "an opaque origin": ("POST /download", [JSON, "Origin: null"], 403),
    "an origin alone": ("POST /download", [JSON, "Origin: http://evil.example"], 403),
    "our origin without a token": ("POST /download", [JSON, OWN], 403),
    "a bookmark that posts": ("POST /download", [JSON, "Sec-Fetch-Site: none"], 403),
    "a cookie": ("POST /download", [JSON, "Cookie: redline=x"], 403),
    "a word of fetch": ("POST /download", [JSON, "Sec-Fetch-Mode: no-cors"], 403),
    "an unknown site": ("POST /download", [JSON, "Sec-Fetch-Site: same-origin, cross-site"], 403),
    "two sites": ("POST /download", [JSON, "Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"], 403),
    "plain text": ("POST /download", ["Content-Type: text/plain"], 415),
    "json as text": ("POST /download", ["Content-Type: text/plain; application/json"], 415),
    "two kinds": ("POST /download", [JSON, "Content-Type: text/plain"], 415),
    "no kind": ("POST /download", [], 415),
    "a form": ("POST /download", [FORM], 403),
    "packed": ("POST /download", [JSON, "Content-Encoding: gzip"], 415),
    "two hosts": ("POST /download", ["Host: 127.0.0.1", "Host: evil.example", JSON], 421),
    "another host in the target": ("POST http://evil.example/download", [JSON], 421),
    "a target with a user": ("POST http://127.0.0.1@evil.example/download", [JSON], 421),
    "a get": ("GET /download?ticker=AAPL", [], 405),
    "a method in a header": ("GET /download?ticker=AAPL", ["X-HTTP-Method-Override: POST"], 405),
    "two lengths": ("POST /download", [JSON, "Content-Length: 3"], 400),
    "a token that does not hold": ("POST /download", [JSON, "Authorization: Bearer redline_x"], 401),
    "a stream": ("GET /events?jobs=x", ["Sec-Fetch-Site: cross-site"], 403),
}
TWINS = {
    "a program": ("POST /download", [JSON]),
    "localhost": ("POST /download", ["Host: localhost:PORT", JSON]),
    "our page": ("POST /download", [JSON, OWN, "Sec-Fetch-Site: same-origin", "Cookie: redline=x"]),
    "our target": ("POST http://127.0.0.1:PORT/download", [JSON]),
    "with a charset": ("POST /download", ["Content-Type: application/json; charset=utf-8"]),
}


def send(port: int, line: str, headers: list[str]) -> int:
    """Send one request as bytes and return the status."""
    host = [] if any(one.startswith("Host:") for one in headers) else ["Host: 127.0.0.1:PORT"]
    length = [f"Content-Length: {len(BODY)}"] if line.startswith("POST") else []
    head = [f"{line} HTTP/1.1", *host, *length, "Connection: close", "Accept: application/json", *headers]
    text = "\r\n".join(head).replace("PORT", str(port)).encode() + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as wire:
        wire.sendall(text + (BODY if length else b""))
        return int(b"".join(iter(lambda: wire.recv(65_536), b"")).split()[1])


def test_no_page_elsewhere_makes_a_job_and_every_twin_does(app: App) -> None:
    app.start()

    answered = {why: send(app.port, line, headers) for why, (line, headers, _) in REFUSED.items()}
    assert answered == {why: status for why, (_, _, status) in REFUSED.items()}
    assert app.get("/jobs", Accept="application/json").json() == {"jobs": []}
    for at, (why, (line, headers)) in enumerate(TWINS.items(), 1):
        assert send(app.port, line, headers) == 200, why
        assert len(app.get("/jobs", Accept="application/json").json()["jobs"]) == at, why


ODD = [
    *(
        "../x",
        "..",
        ".",
        "%2e%2e%2fx",
        "/etc/passwd",
        "a\x00.csv",
        "a\nb",
        "A" * 300,
        "C:\\x",
        "BRK/B",
        " AAPL",
        "AAPL ",
        "~root",
    ),
    *(
        "${HOME}",
        "{{7*7}}",
        "$(id)",
        "`id`",
        "<script>alert(1)</script>",
        "=1+1",
        "@SUM(1)",
        "-x",
        "\u202eLPAA",
        "ＡＡＰＬ",
        "a;b",
    ),
]


def test_odd_names_stay_in_their_folder_or_are_refused(app: App) -> None:
    app.start()
    before = {path for path in app.folder.parent.rglob("*") if app.folder not in path.parents}

    for name in ODD:
        answers = [
            app.post("/download", {"ticker": name}),
            app.post("/download/plan", {"ticker": name}),
            app.post("/download", {"ticker": "AAPL", "source": name}),
            app.post("/download", {"ticker": "AAPL", "format": name}),
            app.post("/settings/tokens", {"name": name}),
            app.post("/settings/api-keys", {"source": name, "api_key": "x" * 20}),
        ]
        assert {answer.status_code for answer in answers} <= {400, 404}, name
        assert all(set(answer.json()) >= {"error", "code", "hint"} for answer in answers)
    for path in ("/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2fserver.py", "/static//etc/passwd",
                 "/static/vendor/../../server.py", "/jobs/..%2f..%2fetc%2fpasswd", "/settings/api-keys/..%2f/test",
                 "/static/%00", "/static/.", "/static/", "/static/vendor", "/static/..\\server.py"):  # fmt: skip
        line = f"GET {path}"
        assert send(app.port, line, []) in (400, 404, 405), path
    page = app.get("/?ticker=<script>alert(1)</script>{{7*7}}", Accept="text/html").text
    assert "<script>alert" not in page
    assert "49" not in page.partition("&lt;script&gt;")[2][:60]
    assert {path for path in app.folder.parent.rglob("*") if app.folder not in path.parents} == before


@pytest.mark.parametrize("ticker", ["NA", "TRUE", "nul", "CON", "^GSPC", "C:EURUSD", "BRK.B", "BApA", "aux.txt"])
def test_a_name_of_a_download_is_one_plain_word(ticker: str) -> None:
    name = file_name(BarsQuery.parse({"ticker": ticker}), Format.CSV)

    assert safe_name(name) == name
    assert re.fullmatch(r"[A-Za-z0-9_-]+\.csv", name)
    assert name.partition(".")[0].upper() not in ("NUL", "CON", "AUX")
