"""Every block of shell, console and Python in the documents, run as a reader pastes it: in order, in one folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from redline.testing import Emulator
from tests.end_to_end.conftest import DEMO, ROOT, Home, Server, make_home
from tests.end_to_end.test_first_download import expected, from_csv
from tests.markdown import Block, blocks

RUN = ("sh", "console", "python")
DOCUMENTS = ["README.md", "docs/cli.md", "docs/http-api.md", "docs/library.md", "docs/providers/massive.md"]
PORT_OF_THE_APP, PORT_OF_THE_EMULATOR = "127.0.0.1:8080", "8089"


@dataclass(slots=True)
class Reader:
    """Somebody who pastes: a folder, an environment that ``export`` changes, and what was printed."""

    folder: Path
    env: dict[str, str]
    printed: list[str] = field(default_factory=list)
    groups: list[int] = field(default_factory=list)

    def paste(self, script: str, **env: str) -> str:
        """Run a script in bash, keep what it exported, and return what it printed."""
        out, exported = self.folder / "printed", self.folder / "exported"
        with out.open("wb") as sink:
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", f"{script}\nenv -0 >{exported}"],
                cwd=self.folder,
                env={**self.env, **env},
                stdin=subprocess.PIPE,
                stdout=sink,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.groups.append(shell.pid)
            shell.communicate(b"a-key-that-was-typed\n", timeout=180)
        text = out.read_text()
        assert shell.returncode == 0, f"{script}\n{text}"
        if not env:
            self.env = dict(line.split("=", 1) for line in exported.read_text().split("\0") if "=" in line)
        self.printed.append(text)
        return text

    def leave(self) -> None:
        """End what was left running in the background."""
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGTERM)
            except ProcessLookupError:
                continue


@pytest.fixture(scope="module")
def vendor() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def newcomer(tmp_path: Path) -> Home:
    """An installation without a key; ``curl`` fails there when the answer is an error."""
    home = make_home(tmp_path, CURL_HOME=f"{tmp_path}", PYTHONUNBUFFERED="1")
    home.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{home.env['PATH']}"
    (tmp_path / ".curlrc").write_text("fail-with-body\n")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").touch()
    return home


@pytest.fixture
def server(newcomer: Home) -> Iterator[Server]:
    running = Server(newcomer)
    yield running
    running.stop()


@pytest.fixture
def reader(newcomer: Home) -> Iterator[Reader]:
    somebody = Reader(newcomer.folder, newcomer.env)
    yield somebody
    somebody.leave()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_works_when_pasted(
    document: str, reader: Reader, server: Server, vendor: Emulator, free_port: int
) -> None:
    if not all(shutil.which(needed) for needed in ("bash", "curl")):
        pytest.skip("bash and curl are not installed")
    named = {PORT_OF_THE_APP: server.address.removeprefix("http://"), PORT_OF_THE_EMULATOR: str(free_port)}
    pasted = [one for one in blocks(ROOT / document) if one.language in RUN and not one.text.startswith("make ")]
    assert pasted

    for block in pasted:
        text = block.text
        for written, meant in named.items():
            text = text.replace(written, meant)
        _paste(reader, Block(block.language, text), vendor)

    if document == "README.md":
        _check_the_two_ranges("".join(reader.printed))


def _paste(reader: Reader, block: Block, vendor: Emulator) -> None:
    if block.language == "console":
        for command, shown in transcript(block.text):
            assert reader.paste(command) == shown, command
    elif block.language == "sh":
        reader.paste(block.text)
    elif "MASSIVE_API_BASE_URL" in reader.env:
        reader.paste(f"python - <<'PASTED'\n{block.text}PASTED")
    else:
        vendor.reset()
        with_a_key = {"MASSIVE_API_BASE_URL": vendor.rest, "MASSIVE_API_KEY": "any-key"}
        reader.paste(f"python - <<'PASTED'\n{block.text}PASTED", **with_a_key)


def transcript(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what is shown under it."""
    parts = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def _check_the_two_ranges(printed: str) -> None:
    printed_rows = printed.replace('"', "").splitlines()
    rows = [line for line in printed_rows if re.match(r"AAPL,20(14|20)-", line)]
    heading = next(line for line in printed_rows if line.startswith("ticker,timestamp,"))
    raw = from_csv("\n".join([heading, *[row for row in rows if "AAPL,2014-" in row]]))
    adjusted = from_csv("\n".join([heading, *[row for row in rows if "AAPL,2020-" in row]]))

    assert raw == expected(DEMO, date(2014, 5, 1), date(2014, 7, 1), adjusted=False)
    assert adjusted == expected(DEMO, date(2020, 8, 1), date(2020, 10, 1), adjusted=True)
    assert printed.count('"records":43') == 2
    assert printed.count("43 rows") >= 4


def test_the_links_to_the_app_lead_to_its_pages(server: Server) -> None:
    server.post("/download", {"ticker": "AAPL", "start_date": "2020-08-01", "end_date": "2020-10-01"})
    links = set(re.findall(rf"http://{PORT_OF_THE_APP}(/[^\s>)'#]*)", (ROOT / "README.md").read_text()))
    pages = [link for link in links if link.startswith(("/?", "/data?"))]

    assert len(pages) == 4
    for link in pages:
        page = server.get(link, Accept="text/html")
        assert page.status_code == 200, link
        assert "AAPL" in page.text
