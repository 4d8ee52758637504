"""What was given for each setting, and by whom."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from redline.config import kinds
from redline.config.secret import Secret
from redline.config.setting_list import SETTINGS, Kind, Origin, Setting
from redline.config.settings_file import OTHER_ENTRIES
from redline.errors import ConfigError

_T = TypeVar("_T")
_BY_NAME = {one.name: one for one in SETTINGS}
# Unset on purpose and forgotten look the same in a variable that is empty; for these the difference is a risk.
_EMPTY_COUNTS = (Kind.PASSWORD, Kind.SECRET)


class Given:
    """Look up one setting after the other: argument > environment > settings page > default. Used once, by ``load``."""

    def __init__(self, environ: Mapping[str, str], arguments: Mapping[str, object], cwd: Path, user_home: Path) -> None:
        unknown = sorted(set(arguments) - set(_BY_NAME))
        if unknown:
            raise TypeError(f"no such setting: {', '.join(unknown)}")
        self._environ, self._arguments, self._cwd, self._user_home = environ, arguments, cwd, user_home
        self.page: Mapping[str, object] = {}
        self.origins: dict[str, Origin] = {}

    def read_page(self, saved: Mapping[str, object]) -> None:
        """Take what the Settings page saved.

        Raises:
            ConfigError: a name that the Settings page does not save.
        """
        for name in saved:
            if name not in OTHER_ENTRIES and not (name in _BY_NAME and _BY_NAME[name].on_page):
                raise ConfigError(f'settings.json: "{name}" is nothing it can set.', "Take it out of the file.")
        self.page = saved

    def value(self, name: str, of_type: type[_T]) -> _T:
        """Return the value of a setting that always has one."""
        found = self._find(name)
        assert isinstance(found, of_type), name  # noqa: S101 - SETTINGS has a default of that kind
        return found

    def secret(self, name: str) -> Secret | None:
        found = self._find(name)
        return found if isinstance(found, Secret) else None

    def path(self, name: str) -> Path | None:
        found = self._find(name)
        return found if isinstance(found, Path) else None

    def names(self, name: str) -> tuple[str, ...]:
        found = self._find(name)
        return found if isinstance(found, tuple) else ()

    def _find(self, name: str) -> object:
        setting = _BY_NAME[name]
        if self._arguments.get(name) is not None:
            return self._take(setting, Origin.ARGUMENT, name, self._arguments[name])
        for variable in setting.env:
            text = self._environ.get(variable)
            if text is not None and (text.strip() or setting.kind in _EMPTY_COUNTS):
                return self._take(setting, Origin.ENVIRONMENT, variable, text)
        if name in self.page:
            return self._take(setting, Origin.SETTINGS, f"settings.json: {name}", self.page[name])
        if setting.default is None:
            self.origins[name] = Origin.DEFAULT
            return None
        return self._take(setting, Origin.DEFAULT, name, setting.default)

    def _take(self, setting: Setting, origin: Origin, field: str, value: object) -> object:
        self.origins[setting.name] = origin
        match setting.kind:
            case Kind.FOLDER:
                return kinds.folder(field, value, self._cwd, self._user_home)
            case Kind.HOST:
                return kinds.host(field, value)
            case Kind.PORT:
                return kinds.port(field, value)
            case Kind.HOSTS:
                return kinds.hosts(field, value)
            case Kind.HOSTS_AND_PORTS:
                return kinds.hosts_and_ports(field, value)
            case Kind.ADDRESS:
                return kinds.web_address(field, value)
            case Kind.PASSWORD | Kind.SECRET:
                return kinds.secret(field, value)
            case Kind.API_KEY:
                return kinds.api_key(field, value)
