"""Each step on the disk may be the last one, or may be refused: the vault is as before or as after, and goes on.

A forked child runs one action; a hook of the interpreter counts its opens, renames, removes and new folders, and at the
n-th one ends the process or lets it fail, for n = 1 until the action runs through.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from enum import Enum
from pathlib import Path

import pytest

from redline.config import Access, KeyIn, KeyRing, Settings, open_vault
from redline.config.master_key import default_key_file
from redline.errors import RedlineError
from redline.testing import FakeClock
from tests.config.conftest import Load

STEPS = {"open", "os.rename", "os.remove", "os.mkdir", "os.chmod"}
RAN_THROUGH, TOLD, KILLED = 0, 3, 9
OLD, NEW = "the-old-key-1234", "the-new-key-5678"
Action = Callable[[Settings], object]


class Fault(Enum):
    KILL = "kill"
    ONCE = "no space once"
    EVER = "no space from then on"


def run(action: Action, settings: Settings, inside: Path, fault: Fault, nth: int) -> int:
    """Run ``action`` in a child that meets ``fault`` at its ``nth`` step inside a folder; return how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    seen = 0

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if event not in STEPS or not str(arguments[0]).startswith(str(inside)):
            return
        seen += 1
        if fault is Fault.KILL and seen == nth:
            os._exit(KILLED)
        if (fault is Fault.ONCE and seen == nth) or (fault is Fault.EVER and seen >= nth):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(arguments[0]))

    sys.addaudithook(hook)
    ended = 1
    try:
        action(settings)
        ended = RAN_THROUGH if seen < nth else TOLD
    except RedlineError as e:
        ended = TOLD if str(inside) not in json.dumps(e.as_json()) else 1
    finally:
        os._exit(ended)


def ring(settings: Settings) -> KeyRing:
    return KeyRing(open_vault(settings, FakeClock()), settings)


def save_new(settings: Settings) -> object:
    return ring(settings).save(KeyIn.parse({"source": "massive", "api_key": NEW}))


def rotate(settings: Settings) -> None:
    open_vault(settings, FakeClock()).rotate()


def start(settings: Settings) -> object:
    return open_vault(settings, FakeClock())


def nothing(settings: Settings) -> None:
    """Leave the folder empty: the action is the first start."""


def saved(settings: Settings) -> None:
    ring(settings).save(KeyIn.parse({"source": "massive", "api_key": OLD}))


def plain(settings: Settings) -> None:
    settings.config_dir.mkdir()
    settings.vault_path.write_text(json.dumps({"massive": {"api_key": OLD}}))


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize(
    ("before", "action", "allowed"),
    [
        (nothing, save_new, {None, NEW}),
        (saved, save_new, {OLD, NEW}),
        (plain, save_new, {OLD, NEW}),
        (plain, start, {OLD}),
        (saved, rotate, {OLD}),
    ],
)
def test_whatever_step_fails_the_keys_are_as_before_or_as_after(
    tmp_path: Path, settings_of: Load, before: Action, action: Action, allowed: set[str | None], fault: Fault
) -> None:
    ends: list[int] = []
    while RAN_THROUGH not in ends:
        inside = tmp_path / str(len(ends))
        inside.mkdir()
        settings = settings_of(REDLINE_CONFIG_DIR=str(inside / "conf"), REDLINE_KEY_FILE=str(inside / "k" / "master"))
        before(settings)
        ends.append(run(action, settings, inside, fault, len(ends) + 1))

        found = ring(settings).resolve("massive")
        assert (found.api_key.reveal() if found else None) in allowed, len(ends)
        assert OLD not in settings.vault_path.read_text() if settings.vault_path.exists() else True
        save_new(settings)
        assert len([line for line in (inside / "k" / "master").read_text().splitlines() if line[0] != "#"]) == 1
        assert sorted(one.name for one in settings.config_dir.iterdir()) == [".api_keys.json.lock", "api_keys.json"]
    assert set(ends[:-1]) == {KILLED if fault is Fault.KILL else TOLD}
    assert len(ends) > 5


@pytest.mark.parametrize("fault", list(Fault))
def test_whatever_step_fails_the_tokens_are_as_before_or_as_after(
    tmp_path: Path, settings_of: Load, fault: Fault
) -> None:
    ends: list[int] = []
    while RAN_THROUGH not in ends:
        inside = tmp_path / str(len(ends))
        settings = settings_of(REDLINE_CONFIG_DIR=str(inside))
        token = Access(settings, FakeClock()).make_token("first")
        ends.append(run(lambda s: Access(s, FakeClock()).make_token("second"), settings, inside, fault, len(ends) + 1))

        access = Access(settings, FakeClock())
        assert access.check_token(token) == "first"
        assert len(access.tokens()) in (1, 2)
        access.make_token("third")
    assert set(ends[:-1]) == {KILLED if fault is Fault.KILL else TOLD}


def test_the_default_key_file_survives_a_kill_at_every_step_of_the_first_start(
    tmp_path: Path, settings_of: Load
) -> None:
    ends: list[int] = []
    while RAN_THROUGH not in ends:
        settings = settings_of(REDLINE_CONFIG_DIR=str(tmp_path / f"conf{len(ends)}"))
        ends.append(run(start, settings, tmp_path, Fault.KILL, len(ends) + 1))

        save_new(settings)
        assert default_key_file(settings).stat().st_mode & 0o777 == 0o600
