"""How long it takes to begin: ``import redline`` against ``import massive``, and a fresh clone to the first page.

    python bench/startup.py            # imports, medians of five
    python bench/startup.py --clone    # also: git clone, make run, first page (installs the requirements)

Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = 5
PORT = 18080


def import_s(module: str) -> float:
    """Return the seconds a fresh interpreter takes to import ``module`` and end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, check=True)
    return time.perf_counter() - began


def imports() -> dict[str, float]:
    """Return medians of alternating runs, and their ratio."""
    ours, theirs = [], []
    for _ in range(RUNS + 1):  # The first pair warms the disk cache and is not counted.
        ours.append(import_s("redline"))
        theirs.append(import_s("massive"))
    mine, other = statistics.median(ours[1:]), statistics.median(theirs[1:])
    return {"redline_s": round(mine, 3), "massive_s": round(other, 3), "ratio": round(mine / other, 3)}


def first_page() -> dict[str, float]:
    """Return the seconds from ``git clone`` to the first page, and from ``make run`` again to the first page."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(["git", "clone", "--quiet", str(ROOT), f"{folder}/redline"], check=True)
        fresh = _until_page(f"{folder}/redline", began)
        again = _until_page(f"{folder}/redline", time.perf_counter())
    return {"fresh_clone_s": round(fresh, 1), "second_start_s": round(again, 1)}


def _until_page(folder: str, began: float) -> float:
    env = {
        **os.environ,
        "REDLINE_PORT": str(PORT),
        "XDG_STATE_HOME": f"{folder}/state",
        "XDG_CONFIG_HOME": f"{folder}/conf",
    }
    server = subprocess.Popen(
        ["make", "run"],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while time.perf_counter() - began < 600:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/", timeout=5) as answer:
                    answer.read()
                    return time.perf_counter() - began
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.1)
        raise RuntimeError("no page within ten minutes")
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(timeout=30)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clone", action="store_true", help="also clone, make run and wait for the first page")
    found: dict[str, object] = {"bench": "startup", "runs": RUNS, "imports": imports()}
    if parser.parse_args().clone:
        found["first_page"] = first_page()
    print(json.dumps(found))
