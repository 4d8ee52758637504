from __future__ import annotations

import multiprocessing
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from redline.config import Access
from redline.errors import BadField, ConfigError, Conflict, NotFound, TooManyTries, UnsafeSetting
from redline.testing import FakeClock
from tests.config.conftest import Load

PASSWORD = "seven tame owls"


@pytest.fixture
def access_of(settings_of: Load, clock: FakeClock) -> Callable[..., Access]:
    return lambda **environ: Access(settings_of(**environ), clock)


AccessOf = Callable[..., Access]


def session_files(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "home" / ".config" / "redline-secret").glob("session-*.key"))


def test_without_a_password_nobody_signs_in(access_of: AccessOf) -> None:
    access = access_of()

    assert not access.has_password
    assert not access.check_password("")
    assert not access.check_password("None")


def test_the_password_of_the_environment_is_the_only_one(access_of: AccessOf) -> None:
    access = access_of(REDLINE_PASSWORD=PASSWORD)

    assert access.has_password
    assert access.check_password(PASSWORD)
    for wrong in ("", PASSWORD + " ", PASSWORD.upper(), "\ud800", "x" * 100_000):
        assert not access.check_password(wrong)


def test_a_password_that_is_no_utf_8_in_the_environment_is_one_like_any(access_of: AccessOf) -> None:
    access = access_of(REDLINE_PASSWORD="pass\udcff\udcfe words")  # how Python reads other bytes

    assert access.check_password("pass\udcff\udcfe words")
    assert len(access.sessions_epoch) == 32


def test_a_saved_password_is_kept_as_a_hash_and_seen_by_others(access_of: AccessOf, tmp_path: Path) -> None:
    at_work = access_of()
    access_of().set_password(PASSWORD)

    assert at_work.has_password
    assert at_work.check_password(PASSWORD)
    assert not at_work.check_password(PASSWORD + "x")
    saved = tmp_path / "conf" / "settings.json"
    assert PASSWORD not in saved.read_text()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600


def test_the_environment_counts_before_a_saved_password(access_of: AccessOf) -> None:
    access_of().set_password("a saved password")
    access = access_of(REDLINE_PASSWORD=PASSWORD)

    assert access.check_password(PASSWORD)
    assert not access.check_password("a saved password")
    with pytest.raises(Conflict, match="REDLINE_PASSWORD"):
        access.set_password("another password")


@pytest.mark.parametrize("weak", ["", "shrt-1", "password", "12345678"])
def test_a_weak_new_password_is_a_bad_field(access_of: AccessOf, weak: str) -> None:
    with pytest.raises(BadField, match="password"):
        access_of().set_password(weak)


def test_the_eleventh_wrong_password_in_a_minute_is_refused_and_says_how_long(
    access_of: AccessOf, clock: FakeClock
) -> None:
    access = access_of(REDLINE_PASSWORD=PASSWORD)
    for _ in range(10):
        assert not access.check_password("wrong")
        clock.advance(1)

    for given in ("wrong", PASSWORD):
        with pytest.raises(TooManyTries) as caught:
            access.check_password(given)
    assert caught.value.as_json()["retry_after_s"] == 50  # the first of ten was 10 s ago
    clock.advance(50)
    assert access.check_password(PASSWORD)


def test_right_passwords_are_not_counted(access_of: AccessOf) -> None:
    access = access_of(REDLINE_PASSWORD=PASSWORD)

    assert all(access.check_password(PASSWORD) for _ in range(30))


def test_a_hundred_guesses_at_once_are_ten(access_of: AccessOf) -> None:
    access = access_of(REDLINE_PASSWORD=PASSWORD)
    told: list[object] = []

    def guess() -> None:
        try:
            told.append(access.check_password("wrong"))
        except TooManyTries:
            told.append("too many")

    threads = [threading.Thread(target=guess) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (told.count(False), told.count("too many")) == (10, 90)


def test_a_new_password_ends_all_sessions(access_of: AccessOf) -> None:
    epochs = [access_of().sessions_epoch]
    for password in ("the first password", "the second password", "the second password"):
        access_of().set_password(password)
        epochs.append(access_of().sessions_epoch)
    epochs.append(access_of(REDLINE_PASSWORD=PASSWORD).sessions_epoch)
    epochs.append(access_of(REDLINE_PASSWORD=PASSWORD + "x").sessions_epoch)

    assert len(set(epochs)) == len(epochs)
    assert access_of(REDLINE_PASSWORD=PASSWORD).sessions_epoch == epochs[-2]  # a restart ends none


def test_the_session_secret_is_random_private_and_the_same_for_all(access_of: AccessOf, tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        secret = access_of().session_secret()
    finally:
        os.umask(before)

    assert len(secret) == 32
    assert access_of().session_secret() == secret
    assert [stat.S_IMODE(one.stat().st_mode) for one in session_files(tmp_path)] == [0o600]
    assert access_of(REDLINE_CONFIG_DIR=str(tmp_path / "other")).session_secret() != secret


def _ask(access: Access, ready: object, answers: object) -> None:
    ready.wait()  # type: ignore[attr-defined]
    answers.put(access.session_secret())  # type: ignore[attr-defined]


def test_workers_that_start_at_once_have_one_secret(access_of: AccessOf) -> None:
    fork = multiprocessing.get_context("fork")
    ready, answers = fork.Barrier(6), fork.Queue()
    workers = [fork.Process(target=_ask, args=(access_of(), ready, answers)) for _ in range(6)]
    for worker in workers:
        worker.start()
    assert len({answers.get(timeout=30) for _ in workers}) == 1
    for worker in workers:
        worker.join(30)


@pytest.mark.parametrize("text", ["", "secret", "00" * 32, "abcd" * 8])
def test_an_empty_short_or_known_session_secret_is_refused_and_not_printed(
    access_of: AccessOf, tmp_path: Path, text: str
) -> None:
    access_of().session_secret()
    session_files(tmp_path)[0].write_text(text)

    with pytest.raises(UnsafeSetting) as caught:
        access_of().session_secret()
    assert not text or f" {text}" not in str(caught.value.as_json()).replace("session secret", "")


def test_a_session_secret_that_others_may_read_is_refused(access_of: AccessOf, tmp_path: Path) -> None:
    access_of().session_secret()
    session_files(tmp_path)[0].chmod(0o644)

    with pytest.raises(UnsafeSetting, match="not private") as caught:
        access_of().session_secret()
    assert "chmod 600" in caught.value.hint


def test_a_token_is_shown_once_and_holds_until_it_is_revoked(access_of: AccessOf, tmp_path: Path) -> None:
    token = access_of().make_token("laptop")
    other = access_of().make_token("cron.job-2")
    access = access_of()

    assert (access.check_token(token), access.check_token(other)) == ("laptop", "cron.job-2")
    assert access.tokens() == [
        {"name": "cron.job-2", "made_at": "2024-06-03T15:00:00Z"},
        {"name": "laptop", "made_at": "2024-06-03T15:00:00Z"},
    ]
    assert token not in (tmp_path / "conf" / "settings.json").read_text()
    access.revoke_token("laptop")
    assert access_of().check_token(token) is None
    assert access_of().check_token(other) == "cron.job-2"
    for wrong in ("", "redline_", token[:-1], "\ud800", "é"):
        assert access.check_token(wrong) is None


def test_a_name_is_used_once_and_has_plain_letters(access_of: AccessOf) -> None:
    access_of().make_token("laptop")

    with pytest.raises(Conflict):
        access_of().make_token("laptop")
    for name in ("", "a b", "../x", "a/b", "x" * 65, "é", "a\n", "-x"):
        with pytest.raises(BadField, match="name"):
            access_of().make_token(name)
    with pytest.raises(NotFound):
        access_of().revoke_token("nobody")


def test_threads_that_make_tokens_at_once_lose_none(access_of: AccessOf) -> None:
    threads = [threading.Thread(target=access_of().make_token, args=(f"t{n}",)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(access_of().tokens()) == 12


@pytest.mark.parametrize("tokens", ["[]", '{"a": 1}', '{"a": {}}'])
def test_tokens_that_cannot_be_read_let_nobody_in(access_of: AccessOf, tmp_path: Path, tokens: str) -> None:
    access = access_of()
    (tmp_path / "conf").mkdir(exist_ok=True)
    (tmp_path / "conf" / "settings.json").write_text(f'{{"tokens": {tokens}}}')

    with pytest.raises(ConfigError, match="tokens"):
        access.check_token("redline_x")
