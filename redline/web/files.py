"""Exports as downloads: an attachment with a safe name, gone from the disk when it is sent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flask import Response, send_file

if TYPE_CHECKING:
    from redline.engine import ExportFile

_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def as_file(export: ExportFile) -> Response:
    """Answer with an export as an attachment; its file is removed after the last byte."""
    response = send_file(
        export.path,
        mimetype=export.media_type,
        as_attachment=True,
        download_name=safe_name(export.name),
        conditional=False,
        etag=False,
        last_modified=None,
    )
    response.call_on_close(lambda: export.path.unlink(missing_ok=True))
    return response


def safe_name(name: str) -> str:
    """Return ``name`` with letters, digits and ``. _ -`` only, no dot in front, 150 letters at most."""
    return _ODD.sub("_", name).lstrip(".")[-150:] or "export"
