from __future__ import annotations

import base64
import json
import multiprocessing
import os
import shutil
import stat
from pathlib import Path

import pytest

from redline.config import MasterKeys, Secret, Vault, open_vault
from redline.config.master_key import default_key_file
from redline.errors import ConfigError, KeysUnreadable, UnsafeSetting
from redline.testing import FakeClock
from tests.config.conftest import Load

KEY = bytes.fromhex("fed8a29fe04f9de0feabf968caebeaa3fca30a270e3294c63845c3b1b0fb43cc")  # with + and / in base64
PASSPHRASE = "seven tame owls read Latin"


def given(text: str) -> MasterKeys:
    return MasterKeys.given(Secret(text))


@pytest.mark.parametrize(
    "text",
    [
        KEY.hex(),
        KEY.hex().upper(),
        base64.b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode(),
        base64.urlsafe_b64encode(KEY).decode().rstrip("="),
        f" {KEY.hex()}\n",
    ],
)
def test_hex_and_base64_of_one_key_are_one_key(text: str) -> None:
    assert given(text).for_writing() == given(KEY.hex()).for_writing()
    assert given(text).for_writing()[1] == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "shrt-1",
        "changeme",
        "change-me-please"[:9],
        "password1234",
        "00" * 32,
        "deadbeef" * 8,
        bytes(range(32)).hex(),
        base64.b64encode(b"secret".ljust(32, b"\0")).decode(),
        "abcdefghijklmnop",
    ],
)
def test_a_weak_master_key_is_refused_and_not_printed(text: str) -> None:
    with pytest.raises(UnsafeSetting, match="REDLINE_MASTER_KEY") as caught:
        given(text)
    assert not text.strip() or text not in json.dumps(caught.value.as_json())


def test_a_passphrase_opens_what_it_saved_and_another_does_not(tmp_path: Path) -> None:
    path = tmp_path / "api_keys.json"
    Vault(path, given(PASSPHRASE), FakeClock()).put("massive", {"api_key": "k"}, {})
    again = Vault(path, given(PASSPHRASE), FakeClock())
    again.put("stooq", {"api_key": "l"}, {})

    assert [row.name for row in again.list()] == ["massive", "stooq"]
    ids = {token.split(".")[1] for token in json.loads(path.read_text())["rows"].values()}
    assert len(ids) == 1  # one salt, so one derivation a process
    with pytest.raises(KeysUnreadable):
        Vault(path, given(PASSPHRASE + "!"), FakeClock()).list()


def test_the_first_start_makes_a_private_key_away_from_the_ciphertext(settings_of: Load) -> None:
    settings = settings_of()
    open_vault(settings, FakeClock())

    key_file = default_key_file(settings)
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700
    assert settings.config_dir not in key_file.parents
    assert settings.home not in key_file.parents


def test_the_key_is_not_beside_the_ciphertext_even_in_the_users_config_folder(
    settings_of: Load, tmp_path: Path
) -> None:
    settings = settings_of(REDLINE_CONFIG_DIR=str(tmp_path / "home" / ".config" / "redline"))
    open_vault(settings, FakeClock())

    assert settings.config_dir not in default_key_file(settings).parents


def test_a_key_file_beside_the_ciphertext_is_refused(settings_of: Load, tmp_path: Path) -> None:
    with pytest.raises(UnsafeSetting, match="beside"):
        open_vault(settings_of(REDLINE_KEY_FILE=str(tmp_path / "conf" / "my.key")), FakeClock())


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o666])
def test_a_key_file_that_others_may_read_is_refused_with_the_remedy(
    settings_of: Load, tmp_path: Path, mode: int
) -> None:
    key_file = tmp_path / "my.key"
    key_file.write_text(KEY.hex())
    key_file.chmod(mode)

    with pytest.raises(UnsafeSetting, match="not private") as caught:
        open_vault(settings_of(REDLINE_KEY_FILE=str(key_file)), FakeClock())
    assert "chmod 600" in caught.value.hint
    assert str(tmp_path) not in json.dumps(caught.value.as_json())
    key_file.chmod(0o400)
    open_vault(settings_of(REDLINE_KEY_FILE=str(key_file)), FakeClock())


def test_a_key_file_of_another_user_is_refused(settings_of: Load, tmp_path: Path) -> None:
    key_file = tmp_path / "my.key"
    key_file.write_text(KEY.hex())
    key_file.chmod(0o600)
    try:
        os.chown(key_file, 12345, 12345)
    except PermissionError:
        pytest.skip("only root can give a file away")

    with pytest.raises(UnsafeSetting, match="not private"):
        open_vault(settings_of(REDLINE_KEY_FILE=str(key_file)), FakeClock())


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "shrt-1"])
def test_an_empty_or_short_key_file_is_refused(settings_of: Load, tmp_path: Path, text: str) -> None:
    key_file = tmp_path / "my.key"
    key_file.write_text(text)
    key_file.chmod(0o600)

    with pytest.raises(UnsafeSetting, match="REDLINE_KEY_FILE"):
        open_vault(settings_of(REDLINE_KEY_FILE=str(key_file)), FakeClock())


def test_a_lost_key_file_is_not_made_anew_while_rows_need_it(settings_of: Load) -> None:
    settings = settings_of()
    vault = open_vault(settings, FakeClock())
    vault.put("massive", {"api_key": "k"}, {})
    default_key_file(settings).rename(settings.home.parent / "kept.key")

    again = open_vault(settings, FakeClock())
    with pytest.raises(KeysUnreadable):
        again.list()
    assert not default_key_file(settings).exists()
    (settings.home.parent / "kept.key").rename(default_key_file(settings))
    assert len(again.list()) == 1


def test_another_key_in_the_file_reads_nothing_and_erases_nothing(settings_of: Load) -> None:
    settings = settings_of()
    open_vault(settings, FakeClock()).put("massive", {"api_key": "k"}, {})
    before = settings.vault_path.read_bytes()
    default_key_file(settings).write_text(KEY.hex())

    vault = open_vault(settings, FakeClock())
    with pytest.raises(KeysUnreadable):
        vault.put("stooq", {"api_key": "l"}, {})
    assert settings.vault_path.read_bytes() == before


def test_a_moved_installation_keeps_its_keys_and_a_copy_is_rotated_by_itself(settings_of: Load, tmp_path: Path) -> None:
    first = settings_of()
    open_vault(first, FakeClock()).put("massive", {"api_key": "k"}, {})
    shutil.copytree(tmp_path / "conf", tmp_path / "copy")
    copy = open_vault(settings_of(REDLINE_CONFIG_DIR=str(tmp_path / "copy")), FakeClock())
    assert len(copy.list()) == 1

    open_vault(first, FakeClock()).rotate()
    assert len(open_vault(first, FakeClock()).list()) == 1
    assert len(copy.list()) == 1


def test_rotation_leaves_one_new_key_in_the_file_and_other_processes_go_on(settings_of: Load) -> None:
    settings = settings_of()
    at_work = open_vault(settings, FakeClock())
    at_work.put("massive", {"api_key": "k"}, {})
    old_file = default_key_file(settings).read_text()
    open_vault(settings, FakeClock()).rotate()

    keys = [line for line in default_key_file(settings).read_text().splitlines() if not line.startswith("#")]
    assert len(keys) == 1
    assert keys[0] not in old_file
    assert len(at_work.list()) == 1
    at_work.put("stooq", {"api_key": "l"}, {})
    old_key = next(line for line in old_file.splitlines() if not line.startswith("#"))
    with pytest.raises(KeysUnreadable):
        Vault(settings.vault_path, given(old_key), FakeClock()).list()


def test_a_rotation_killed_after_the_key_file_was_written_is_finished_by_the_next_start(settings_of: Load) -> None:
    settings = settings_of()
    open_vault(settings, FakeClock()).put("massive", {"api_key": "k"}, {})
    old_key = default_key_file(settings).read_text().splitlines()[-1]
    MasterKeys.in_file(default_key_file(settings)).begin_rotation(None)  # and here the process died

    vault = open_vault(settings, FakeClock())
    assert len(vault.list()) == 1
    assert old_key not in default_key_file(settings).read_text()


@pytest.mark.parametrize("new", ["", "shrt-1", "00" * 32])
def test_a_weak_new_key_changes_nothing(settings_of: Load, new: str) -> None:
    settings = settings_of()
    vault = open_vault(settings, FakeClock())
    vault.put("massive", {"api_key": "k"}, {})
    before = default_key_file(settings).read_text()

    with pytest.raises(UnsafeSetting):
        vault.rotate(new)
    assert default_key_file(settings).read_text() == before
    assert len(vault.list()) == 1


def _first_start(settings: object, name: str, ready: object) -> None:
    ready.wait()  # type: ignore[attr-defined]
    open_vault(settings, FakeClock()).put(name, {"api_key": name}, {})  # type: ignore[arg-type]


def test_processes_that_start_first_at_once_share_one_key(settings_of: Load) -> None:
    settings = settings_of()
    fork = multiprocessing.get_context("fork")
    ready = fork.Barrier(6)
    processes = [fork.Process(target=_first_start, args=(settings, f"row{n}", ready)) for n in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)

    assert [process.exitcode for process in processes] == [0] * 6
    assert len(open_vault(settings, FakeClock()).list()) == 6


def test_the_folder_of_the_key_cannot_be_made_is_a_clear_error(settings_of: Load, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the home folder should be")

    with pytest.raises(ConfigError, match="master key") as caught:
        open_vault(settings_of(), FakeClock())
    assert str(tmp_path) not in json.dumps(caught.value.as_json())
