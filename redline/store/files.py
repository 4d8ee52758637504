"""The operating system's calls that change something, in one place, and what their failures mean.

Everything that the store writes goes through a ``Files``, so that a test can let the N-th call fail.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redline.errors import DiskFull, StoreError, StoreUnwritable

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.ENOTDIR, errno.EEXIST, errno.EPERM, errno.EROFS)
_NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)
_OS_ERROR = re.compile(r"os error (\d+)")  # How the Delta library passes on the system's error number: in its text.


class Files:
    """Writes that last. Folders are private (0700), data files can only be read (0440)."""

    def write(self, path: Path, data: bytes) -> None:
        """Write a new file of mode 0600; whoever reads it before ``fsync`` and ``rename`` has himself to blame."""
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
        with os.fdopen(handle, "wb", buffering=0) as out:
            view = memoryview(data)
            while view:
                view = view[out.write(view) :]

    def fsync(self, path: Path) -> None:
        """Wait until the file, or the folder's list of names, is on the disk."""
        if path.is_dir() and os.name == "nt":
            return  # Windows has no such call for folders.
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, old: Path, new: Path) -> None:
        """Give a file its name, in place of what had it."""
        os.replace(old, new)

    def link(self, old: Path, new: Path) -> None:
        """Give a file a second name that nobody may have yet.

        Raises:
            FileExistsError: somebody has it.
        """
        try:
            os.link(old, new)
        except OSError as error:
            if error.errno not in _NO_LINKS or new.exists():
                raise
            os.replace(old, new)  # A disk without links: the writers' lock alone keeps others away.

    def chmod(self, path: Path, mode: int) -> None:
        """Set who may do what."""
        os.chmod(path, mode)

    def mkdir(self, path: Path) -> None:
        """Make one folder, unless it is there."""
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)

    def unlink(self, path: Path) -> None:
        """Remove a file, unless it is gone."""
        path.unlink(missing_ok=True)


def put(files: Files, target: Path, data: bytes, *, exclusive: bool = False) -> None:
    """Write ``data`` under a temporary name beside ``target``, make it last, then give it its name.

    The folder's own fsync is the caller's, who may have put several files into it.

    Raises:
        FileExistsError: ``exclusive``, and there is such a file.
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        files.write(temporary, data)
        files.chmod(temporary, 0o440)
        files.fsync(temporary)
        if not exclusive:
            files.rename(temporary, target)
            return
        files.link(temporary, target)
    except OSError:
        _drop(files, temporary)
        raise
    _drop(files, temporary)


def _drop(files: Files, temporary: Path) -> None:
    with contextlib.suppress(OSError):  # What stays here the next start sweeps.
        files.unlink(temporary)


def make_folders(files: Files, folder: Path, root: Path) -> None:
    """Make ``folder`` and what lacks above it, up to ``root``, each lasting."""
    missing = []
    while folder != root and not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        files.mkdir(one)
        files.fsync(one.parent)


def make_private(files: Files, folder: Path) -> None:
    """Take every right of others from a folder of ours, whatever the umask was when it was made."""
    seen = folder.stat()
    if stat.S_IMODE(seen.st_mode) != 0o700 and (os.name == "nt" or seen.st_uid == os.geteuid()):
        files.chmod(folder, 0o700)


@contextmanager
def explained(folder: Path, size_bytes: int = 0) -> Iterator[None]:
    """Turn the system's errors inside the block into the store's; ``size_bytes`` is what was to be written.

    Raises:
        DiskFull: no space, with ``free_bytes`` and ``needed_bytes``.
        StoreUnwritable: the system refused.
        StoreError: all else that the disk may say.
    """
    try:
        yield
    except OSError as error:
        raise _meaning(error, folder, size_bytes) from error


def _meaning(error: OSError, folder: Path, size_bytes: int) -> StoreError:
    said = _OS_ERROR.search(str(error))
    number = error.errno if error.errno is not None else int(said.group(1)) if said else None
    if number in _FULL:
        free = _free_bytes(folder)
        return DiskFull(
            f"No space left for the store: {size_bytes:,} bytes were to be written, {free:,} are free.",
            "Make room on the disk of the data folder; what was stored before is unharmed.",
            free_bytes=free,
            needed_bytes=size_bytes,
        )
    reason = os.strerror(number) if number is not None else "the disk answered with an error"
    if number in _REFUSED:
        return StoreUnwritable(
            f"The store's folder cannot be written: {reason}.",
            "Give the data folder to the user that runs REDLINE, or set REDLINE_HOME to another one.",
        )
    return StoreError(
        f"The store could not be written or read: {reason}.",
        "Look at the disk of the data folder and try again; what was stored before is unharmed.",
    )


def _free_bytes(folder: Path) -> int:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free
