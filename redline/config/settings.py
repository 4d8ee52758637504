"""Where settings are read, once, into a frozen object that is handed down.

Order: argument > environment > settings page > default. (API keys have one more, the plain-text ``api_keys.json`` of
the user: see ``keys.py``.) Nothing else in ``redline`` reads the environment; ``engine.py`` and ``app.py`` pass it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from redline.config import kinds
from redline.config.given import Given
from redline.config.places import UserDirs, default_config_dir, user_dirs
from redline.config.secret import Secret
from redline.config.setting_list import SETTINGS, Kind, Origin, Setting
from redline.config.settings_file import PASSWORD_HASH, SettingsFile
from redline.config.strength import SHORTEST_PASSWORD, refuse_weak
from redline.errors import UnsafeSetting

__all__ = ["SETTINGS", "Kind", "Origin", "Setting", "Settings", "load"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What holds for this process, read once. Paths are absolute; nothing was made on disk yet.

    ``secret_dir`` holds the default master key and the session secret. ``server_names`` are complete: loopback names,
    the bound address (unless it is 0.0.0.0 or ::) and those that were added; IPv6 without brackets.
    ``has_saved_password``: ``settings.json`` holds the hash of one (``Access`` checks it).
    """

    home: Path
    state_dir: Path
    config_dir: Path
    secret_dir: Path
    master_key: Secret | None
    key_file: Path | None
    host: str
    port: int
    password: Secret | None
    has_saved_password: bool
    server_names: tuple[str, ...]
    massive_api_key: Secret | None
    massive_api_base_url: str
    yahoo_base_url: str
    stooq_api_key: Secret | None
    stooq_base_url: str
    allowed_hosts: tuple[str, ...]
    origins: Mapping[str, Origin] = field(repr=False)

    def origin(self, name: str) -> Origin:
        """Return which of argument, environment, settings page and default won for a setting.

        Raises:
            KeyError: there is no such setting.
        """
        return self.origins[name]

    @property
    def vault_path(self) -> Path:
        return self.config_dir / "api_keys.json"

    @property
    def settings_path(self) -> Path:
        return self.config_dir / "settings.json"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is bound where only this machine can reach it."""
        return kinds.is_loopback(self.host)

    @property
    def needs_sign_in(self) -> bool:
        """Whether a password is set, by whatever way."""
        return self.password is not None or self.has_saved_password


def load(
    environ: Mapping[str, str],
    *,
    arguments: Mapping[str, object] | None = None,
    cwd: Path,
    dirs: UserDirs | None = None,
) -> Settings:
    """Return the settings that hold. ``arguments`` by the names in ``SETTINGS``; a value of None was not given.

    A variable that is set but empty counts as not set, but for a password or a master key: those are refused. Relative
    folders count from ``cwd``.

    Raises:
        UnsafeSetting: a host that others can reach without a password; a weak password; http to another machine.
        BadField: a value that cannot be used, named as it was given.
        ConfigError: ``settings.json`` cannot be read, or names something that is no setting.
        TypeError: an argument that is no setting.
    """
    dirs = dirs or user_dirs(environ)
    given = Given(environ, arguments or {}, cwd, dirs.home)
    config_dir = given.path("config_dir") or default_config_dir(dirs)
    given.read_page(SettingsFile(config_dir / "settings.json").read())
    bound = given.value("host", str)
    settings = Settings(
        home=given.path("home") or cwd / "data",
        state_dir=given.path("state_dir") or dirs.state,
        config_dir=config_dir,
        secret_dir=dirs.secret,
        master_key=given.secret("master_key"),
        key_file=given.path("key_file"),
        host=bound,
        port=given.value("port", int),
        password=given.secret("password"),
        has_saved_password=isinstance(given.page.get(PASSWORD_HASH), str),
        server_names=kinds.names_answered(bound, given.names("server_names")),
        massive_api_key=given.secret("massive_api_key"),
        massive_api_base_url=given.value("massive_api_base_url", str),
        yahoo_base_url=given.value("yahoo_base_url", str),
        stooq_api_key=given.secret("stooq_api_key"),
        stooq_base_url=given.value("stooq_base_url", str),
        allowed_hosts=given.names("allowed_hosts"),
        origins=given.origins,
    )
    _refuse_unsafe(settings)
    if not settings.is_loopback and environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"):
        raise UnsafeSetting(
            f'FLASK_DEBUG is set, and others can reach REDLINE on "{settings.host}".',
            "Unset FLASK_DEBUG, or leave REDLINE_HOST at 127.0.0.1.",
        )
    return settings


def _refuse_unsafe(settings: Settings) -> None:
    if settings.password is not None:
        refuse_weak("REDLINE_PASSWORD", settings.password.reveal(), SHORTEST_PASSWORD)
    if not settings.is_loopback and not settings.needs_sign_in:
        raise UnsafeSetting(
            f'Others could reach REDLINE on "{settings.host}", and no password is set.',
            "Set REDLINE_PASSWORD, or leave REDLINE_HOST at 127.0.0.1.",
        )
    for variable, address in (
        ("MASSIVE_API_BASE_URL", settings.massive_api_base_url),
        ("STOOQ_BASE_URL", settings.stooq_base_url),
    ):
        if kinds.may_carry_keys(address, settings.allowed_hosts):
            continue
        raise UnsafeSetting(
            f"{variable} would send your API key over the network in the clear (http).",
            "Use https, or name the host in REDLINE_ALLOWED_HOSTS when that network is yours.",
        )
