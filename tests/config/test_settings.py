from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redline.config import SETTINGS, Origin, load
from redline.config.places import UserDirs, default_config_dir, user_dirs
from redline.errors import BadField, ConfigError, RedlineError, UnsafeSetting
from tests.config.conftest import Load

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
ANYBODY = "0.0.0.0"  # noqa: S104 - given, not bound
GOOD_PASSWORD = "a password that is long"


def test_nothing_set_gives_the_defaults_of_the_contract(tmp_path: Path, dirs: UserDirs) -> None:
    settings = load({}, cwd=tmp_path, dirs=dirs)

    assert settings.home == tmp_path / "data"
    assert (settings.host, settings.port, settings.password) == ("127.0.0.1", 8080, None)
    assert settings.massive_api_base_url == "https://api.massive.com"
    assert settings.server_names == ("localhost", "127.0.0.1", "::1")
    assert settings.state_dir == dirs.state
    assert {settings.origin(one.name) for one in SETTINGS} == {Origin.DEFAULT}


def test_argument_beats_environment_beats_settings_page_beats_default(settings_of: Load, tmp_path: Path) -> None:
    page = tmp_path / "conf" / "settings.json"
    page.parent.mkdir()
    assert settings_of().port == 8080

    page.write_text('{"port": 1001}')
    assert (settings_of().port, settings_of().origin("port")) == (1001, Origin.SETTINGS)
    assert settings_of(REDLINE_PORT="1002").origin("port") is Origin.ENVIRONMENT
    both = settings_of(arguments={"port": 1003}, REDLINE_PORT="1002")
    assert (both.port, both.origin("port")) == (1003, Origin.ARGUMENT)


def test_an_argument_of_none_was_not_given_and_an_unknown_one_is_a_mistake(settings_of: Load) -> None:
    assert settings_of(arguments={"port": None}, REDLINE_PORT="9").port == 9
    with pytest.raises(TypeError, match="ports"):
        settings_of(arguments={"ports": 1})


def test_an_empty_variable_counts_as_not_set(settings_of: Load) -> None:
    settings = settings_of(REDLINE_PORT="", MASSIVE_API_KEY=" ", POLYGON_API_KEY="polygonkey")

    assert settings.port == 8080
    assert settings.massive_api_key is not None
    assert settings.massive_api_key.reveal() == "polygonkey"


def test_the_newer_name_of_the_key_wins(settings_of: Load) -> None:
    key = settings_of(MASSIVE_API_KEY="newer-name", POLYGON_API_KEY="older-name").massive_api_key

    assert key is not None
    assert key.reveal() == "newer-name"


def test_relative_folders_count_from_the_working_folder_and_tilde_is_home(
    settings_of: Load, tmp_path: Path, dirs: UserDirs
) -> None:
    settings = settings_of(REDLINE_HOME="here/data", REDLINE_STATE_DIR="~/state")

    assert settings.home == tmp_path / "here" / "data"
    assert settings.state_dir == dirs.home / "state"


@pytest.mark.parametrize("host", [ANYBODY, "::", "[::]", "192.168.1.5", "example.com", "127.0.0.1.example.com"])
def test_another_host_needs_a_password(settings_of: Load, host: str) -> None:
    with pytest.raises(UnsafeSetting, match="password"):
        settings_of(REDLINE_HOST=host)
    assert not settings_of(REDLINE_HOST=host, REDLINE_PASSWORD=GOOD_PASSWORD).is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST", "::1", "[::1]", "127.8.8.8"])
def test_loopback_needs_none(settings_of: Load, host: str) -> None:
    assert settings_of(REDLINE_HOST=host).is_loopback


def test_a_password_saved_in_settings_lets_others_in_too(settings_of: Load, tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "settings.json").write_text('{"password_hash": "$argon2id$..."}')

    assert settings_of(REDLINE_HOST=ANYBODY).needs_sign_in


@pytest.mark.parametrize(
    "password",
    ["", "   ", "shrt-1", "password", "PASSWORD", "changeme", "Changeme2024!", "12345678", "aaaaaaaaaa", "abababab"],
)
def test_a_weak_password_is_refused_and_not_printed(settings_of: Load, password: str) -> None:
    with pytest.raises(UnsafeSetting, match="REDLINE_PASSWORD") as caught:
        settings_of(REDLINE_PASSWORD=password)
    told = json.dumps(caught.value.as_json()).replace("REDLINE_PASSWORD", "")
    assert not password.strip() or password not in told


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REDLINE_PORT", "http"),
        ("REDLINE_PORT", "-1"),
        ("REDLINE_PORT", "65536"),
        ("REDLINE_PORT", "٣"),
        ("REDLINE_HOST", "a host"),
        ("REDLINE_HOST", "http://x"),
        ("REDLINE_HOST", "127.0.0.1:80"),
        ("REDLINE_SERVER_NAMES", "ok.example, b ad"),
        ("REDLINE_ALLOWED_HOSTS", "host:99999"),
        ("REDLINE_HOME", "a\x00b"),
        ("MASSIVE_API_BASE_URL", "api.massive.com"),
        ("MASSIVE_API_BASE_URL", "ftp://api.massive.com"),
        ("MASSIVE_API_BASE_URL", "https://user:pw@api.massive.com"),
        ("MASSIVE_API_BASE_URL", "https://api.massive.com?apiKey=1"),
        ("MASSIVE_API_BASE_URL", "https://[::1"),
        ("MASSIVE_API_BASE_URL", "https://a\\b"),
        ("MASSIVE_API_KEY", "two words"),
        ("MASSIVE_API_KEY", "x" * 257),
    ],
)
def test_a_value_that_cannot_be_used_is_named_as_it_was_given(settings_of: Load, variable: str, value: str) -> None:
    with pytest.raises(BadField, match=variable) as caught:
        settings_of(**{variable: value})
    assert "pw" not in str(caught.value)
    assert "two words" not in str(caught.value)


def test_keys_travel_by_http_only_on_this_machine_or_to_a_listed_host(settings_of: Load) -> None:
    assert settings_of(MASSIVE_API_BASE_URL="http://127.0.0.1:9000/").massive_api_base_url == "http://127.0.0.1:9000"
    with pytest.raises(UnsafeSetting, match="in the clear"):
        settings_of(MASSIVE_API_BASE_URL="http://10.0.0.5:9000")
    with pytest.raises(UnsafeSetting, match="in the clear"):
        settings_of(MASSIVE_API_BASE_URL="http://10.0.0.5:9000", REDLINE_ALLOWED_HOSTS="10.0.0.5:9001")
    settings_of(MASSIVE_API_BASE_URL="http://10.0.0.5:9000", REDLINE_ALLOWED_HOSTS="10.0.0.5:9000")
    settings_of(MASSIVE_API_BASE_URL="http://Proxy.lan", REDLINE_ALLOWED_HOSTS="other, proxy.lan")


def test_server_names_are_added_and_the_unspecified_address_is_no_name(settings_of: Load) -> None:
    settings = settings_of(
        REDLINE_HOST=ANYBODY, REDLINE_PASSWORD=GOOD_PASSWORD, REDLINE_SERVER_NAMES="Redline.lan, other.lan"
    )

    assert settings.server_names == ("localhost", "127.0.0.1", "::1", "redline.lan", "other.lan")


def test_no_secret_is_in_the_repr(settings_of: Load) -> None:
    settings = settings_of(
        REDLINE_PASSWORD="canary-password-1", MASSIVE_API_KEY="canary-key-2", REDLINE_MASTER_KEY="canary master key 3"
    )

    assert "canary" not in repr(settings) + str(settings)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', "\x80", '{"prot": 1}', '{"home": "x"}', '{"password": "x"}'])
def test_a_settings_file_that_cannot_be_read_is_an_error_and_stays(
    settings_of: Load, tmp_path: Path, text: str
) -> None:
    page = tmp_path / "conf" / "settings.json"
    page.parent.mkdir()
    page.write_text(text)

    with pytest.raises(ConfigError, match=r"settings\.json"):
        settings_of()
    assert page.read_text() == text


@given(st.sampled_from([one for one in SETTINGS if not one.secret]), st.text(max_size=40))
def test_any_text_is_a_setting_or_a_clear_error(setting: object, text: str) -> None:
    dirs = UserDirs(Path("/nowhere"), Path("/nowhere/c"), Path("/nowhere/s"), Path("/nowhere/k"))
    try:
        load({setting.env[0]: text, "REDLINE_CONFIG_DIR": "/nowhere"}, cwd=Path("/nowhere"), dirs=dirs)  # type: ignore[attr-defined]
    except RedlineError as e:
        assert e.sentence


def test_config_dir_is_the_clone_that_can_be_written_else_the_users(tmp_path: Path, dirs: UserDirs) -> None:
    package = tmp_path / "clone" / "redline" / "config"
    package.mkdir(parents=True)
    assert default_config_dir(dirs, package) == dirs.config

    (tmp_path / "clone" / ".git").mkdir()
    assert default_config_dir(dirs, package) == package


def test_user_folders_follow_each_system(tmp_path: Path) -> None:
    linux = user_dirs({"HOME": "/home/a", "XDG_STATE_HOME": "/xdg/state"}, "linux")
    mac = user_dirs({"HOME": "/Users/a"}, "darwin")

    assert (linux.config, linux.state) == (Path("/home/a/.config/redline"), Path("/xdg/state/redline"))
    assert mac.config == Path("/Users/a/Library/Application Support/redline")
    assert all(one.secret.parent == one.config.parent and one.secret != one.config for one in (linux, mac))


def test_every_setting_and_its_names_are_in_the_docs() -> None:
    text = DOCS.read_text()

    for one in SETTINGS:
        assert f"`{one.name}`" in text
        assert all(f"`{variable}`" in text for variable in one.env)
