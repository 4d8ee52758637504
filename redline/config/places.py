"""Where things are kept when nobody says: the user's own folders on each system, and the clone's config folder."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@dataclass(frozen=True, slots=True)
class UserDirs:
    """The folders of one user: ``home``, and REDLINE's own ``config``, ``state`` and ``secret`` folder.

    ``secret`` stands beside ``config``, not in it: a copy of the config folder never takes the master key along.
    """

    home: Path
    config: Path
    state: Path
    secret: Path


def user_dirs(environ: Mapping[str, str], platform: str = sys.platform) -> UserDirs:
    """Return the user's folders: XDG on Linux and the like, Library on macOS, AppData on Windows. Nothing is made."""
    if platform == "win32":
        home = _absolute(environ.get("USERPROFILE"), Path.home)
        config = _absolute(environ.get("APPDATA"), lambda: home / "AppData" / "Roaming")
        state = _absolute(environ.get("LOCALAPPDATA"), lambda: home / "AppData" / "Local")
        return UserDirs(home, config / "redline", state / "redline", config / "redline-secret")
    home = _absolute(environ.get("HOME"), Path.home)
    if platform == "darwin":
        support = home / "Library" / "Application Support"
        return UserDirs(home, support / "redline", support / "redline-state", support / "redline-secret")
    config = _absolute(environ.get("XDG_CONFIG_HOME"), lambda: home / ".config")
    state = _absolute(environ.get("XDG_STATE_HOME"), lambda: home / ".local" / "state")
    return UserDirs(home, config / "redline", state / "redline", config / "redline-secret")


def default_config_dir(dirs: UserDirs, package: Path = _PACKAGE) -> Path:
    """Return ``redline/config`` when this is a clone that can be written, else the user's config folder."""
    root = package.parent.parent
    is_clone = (root / ".git").exists() or (root / "pyproject.toml").exists()
    return package if is_clone and os.access(package, os.W_OK) else dirs.config


def _absolute(value: str | None, default: Callable[[], Path]) -> Path:
    """Return the folder a variable names; one that is unset, empty or relative does not count (as XDG demands)."""
    return Path(value) if value and Path(value).is_absolute() else default()
