"""The documents tell the truth: what there is stands in them, and what stands in them is there."""

from __future__ import annotations

import argparse
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from redline.cli.arguments import parser as command_line
from redline.config.setting_list import SETTINGS
from redline.downloaders import SOURCE_NAMES, source_class
from redline.emulator import __main__ as emulator_main
from redline.emulator.faults import Do, Match
from redline.emulator.plans import PLANS
from redline.errors import Cancelled, LeaseLost, ProviderError, RedlineError
from redline.jobs.job import JobState
from redline.market.bar import Timespan
from redline.market.request import Adjust, Dataset, Format
from redline.market.schema import BAR_COLUMNS
from redline.market.session import SessionState
from tests.markdown import DOCUMENTS, ROOT, anchors, blocks, links, row_of

CLI, HTTP, LIBRARY = (ROOT / "docs" / name for name in ("cli.md", "http-api.md", "library.md"))
#: Never answered: the trunk of the tree, and what only our own workers see.
NEVER_ANSWERED = {RedlineError.code, ProviderError.code, LeaseLost.code, Cancelled.code}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(document: Path) -> None:
    for link in links(document):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_fenced_block_says_what_it_is(document: Path) -> None:
    assert {one.language for one in blocks(document)} <= {"sh", "console", "python", "json", "text"}


def test_the_readme_leads_to_every_document() -> None:
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in links(ROOT / "README.md") if ":" not in link}
    wanted = [path for path in DOCUMENTS if path.parent != ROOT / "docs" / "decisions" and path.name != "README.md"]

    assert [str(path.relative_to(ROOT)) for path in wanted if path not in linked] == []


def test_no_file_names_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    places = [f"/{place}/" for place in ("work", "root", "tmp/v", "opt/pypi")]

    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.is_file() and path.suffix not in (".parquet", ".png"):
            text = path.read_text(errors="replace")
            assert [place for place in places if f'"{place}' in text or f" {place}" in text] == [], name


def test_every_setting_has_its_row() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text()

    for one in SETTINGS:
        row = row_of(text, f"`{one.name}`")
        assert all(f"`{name}`" in row for name in one.env), one.name
        assert ("(page)" in row) == one.on_page, one.name
        assert one.default is None or f"`{one.default}`" in row, one.name


def _errors(kind: type[RedlineError] = RedlineError) -> Iterator[type[RedlineError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _errors(below)


def test_every_error_code_stands_beside_its_status() -> None:
    text = HTTP.read_text()
    rows = text[text.index("| status | codes |") :].split("\n\n")[0].splitlines()
    codes = {(one.code, one.status) for one in _errors() if "code" in vars(one)}

    for code, status in sorted(codes):
        if code not in NEVER_ANSWERED:
            assert any(str(status) in row.split("|")[1] and f"`{code}`" in row for row in rows), (code, status)


def test_every_source_has_its_page_with_its_options() -> None:
    for name in SOURCE_NAMES:
        text = (ROOT / "docs" / "providers" / f"{name}.md").read_text()
        assert [option.name for option in source_class(name).options if not row_of(text, f"`{option.name}`")] == []


def _verbs(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return {
        name: verb
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, verb in action.choices.items()
    }


def test_every_verb_and_option_stands_in_the_docs() -> None:
    text = CLI.read_text()
    for name, verb in _verbs(command_line()).items():
        section = text[text.index(f"## `{name}`") :].split("\n## ")[0]
        below = _verbs(verb)
        assert [action for action in below if f"`keys {action}" not in section] == []
        for one in [verb, *below.values()]:
            for action in one._actions:
                options = [option for option in action.option_strings if option.startswith("--") and option != "--help"]
                assert [option for option in options if f"`{option}`" not in text] == [], name


def test_every_target_of_make_stands_in_the_docs() -> None:
    targets = re.findall(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[0].split()
    text = (ROOT / "README.md").read_text() + (ROOT / "CONTRIBUTING.md").read_text()

    assert [target for target in targets if not re.search(rf"\bmake {target}\b", text)] == []
    assert set(re.findall(r"^ *make (\w+) ", text, re.MULTILINE)) <= set(targets)


def test_every_bench_stands_in_its_docs() -> None:
    text = (ROOT / "bench" / "README.md").read_text()

    assert [path.name for path in ROOT.glob("bench/*.py") if f"bench/{path.name}" not in text] == []


def test_everything_of_the_emulator_stands_in_its_docs() -> None:
    text = (ROOT / "docs" / "emulator.md").read_text()
    options = [option for action in emulator_main._parser()._actions for option in action.option_strings]
    words = [one.name for kind in (Match, Do) for one in fields(kind)] + list(PLANS)
    words += [option for option in options if option.startswith("--") and option != "--help"]

    assert [word for word in words if not re.search(rf"`{word}\b", text)] == []


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (CLI, [*Format, *Dataset.downloads(), *Adjust]),
        (HTTP, [*Format, *Dataset.downloads(), *Adjust, *JobState, *SessionState]),
        (LIBRARY, [*Format, *Adjust]),
        (ROOT / "docs" / "jobs.md", [*JobState]),
        (ROOT / "docs" / "providers" / "massive.md", [*Dataset.downloads(), *Timespan]),
    ],
    ids=["cli", "http", "library", "jobs", "massive"],
)
def test_every_word_of_a_closed_set_stands_in_the_docs(document: Path, words: list[Format]) -> None:
    text = document.read_text()

    assert [word.value for word in words if not re.search(rf"\b{word.value}\b", text)] == []


@pytest.mark.parametrize("document", [HTTP, LIBRARY], ids=["http", "library"])
def test_the_columns_of_a_bars_frame_stand_there_in_their_order(document: Path) -> None:
    assert ", ".join(BAR_COLUMNS) in document.read_text()


def test_every_room_stands_in_the_architecture() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    rooms = [path for path in (ROOT / "redline").iterdir() if path.is_dir() and (path / "__init__.py").exists()]

    assert [path.name for path in rooms if f"`redline/{path.name}/`" not in text] == []
    for path in re.findall(r"`((?:redline|tests|docs|market|config|net|jobs|web)/[\w./]+)`", text):
        assert (ROOT / path).exists() or (ROOT / "redline" / path).exists(), path
