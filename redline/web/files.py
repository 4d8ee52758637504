"""Exports as downloads: an attachment with a safe name, gone from the disk when it is sent."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from flask import Response, send_file

if TYPE_CHECKING:
    from redline.engine import ExportFile

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class VanishingFile(io.FileIO):
    """A file that is read once: closing it removes it, sent to the end or not."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path = path

    def close(self) -> None:
        """Close and remove the file."""
        super().close()
        self._path.unlink(missing_ok=True)


def as_file(export: ExportFile) -> Response:
    """Answer with an export as an attachment; its file is removed after the last byte."""
    response = send_file(
        VanishingFile(export.path),
        as_attachment=True,
        download_name=safe_name(export.name),
        conditional=False,
        etag=False,
    )
    response.headers["Content-Type"] = export.media_type  # As it is: Flask would add a second charset.
    return response


def safe_name(name: str) -> str:
    """Return ``name`` with letters, digits and ``. _ -`` only, no dot in front, 150 letters at most."""
    return _ODD.sub("_", name).lstrip(".")[-150:] or "export"
