"""REDLINE: download market data into open files, completely and within your plan, and query it.

``redline.open()`` gives the engine that the web app and the command line use, in the words of a notebook.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from redline.engine import Library

__all__ = ["__version__", "open"]
__version__ = "0.1.0"


def open(home: str | None = None) -> Library:
    """Return the library over the store in ``home`` (default: ``REDLINE_HOME``, else ``data`` under this folder).

    Raises:
        ConfigError: a setting cannot be used, or the key vault does not open.
        StoreError: the folder cannot be written.
    """
    from redline.engine import Library, open_engine

    return Library(open_engine(home=home))
