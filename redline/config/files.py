"""Small private files that are old or new, never torn, and that only their owner reads, whatever the umask."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from redline.errors import ConfigError, DiskFull

_CLOSED_ON_EXEC = getattr(os, "O_CLOEXEC", 0)


def private_folder(folder: Path) -> None:
    """Make ``folder`` with all that is missing above it, each 0700. One that exists keeps its mode."""
    if folder.is_dir():
        return
    private_folder(folder.parent)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        return  # another process was faster
    folder.chmod(0o700)  # the umask may have taken more than it should


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep all other threads and processes out of the block; the lock is the file ``.<name>.lock`` beside ``path``.

    The kernel lets go when the holder dies, so nothing is left to clean after ``kill -9``.
    """
    private_folder(path.parent)
    descriptor = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | _CLOSED_ON_EXEC, 0o600)
    try:
        if os.name == "posix" and os.fstat(descriptor).st_mode & 0o777 == 0:
            os.fchmod(descriptor, 0o600)  # the umask took all, and the next process could not open it
        _wait_for_lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _wait_for_lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX)


def write_private(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``, 0600: written aside, fsynced, renamed, folder fsynced.

    Call it inside ``locked(path)``: what a killed process left aside is overwritten. A crash or an error at any point
    leaves the old content or the new one.
    """
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOSED_ON_EXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if os.name == "posix":
                os.fchmod(descriptor, 0o600)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(aside, path)
    except BaseException:
        with contextlib.suppress(OSError):  # the disk that refused the write may refuse this too; the next save sweeps
            aside.unlink()
        raise
    _fsync_folder(path.parent)


def _fsync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # Windows has no handle of a folder to flush
    descriptor = os.open(folder, os.O_RDONLY | _CLOSED_ON_EXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tighten(path: Path) -> None:
    """Take every right of group and others away from a file of ours; leave another owner's file alone."""
    if os.name != "posix" or not path.exists():
        return
    seen = path.stat()
    if seen.st_uid == os.geteuid() and stat.S_IMODE(seen.st_mode) & 0o077:
        path.chmod(0o600)


def is_private(path: Path) -> bool:
    """Whether the file is ours and nobody else has any right to it. Always true where there are no such modes."""
    if os.name != "posix":
        return True
    seen = path.stat()
    return seen.st_uid == os.geteuid() and not stat.S_IMODE(seen.st_mode) & 0o077


@contextlib.contextmanager
def saving(what: str) -> Iterator[None]:
    """Turn an error of the disk into one sentence about ``what`` (a name, not a path).

    Raises:
        DiskFull: no space or quota left; what was saved before is as it was.
        ConfigError: anything else that the disk refuses.
    """
    try:
        yield
    except OSError as e:
        why = os.strerror(e.errno) if e.errno else "the disk refused"
        if e.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull(f"{what} could not be saved: {why}.", "Free some space and save again.") from e
        raise ConfigError(
            f"{what} could not be read or saved: {why}.",
            "Nothing was lost. Let the user who runs REDLINE read and write its config folder, then try again.",
        ) from e
