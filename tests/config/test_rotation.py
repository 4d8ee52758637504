"""Rotation with processes at work, killed at random moments (reliability S11)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from redline.clock import SystemClock
from redline.config import MasterKeys, Secret, Vault
from redline.errors import KeysUnreadable

KILLS = 30
ROOT = Path(__file__).parents[2]
AT_WORK = 4

WORKER = """
import sys
from pathlib import Path
from redline.clock import SystemClock
from redline.config import MasterKeys, Vault
folder, mine, token = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
vault = Vault(folder / "conf/api_keys.json", MasterKeys.in_file(folder / "secret/master.key"), SystemClock())
n = 0
while not (folder / "stop").exists():
    assert vault.get("massive").secret["api_key"].reveal() == "the key that never changes"
    assert vault.open("job", token) == "the key of a job"
    if n % 10 == 0:
        vault.put(mine, {"api_key": str(n)}, {})
    assert vault.get(mine).secret["api_key"].reveal() == str(n - n % 10)
    n += 1
    SystemClock().sleep(0.005)
print(n)
"""

ROTATOR = """
import sys
from pathlib import Path
from redline.clock import SystemClock
from redline.config import MasterKeys, Vault
folder = Path(sys.argv[1])
vault = Vault(folder / "conf/api_keys.json", MasterKeys.in_file(folder / "secret/master.key"), SystemClock())
while True:
    vault.rotate()
    print("once", flush=True)
"""


def keys_in(file: Path) -> list[str]:
    return [line for line in file.read_text().splitlines() if line and not line.startswith("#")]


def test_rotation_killed_at_random_loses_nothing_and_disturbs_nobody(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "11"))
    chance = random.Random(seed)
    key_file = tmp_path / "secret" / "master.key"
    vault = Vault(tmp_path / "conf" / "api_keys.json", MasterKeys.in_file(key_file), SystemClock())
    vault.start()
    vault.put("massive", {"api_key": "the key that never changes"}, {})
    token = vault.seal("job", "the key of a job")
    first_key = keys_in(key_file)[0]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(tmp_path), f"worker{n}", token],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for n in range(AT_WORK)
    ]
    first_in_file: set[str] = set()
    for _ in range(KILLS):
        rotator = subprocess.Popen(
            [sys.executable, "-c", ROTATOR, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        assert rotator.stdout is not None
        assert rotator.stdout.readline() == "once\n"  # so that the kill falls into one of those after it
        time.sleep(chance.uniform(0, 0.05))
        rotator.send_signal(signal.SIGKILL)
        rotator.communicate()
        first_in_file.add(keys_in(key_file)[0])

    (tmp_path / "stop").touch()
    ends = [worker.communicate(timeout=30) for worker in workers]
    assert [(worker.returncode, err) for worker, (_, err) in zip(workers, ends, strict=True)] == [(0, "")] * AT_WORK
    assert all(int(out) > 10 for out, _ in ends), seed
    assert len(first_in_file) == KILLS, "every rotator came to rotate"
    vault.rotate()
    assert len(vault.list()) == 1 + AT_WORK
    assert vault.open("job", token) == "the key of a job"
    assert len(keys_in(key_file)) == 1
    with pytest.raises(KeysUnreadable):
        Vault(tmp_path / "conf" / "api_keys.json", MasterKeys.given(Secret(first_key)), SystemClock()).list()
