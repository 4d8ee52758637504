"""The sources: one module each, and the list of them.

Modules are loaded when their source is asked for: ``import redline`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from redline.errors import BadField

if TYPE_CHECKING:
    from redline.downloaders.base_downloader import BaseDownloader

#: Name of each source, and where its class is.
_PLACES = {
    "massive": ("redline.downloaders.massive_downloader", "MassiveDownloader"),
    "yahoo": ("redline.downloaders.yahoo_downloader", "YahooDownloader"),
}

#: Names of all sources, in the order they are shown.
SOURCE_NAMES = tuple(_PLACES)


def source_class(name: str) -> type[BaseDownloader]:
    """Return the class of a source.

    Raises:
        BadField: there is no source of that name.
    """
    if name not in _PLACES:
        raise BadField("source", name, f"it must be one of {', '.join(SOURCE_NAMES)}")
    module, cls = _PLACES[name]
    found: type[BaseDownloader] = getattr(import_module(module), cls)
    return found


def __getattr__(name: str) -> tuple[type[BaseDownloader], ...]:
    """Give ``SOURCES``, the classes of all sources, when it is asked for."""
    if name == "SOURCES":
        return tuple(source_class(one) for one in SOURCE_NAMES)
    raise AttributeError(name)


__all__ = ["SOURCES", "SOURCE_NAMES", "source_class"]
