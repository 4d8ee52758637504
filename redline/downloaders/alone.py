"""What a downloader needs that somebody makes by hand, without the engine: settings, and the budget it shares."""

from __future__ import annotations

import os
from pathlib import Path

from redline.clock import Clock
from redline.config.keys import KeyRing, open_vault
from redline.config.settings import Settings, load
from redline.net.budget import Budgets


def settings() -> Settings:
    """Return the settings of this process. The engine hands its own down; a downloader alone has nobody to ask."""
    return load(os.environ, cwd=Path.cwd())


def budgets(found: Settings, clock: Clock) -> Budgets:
    """Return the budgets in the user's state folder: the ones that the app and every other program of theirs use."""
    return Budgets(found.state_dir / "budgets.db", clock)


def keys(found: Settings, clock: Clock) -> KeyRing:
    """Return the keys of this user: those of the environment, and those saved in Settings."""
    return KeyRing(open_vault(found, clock), found)
