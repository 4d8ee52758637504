"""REDLINE: download market data into open files, completely and within your plan, and query it.

``redline.open()`` gives the engine that the web app and the command line use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redline.engine import Engine

__all__ = ["__version__", "open"]
__version__ = "0.1.0"


def open(home: str | None = None) -> Engine:
    """Return the engine over the store in ``home`` (default: ``REDLINE_HOME``, else ``data`` under this folder).

    Raises:
        ConfigError: a setting cannot be used, or the key vault does not open.
        StoreError: the folder cannot be written.
    """
    from redline.engine import open_engine

    return open_engine(home=home)
