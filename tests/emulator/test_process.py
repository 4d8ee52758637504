"""The emulator as a process: one line of JSON, faults from a file, a quick end."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from redline.testing import Emulator


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_addresses_first_and_stops_at_once_with_0(signum: int) -> None:
    command = [sys.executable, "-m", "redline.emulator", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        hanging = socket.create_connection(("127.0.0.1", int(line["rest"].rpartition(":")[2])))
        started = time.monotonic()
        process.send_signal(signum)

        assert process.wait(5) == 0
        assert time.monotonic() - started < 2
        hanging.close()
    assert set(line) == {"rest", "control", "yahoo", "stooq", "plan", "demo"}
    assert line["demo"] is True


def test_only_the_key_of_the_command_line_and_the_faults_of_the_file_are_used(tmp_path: Path) -> None:
    (tmp_path / "body.txt").write_text("from a file")
    fault = {"match": {"path": "/v1/marketstatus", "nth": 2}, "do": {"status": 502, "body_file": "body.txt"}}
    (tmp_path / "faults.json").write_text(json.dumps([fault]))
    with Emulator(None, "--faults", str(tmp_path / "faults.json"), key="only") as emulator:
        path = f"{emulator.rest}/v1/marketstatus/now?apiKey="
        answers = [requests.get(path + key, timeout=9) for key in ("only", "only", "other")]
        emulator.reset()
        again = [requests.get(path + "only", timeout=9).status_code for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 502, 401]
    assert answers[1].text == "from a file"
    assert again == [200, 502]


@pytest.mark.parametrize(
    "arguments", [["--data", "/no/such/folder"], ["--plan", "gold"], ["--faults", "/no/such/file"]]
)
def test_wrong_use_ends_with_2_and_a_reason(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "redline.emulator", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=20)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr


def test_a_port_in_use_ends_with_2() -> None:
    with Emulator() as first:
        command = [sys.executable, "-m", "redline.emulator", "--port", first.rest.rpartition(":")[2]]
        done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2], timeout=20)

    assert done.returncode == 2
    assert "cannot listen" in done.stderr


def test_an_empty_folder_is_served_as_a_market_without_bars(tmp_path: Path) -> None:
    with Emulator(tmp_path) as emulator:
        headers = {"Authorization": "Bearer key"}
        bars = requests.get(
            f"{emulator.rest}/v2/aggs/ticker/A/range/1/day/2020-01-01/2020-02-01", headers=headers, timeout=9
        )
        splits = requests.get(f"{emulator.rest}/stocks/v1/splits", headers=headers, timeout=9)

    assert bars.json()["resultsCount"] == 0
    assert splits.json()["results"] == []


def test_it_ends_with_the_program_that_started_it_when_asked_to() -> None:
    command = [sys.executable, "-m", "redline.emulator", "--stop-with-stdin"]
    pipe = subprocess.PIPE
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=root) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.stdin.close()

        assert process.wait(5) == 0
