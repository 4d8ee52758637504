"""What Settings → API Keys says about a key that came from outside."""

from __future__ import annotations

from pathlib import Path

from redline.web.application import create_app
from tests.web.standin import StandInEngine, StandInKey


def shown(folder: Path, key: StandInKey) -> str:
    engine = StandInEngine(folder)
    engine._keys[key.source] = ("a key of the test", key)
    client = create_app(engine).test_client()  # type: ignore[arg-type]
    return client.get("/settings/api-keys", headers={"Accept": "text/html"}).get_data(as_text=True)


def test_a_key_of_the_environment_shows_the_limit_that_holds_until_its_test(tmp_path: Path) -> None:
    page = shown(tmp_path, StandInKey("massive", "massive", "4f2a", "environment", None, saved_at=None))

    assert "5 a minute until tested" in page  # the stand-in's budget
    assert "not set" not in page


def test_the_time_of_a_test_is_not_called_the_time_when_a_variable_was_set(tmp_path: Path) -> None:
    page = shown(tmp_path, StandInKey("massive", "massive", "4f2a", "environment", 5))

    assert "<td>the environment</td>" in page
    assert "the environment, set" not in page
