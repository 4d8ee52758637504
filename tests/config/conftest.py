from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from redline.config import KeyRing, Settings, load, open_vault
from redline.config.places import UserDirs
from redline.testing import FakeClock

Load = Callable[..., Settings]


@pytest.fixture
def dirs(tmp_path: Path) -> UserDirs:
    home = tmp_path / "home"
    return UserDirs(
        home, home / ".config" / "redline", home / ".local" / "redline", home / ".config" / "redline-secret"
    )


@pytest.fixture
def settings_of(tmp_path: Path, dirs: UserDirs) -> Load:
    """Load settings in a folder of this test: ``settings_of(REDLINE_PORT="1", arguments={})``."""

    def read(arguments: dict[str, object] | None = None, **environ: str) -> Settings:
        environ.setdefault("REDLINE_CONFIG_DIR", str(tmp_path / "conf"))
        return load(environ, arguments=arguments, cwd=tmp_path, dirs=dirs)

    return read


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ring(settings_of: Load, clock: FakeClock) -> KeyRing:
    settings = settings_of()
    return KeyRing(open_vault(settings, clock), settings)
