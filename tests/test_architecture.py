"""The house: which room may know which, where time comes in, and that the rooms stay small enough to read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "redline"

ENGINE_ROOMS = {"errors", "clock", "market", "config", "net", "downloaders", "store", "query", "jobs"}

#: Room -> the rooms it may import (ARCHITECTURE.md). A room always knows itself.
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": {"errors"},
    "market": {"errors"},
    "config": {"errors", "clock"},
    "net": {"errors", "clock"},
    "downloaders": {"errors", "clock", "market", "config", "net"},
    "store": {"errors", "clock", "market"},
    "query": {"errors", "market", "store"},
    "jobs": {"errors", "clock", "market", "downloaders", "store"},
    "engine": ENGINE_ROOMS,
    "web": {"engine", "market", "errors"},
    "cli": {"engine", "market", "errors", "web", "demo"},
    "demo": set(),
    "emulator": set(),
    "testing": {"clock", "emulator"},
    "__init__": {"engine"},
    "__main__": {"cli"},
}

TIME_CALLS = {("time", "time"), ("time", "sleep"), ("time", "monotonic"), ("datetime", "now"), ("date", "today")}


def _modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "static" not in path.parts)


def _room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def _imported_rooms(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names = [node.module] if node.module != "redline" else [f"redline.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            parts = name.split(".")
            if parts[0] == "redline" and len(parts) > 1:
                yield node.lineno, parts[1]


def test_every_room_stands_in_the_table() -> None:
    assert {_room(path) for path in _modules()} <= set(MAY_IMPORT)


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_the_rooms_of_its_row(path: Path) -> None:
    room = _room(path)
    allowed = MAY_IMPORT[room] | {room, "__version__"}

    wrong = [
        f"{path.name}:{line} imports redline.{name}" for line, name in _imported_rooms(path) if name not in allowed
    ]

    assert not wrong


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_clock_asks_what_time_it_is(path: Path) -> None:
    if _room(path) in ("clock", "emulator", "testing", "demo"):  # The emulator is another program with its own clock.
        return
    wrong = [
        f"{path.name}:{node.lineno} calls {node.func.value.id}.{node.func.attr}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and (node.func.value.id, node.func.attr) in TIME_CALLS
    ]

    assert not wrong


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_only_the_doors_read_the_environment(path: Path) -> None:
    if _room(path) in ("engine", "demo", "testing", "emulator") or path.name == "alone.py":
        return  # alone.py: a downloader that somebody makes without an engine

    assert "os.environ" not in path.read_text()
    assert "getenv" not in path.read_text()


def test_no_dependency_bears_the_name_that_does_not_exist() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        assert "massive-client" not in (ROOT / name).read_text()
