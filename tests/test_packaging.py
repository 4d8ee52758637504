"""What ``pip install`` has to bring: every file that is no module, and the pinned requirements."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGE_DATA: dict[str, list[str]] = PROJECT["tool"]["setuptools"]["package-data"]


def _is_declared(path: PurePosixPath) -> bool:
    return any(
        path.is_relative_to(folder := PurePosixPath(package.replace(".", "/")))
        and path.relative_to(folder).match(pattern)
        and len(path.relative_to(folder).parts) == len(PurePosixPath(pattern).parts)
        for package, patterns in PACKAGE_DATA.items()
        for pattern in patterns
    )


def test_every_file_that_is_no_module_is_package_data() -> None:
    listed = subprocess.run(["git", "ls-files", "redline"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    files = [PurePosixPath(line) for line in listed.stdout.splitlines() if not line.endswith(".py")]

    assert len(files) > 20
    assert [str(path) for path in files if not _is_declared(path)] == []


def test_the_command_is_the_one_of_python_m() -> None:
    assert PROJECT["project"]["scripts"] == {"redline": "redline.cli:main"}


def test_the_licence_files_are_there() -> None:
    for name in PROJECT["project"]["license-files"]:
        assert (ROOT / name).is_file()
