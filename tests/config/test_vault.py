from __future__ import annotations

import errno
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from redline.config import MasterKeys, Secret, Vault
from redline.config.cipher import Altered, decrypt, encrypt
from redline.config.plain_text import take_entry
from redline.errors import ConfigError, DiskFull, KeysUnreadable
from redline.testing import FakeClock

KEY = os.urandom(32)
OTHER = os.urandom(32)


def vault_at(path: Path, key: bytes = KEY) -> Vault:
    return Vault(path, MasterKeys.given(Secret(key.hex())), FakeClock(), take_entry)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "conf" / "api_keys.json"


@pytest.fixture
def vault(path: Path) -> Vault:
    vault = vault_at(path)
    vault.put("massive", {"api_key": "canary-key-0123"}, {"name": "canary name"})
    return vault


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def secret_of(vault: Vault, name: str = "massive") -> str:
    row = vault.get(name)
    assert row is not None
    return row.secret["api_key"].reveal()


def test_what_was_put_comes_back_in_another_process_too(vault: Vault, path: Path) -> None:
    row = vault_at(path).get("massive")

    assert row is not None
    assert (row.secret["api_key"].reveal(), row.public, row.saved_at) == (
        "canary-key-0123",
        {"name": "canary name"},
        "2024-06-03T15:00:00Z",
    )
    assert [one.name for one in vault.list()] == ["massive"]
    assert vault.get("other") is None


def test_the_file_holds_ciphertext_and_the_format_only(vault: Vault, path: Path) -> None:
    found = json.loads(path.read_text())

    assert set(found) == {"format", "rows"}
    assert "canary" not in path.read_text()
    assert list(found["rows"]) == ["massive"]


def test_two_savings_of_one_key_give_two_tokens(vault: Vault, path: Path) -> None:
    before = path.read_text()
    vault.put("massive", {"api_key": "canary-key-0123"}, {"name": "canary name"})

    assert path.read_text() != before


def test_a_token_opens_under_its_own_name_only(vault: Vault, path: Path) -> None:
    vault.put("stooq", {"api_key": "another-key-99"}, {})
    found = json.loads(path.read_text())
    found["rows"]["stooq"] = found["rows"]["massive"]
    path.write_text(json.dumps(found))

    with pytest.raises(KeysUnreadable, match='"stooq"'):
        vault.get("stooq")
    assert secret_of(vault) == "canary-key-0123"


def test_every_changed_letter_of_a_token_is_noticed(vault: Vault, path: Path) -> None:
    found = json.loads(path.read_text())
    token = found["rows"]["massive"]
    for place in range(len(token)):
        changed = token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]
        path.write_text(json.dumps({"format": 1, "rows": {"massive": changed}}))
        with pytest.raises(KeysUnreadable):
            vault.get("massive")


@given(st.text(), st.text(), st.text())
def test_a_token_gives_its_text_and_opens_nowhere_else(name: str, other: str, text: str) -> None:
    text, name, other = (t.encode("utf-8", "ignore").decode() for t in (text, name, other))
    token = encrypt("t", name, "k1", KEY, text)

    assert decrypt("t", name, KEY, token) == text
    for table, row, key in (("t", name + "x", KEY), ("u", name, KEY), ("t", name, OTHER)):
        with pytest.raises(Altered):
            decrypt(table, row, key, token)


def test_a_wrong_master_key_reads_nothing_and_erases_nothing(vault: Vault, path: Path) -> None:
    before = path.read_bytes()
    wrong = vault_at(path, OTHER)
    wrong.start()

    for call in (
        lambda: wrong.get("massive"),
        wrong.list,
        lambda: wrong.put("massive", {"api_key": "x"}, {}),
        lambda: wrong.put("stooq", {"api_key": "x"}, {}),
        lambda: wrong.delete("massive"),
        lambda: wrong.seal("job", "x"),
        lambda: wrong.rotate(os.urandom(32).hex()),
    ):
        with pytest.raises(KeysUnreadable, match="master key"):
            call()
    assert path.read_bytes() == before
    assert secret_of(vault) == "canary-key-0123"


def test_a_deleted_row_is_gone_from_the_file(vault: Vault, path: Path) -> None:
    assert vault.delete("massive")
    assert not vault.delete("massive")
    assert json.loads(path.read_text())["rows"] == {}


def test_what_another_process_saved_is_seen_at_once(vault: Vault, path: Path) -> None:
    vault_at(path).put("massive", {"api_key": "newer-key-4567"}, {})

    assert secret_of(vault) == "newer-key-4567"


def test_threads_that_save_at_once_lose_no_row(vault: Vault, path: Path) -> None:
    threads = [
        threading.Thread(target=lambda n=n: vault_at(path).put(f"row{n}", {"api_key": f"key-{n}"}, {}))
        for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(vault.list()) == 17


def test_sealed_tokens_open_under_their_name_only_and_outlive_a_rotation(vault: Vault, path: Path) -> None:
    token = vault.seal("job 1", "the job's own key")
    assert vault.seal("job 1", "the job's own key") != token
    vault.rotate(OTHER.hex())
    later = vault.seal("job 2", "another")

    assert vault.open("job 1", token) == "the job's own key"
    assert vault_at(path, OTHER).open("job 2", later) == "another"
    assert [row.name for row in vault.list()] == ["massive"]
    for name, wrong in (("job 2", token), ("job 1", token[:-6] + "AAAA=="), ("job 1", "x"), ("job 1", "")):
        with pytest.raises(KeysUnreadable):
            vault.open(name, wrong)


def test_after_a_rotation_the_old_key_opens_nothing(vault: Vault, path: Path) -> None:
    vault.rotate(OTHER.hex())

    assert secret_of(vault) == "canary-key-0123"
    assert secret_of(vault_at(path, OTHER)) == "canary-key-0123"
    with pytest.raises(KeysUnreadable):
        vault_at(path, KEY).list()


def test_a_given_key_is_rotated_only_to_one_that_is_given(vault: Vault) -> None:
    with pytest.raises(ConfigError, match="given"):
        vault.rotate()
    assert secret_of(vault) == "canary-key-0123"


@pytest.mark.parametrize("plain_mode", [0o644, 0o600, 0o666])
def test_plain_text_is_read_and_rewritten_encrypted(path: Path, plain_mode: int) -> None:
    path.parent.mkdir()
    path.write_text('{"massive": {"api_key": "canary-plain-1", "rate_limit_per_minute": 60, "timeout": 30}}')
    path.chmod(plain_mode)
    vault = vault_at(path)
    vault.start()

    row = vault.get("massive@file")
    assert row is not None
    assert row.secret["api_key"].reveal() == "canary-plain-1"
    assert row.public["rate_limit_per_minute"] == 60
    assert mode(path) == 0o600
    assert "canary" not in path.read_text()


def test_plain_text_that_appears_while_we_run_is_taken_by_the_next_read(vault: Vault, path: Path) -> None:
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "stooq": {"api_key": "canary-plain-2", "s3_secret_key": "canary-s3"}}))

    assert secret_of(vault, "stooq@file") == "canary-plain-2"
    assert secret_of(vault) == "canary-key-0123"
    assert "canary" not in path.read_text()
    row = vault.get("stooq@file")
    assert row is not None
    assert "canary-s3" in row.secret["others"].reveal()


BROKEN = [
    "",
    "{",
    "[]",
    "null",
    '{"massive": "canary-key"}',
    '{"massive": {}}',
    '{"massive": {"api_key": ""}}',
    '{"massive": {"api_key": "two canary"}}',
    '{"massive": {"api_key": "canary", "timeout": "soon"}}',
    '{"massive": {"api_key": "canary", "rate_limit_per_minute": true}}',
    '{"Massive Inc": {"api_key": "canary"}}',
    '{"format": 2, "rows": {}}',
    '{"format": 1, "rows": []}',
    '{"format": 1, "rows": {"massive": 7}}',
    '{"massive": {"api_key": "canary',
    "[" * 100_000,
]


@pytest.mark.parametrize("text", BROKEN)
def test_a_file_that_cannot_be_read_is_a_clear_error_and_stays(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    vault = vault_at(path)

    for call in (vault.start, vault.list, lambda: vault.put("massive", {"api_key": "x"}, {})):
        with pytest.raises(ConfigError, match=r"api_keys\.json") as caught:
            call()
        assert "canary" not in json.dumps(caught.value.as_json())
    assert path.read_text() == text


def test_a_link_is_followed_so_that_no_plain_text_stays_behind_it(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.json"
    real.write_text('{"massive": {"api_key": "canary-plain-3"}}')
    path.parent.mkdir()
    path.symlink_to(real)
    vault_at(path).start()

    assert path.is_symlink()
    assert "canary" not in real.read_text()


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o777])
def test_files_are_0600_and_folders_0700_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = tmp_path / "a" / "b" / "api_keys.json"
        keys = MasterKeys.in_file(tmp_path / "secret" / "master.key")
        vault = Vault(path, keys, FakeClock())
        vault.start()
        vault.put("massive", {"api_key": "x"}, {})
    finally:
        os.umask(before)

    assert [mode(tmp_path / one) for one in ("a", "a/b", "secret")] == [0o700] * 3
    found = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert {one.name for one in found} >= {"api_keys.json", "master.key"}
    assert {mode(one) for one in found} == {0o600}


def test_what_a_killed_save_left_aside_is_swept_by_the_next(vault: Vault, path: Path) -> None:
    aside = path.with_name(".api_keys.json.new")
    aside.write_text("half of a fi")

    assert secret_of(vault) == "canary-key-0123"
    vault.put("stooq", {"api_key": "y"}, {})
    assert not aside.exists()


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Let this process write no more than 64 bytes to any file (the kernel refuses the rest)."""
    resource = pytest.importorskip("resource")
    import signal

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_the_disk_refuses_leaves_the_old_file(vault: Vault, path: Path, full_disk: None) -> None:
    before = path.read_bytes()
    with pytest.raises(ConfigError, match="could not be"):
        vault.put("massive", {"api_key": "new"}, {})

    assert path.read_bytes() == before
    assert sorted(one.name for one in path.parent.iterdir()) == [".api_keys.json.lock", "api_keys.json"]


def test_no_space_is_told_as_such() -> None:
    from redline.config.files import saving

    with pytest.raises(DiskFull), saving("It"):
        raise OSError(errno.ENOSPC, "No space left on device", "/a/path")
    with pytest.raises(ConfigError) as caught, saving("It"):
        raise OSError(errno.EACCES, "Permission denied", "/a/path")
    assert "/a/path" not in json.dumps(caught.value.as_json())


@given(st.dictionaries(st.from_regex(r"[a-z0-9_]{1,9}", fullmatch=True), st.text(max_size=20), max_size=5))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_any_rows_come_back_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, rows: dict[str, str]) -> None:
    vault = vault_at(tmp_path_factory.mktemp("v") / "api_keys.json")
    for name, text in rows.items():
        vault.put(name, {"api_key": text}, {"n": text})
    vault.rotate(OTHER.hex())

    assert {row.name: row.secret["api_key"].reveal() for row in vault.list()} == rows
