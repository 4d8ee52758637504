"""Where log lines go: one place to install it, so that nothing is logged past the redaction."""

from __future__ import annotations

import logging
import logging.handlers
import os
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from redline.net.redact import RedactingFilter

_FILE_BYTES = 5 * 1024 * 1024
_FILES_KEPT = 3
_CHATTY = ("urllib3", "massive", "RESTClient")  # urllib3 warns with the URL in the line


def install_logging(
    level: str = "INFO", *, stream: TextIO | None = None, shown: str | None = None, file: Path | None = None
) -> None:
    """Log to ``stream`` (default: standard error) and to ``file``, one line a record, times in UTC, keys masked.

    ``shown``: what goes to ``stream``, when that is less than ``level``.

    The file is 0600 and rotates at 5 MB, three old ones are kept. Installing again replaces what was installed. The
    HTTP libraries are held at ERROR whatever ``level`` is: their own lines hold whole URLs.
    """
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if any(isinstance(f, RedactingFilter) for f in handler.filters)]:
        root.removeHandler(old)
        old.close()
    handlers: list[logging.Handler] = [logging.StreamHandler(stream)]
    handlers[0].setLevel(shown or logging.NOTSET)
    if file is not None:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handlers.append(_PrivateFile(file, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(_UtcFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        handler.addFilter(RedactingFilter())
        root.addHandler(handler)
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.ERROR, root.level))


class _UtcFormatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _PrivateFile(logging.handlers.RotatingFileHandler):
    """A rotating log file that nobody else can read, whatever the umask."""

    def _open(self) -> TextIOWrapper:
        fd = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.fchmod(fd, 0o600)
        return open(fd, self.mode, encoding=self.encoding, errors=self.errors)  # type: ignore[return-value]
