"""An app over the stand-in engine, as a test client and as a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from redline.web.application import create_app
from redline.web.server import Server
from tests.web.standin import PASSWORD, StandInEngine, StandInSettings

BROWSER = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Origin": "http://localhost"}


@pytest.fixture
def engine(tmp_path: Path) -> StandInEngine:
    """An engine on a loopback bind without a password."""
    return StandInEngine(tmp_path)


@pytest.fixture
def app(engine: StandInEngine) -> Flask:
    return create_app(engine)  # type: ignore[arg-type]


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A program: it keeps no cookies."""
    return app.test_client(use_cookies=False)


@pytest.fixture
def locked(tmp_path: Path) -> StandInEngine:
    """An engine on a LAN bind with a password."""
    settings = StandInSettings(host="192.168.7.7", server_names=("proxy.example", "192.168.7.7"))
    return StandInEngine(tmp_path, password=PASSWORD, settings=settings)


@pytest.fixture
def locked_app(locked: StandInEngine) -> Flask:
    return create_app(locked)  # type: ignore[arg-type]


@pytest.fixture
def locked_client(locked_app: Flask) -> FlaskClient:
    return locked_app.test_client(use_cookies=False)


@pytest.fixture
def run_server() -> Iterator[Callable[[Flask], Server]]:
    """Run an app on a real port; stopped at the end of the test."""
    running: list[tuple[Server, threading.Thread]] = []

    def run(app: Flask) -> Server:
        server = Server(app, "127.0.0.1", 0)
        thread = threading.Thread(target=server.run)
        thread.start()
        running.append((server, thread))
        return server

    yield run
    for server, thread in running:
        server.stop()
        thread.join(10)
        assert not thread.is_alive()
