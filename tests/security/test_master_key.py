"""A wrong master key: the app starts, says so where a key is needed, shows its pages, and erases nothing."""

from __future__ import annotations

import subprocess
import sys
import threading

from tests.security.conftest import CANARY, ROOT, App, Vendor

ONE = "b6c8e1f0a92d4c7e85b3f1a6d0c49e7723ab58cd61ef90347a2b8d5c1e6f0a94"
TWO = "11ff05d7c3ab49a28e6b90d4f7a1c25e8833b0917dcaee64f25a0b97d81c6e3f"
SAVE = {"source": "massive", "api_key": "aKeyThatIsNotReal123"}


def test_a_wrong_master_key_costs_nothing_but_the_keys_for_now(app: App) -> None:
    app.env = {"REDLINE_MASTER_KEY": ONE}
    app.start()
    assert app.post("/settings/api-keys", SAVE).status_code == 201
    app.stop()
    vault = next(app.folder.rglob("api_keys.json"))
    before = vault.read_bytes()
    app.env = {"REDLINE_MASTER_KEY": TWO}
    app.start()

    for path in ("/", "/?ticker=AAPL", "/jobs", "/data", "/settings", "/settings/api-keys"):
        page = app.get(path, Accept="text/html")
        assert page.status_code == 200, path
        assert "Demo data" not in page.text
    assert "do not open with this master key" in app.get("/settings/api-keys", Accept="text/html").text
    assert app.get("/healthz").json()["demo"] is False
    needing = [
        app.post("/download", {"ticker": "AAPL"}),
        app.post("/download", {"ticker": "AAPL", "api_key": "anotherKeyThatIsNone"}),
        app.post("/download/plan", {"ticker": "AAPL"}),
        app.post("/settings/api-keys", SAVE),
        app.post("/settings/api-keys/massive/test", {}),
        app.post("/settings/api-keys/massive/delete", None, Accept="application/json"),
        app.get("/settings/api-keys", Accept="application/json"),
    ]
    assert {(one.status_code, one.json()["code"]) for one in needing} == {(500, "keys_unreadable")}
    assert app.get("/jobs", Accept="application/json").json() == {"jobs": []}
    app.stop()
    assert vault.read_bytes() == before

    app.env = {"REDLINE_MASTER_KEY": ONE}
    app.start()
    [key] = app.get("/settings/api-keys", Accept="application/json").json()["keys"]
    assert key["last_four"] == "l123"


def test_a_rotation_disturbs_no_request_of_a_running_app(app: App, vendor: Vendor) -> None:
    app.env = {"MASSIVE_API_BASE_URL": vendor.origin}
    app.start()
    assert (
        app.post("/settings/api-keys", {**SAVE, "api_key": CANARY, "rate_limit_per_minute": 60000}).status_code == 201
    )
    [file] = app.folder.rglob("master-*.key")
    old, statuses, over = file.read_bytes(), [], threading.Event()

    def ask() -> None:
        while not over.is_set():
            statuses.append(app.get("/settings/api-keys", Accept="application/json").status_code)
            statuses.append(app.post("/download/plan", {"ticker": "AAPL"}).status_code)

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    for _ in range(2):
        command = [sys.executable, "-m", "redline", "keys", "rotate", "--yes"]
        subprocess.run(command, cwd=ROOT, env=app.environment, check=True, capture_output=True, timeout=60)
    over.set()
    for asker in askers:
        asker.join()

    assert len(statuses) > 20
    assert set(statuses) == {200}
    app.stop()
    file.write_bytes(old)
    app.start()
    assert app.post("/download/plan", {"ticker": "AAPL"}).json()["code"] == "keys_unreadable"
