"""The proofs run as people run them: a program of ``bench/``, one JSON line, an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
Proof = Callable[..., dict[str, Any]]


@pytest.fixture
def prove(tmp_path: Path) -> Proof:
    """Run ``python bench/NAME ARGUMENTS`` and return its report; a failure shows report, remarks and how to repeat."""

    def run(name: str, *arguments: str) -> dict[str, Any]:
        command = [sys.executable, str(ROOT / "bench" / name), *arguments]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr[-4_000:]}"
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report

    return run
