"""A downloader made by hand finds its address and its budget where the rest of REDLINE has them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from redline.testing import Emulator
from tests.downloaders.conftest import KEY

SCRIPT = f"""
from redline.downloaders.massive_downloader import MassiveDownloader
massive = MassiveDownloader({KEY!r})
print(len(massive.download_single_ticker("AAPL", "2020-08-24", "2020-09-04")), massive.rate_limit_delay)
"""


def test_a_script_shares_the_user_s_settings_and_budgets(emulator: Emulator, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {
        **os.environ,
        "MASSIVE_API_BASE_URL": emulator.rest,
        "REDLINE_STATE_DIR": str(tmp_path / "state"),
        "REDLINE_CONFIG_DIR": str(tmp_path / "config"),
        "PYTHONPATH": str(root),
    }

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout.split(), done.stderr) == (["10", "6.0"], "")
    assert (tmp_path / "state" / "budgets.db").exists()
