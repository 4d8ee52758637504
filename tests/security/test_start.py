"""S3: what a start refuses, with exit code 2 and without printing a value; each refusal has a twin that starts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.security.conftest import App

GOOD_PASSWORD = "violet tractor 91 soup"
GOOD_KEY = "b6c8e1f0a92d4c7e85b3f1a6d0c49e7723ab58cd61ef90347a2b8d5c1e6f0a94"

EVERYWHERE = "0.0.0.0"  # noqa: S104  (what must be refused)
REFUSED = [
    {"REDLINE_HOST": EVERYWHERE},
    {"REDLINE_HOST": "::"},
    {"REDLINE_HOST": EVERYWHERE, "REDLINE_PASSWORD": "hunter2"},
    {"REDLINE_PASSWORD": "Changeme2024!"},
    {"REDLINE_MASTER_KEY": "shortish"},
    {"REDLINE_MASTER_KEY": "0123456789" * 6 + "0123"},
    {"REDLINE_MASTER_KEY": "changeme-changeme"},
    {"MASSIVE_API_BASE_URL": "http://api.example.com"},
    {"REDLINE_HOST": EVERYWHERE, "REDLINE_PASSWORD": GOOD_PASSWORD, "FLASK_DEBUG": "1"},
]


@pytest.mark.parametrize("env", REFUSED, ids=lambda env: " ".join(env))
def test_an_unsafe_start_is_refused(app: App, env: dict[str, str]) -> None:
    app.env = env
    app.folder.mkdir()
    done = app.run()

    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    for name, value in env.items():
        if name.endswith(("PASSWORD", "KEY")) and value:
            assert value not in done.stdout + done.stderr


def test_the_twins_start_and_loopback_is_the_only_address(app: App) -> None:
    app.env = {"REDLINE_MASTER_KEY": GOOD_KEY, "REDLINE_PASSWORD": GOOD_PASSWORD, "FLASK_DEBUG": "1"}
    app.start()

    assert app.address.startswith("http://127.0.0.1:")
    assert app.get("/console").status_code in (401, 404)
    with socket.socket() as other:
        other.settimeout(2)
        assert other.connect_ex(("127.0.0.2", app.port)) != 0
    assert app.get("/healthz").status_code == 401


def test_debug_shows_no_console_and_no_stack(app: App) -> None:
    app.env = {"FLASK_DEBUG": "1", "FLASK_ENV": "development"}
    app.start()

    assert app.get("/console").status_code == 404
    assert app.get("/?__debugger__=yes&cmd=resource&f=debugger.js").status_code == 200
    assert "debugger" not in app.get("/no/such", Accept="text/html").text.lower()


def test_a_port_in_use_is_exit_code_2(app: App) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        app.env = {"REDLINE_PORT": str(taken.getsockname()[1])}
        app.folder.mkdir()
        done = app.run()

    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "in use" in done.stderr


def test_a_key_file_that_others_may_read_is_refused_and_then_accepted(app: App, tmp_path: Path) -> None:
    file = tmp_path / "master.key"
    file.write_text(GOOD_KEY)
    file.chmod(0o640)
    app.env = {"REDLINE_KEY_FILE": str(file)}
    app.folder.mkdir()
    done = app.run()

    assert done.returncode == 2
    assert "chmod 600" in done.stderr
    assert GOOD_KEY not in done.stderr
    file.chmod(0o600)
    app.start()
    assert app.get("/healthz").status_code == 200
