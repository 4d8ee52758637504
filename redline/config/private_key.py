"""32 random bytes in a 0600 file, made at first use and the same for every process after that."""

from __future__ import annotations

import os
import re
from pathlib import Path

from redline.config.cipher import KEY_BYTES
from redline.config.files import is_private, locked, private_folder, saving, write_private
from redline.config.strength import refuse_weak_key
from redline.errors import UnsafeSetting


def private_key(path: Path, name: str) -> bytes:
    """Return the bytes of the file, made when it is missing. ``name`` is what messages call it.

    Raises:
        UnsafeSetting: others may read the file, or what it holds is short or was not made at random.
        ConfigError, DiskFull: it cannot be made or read.
    """
    with saving(name):
        if not path.exists():
            private_folder(path.parent)
            with locked(path):
                if not path.exists():
                    write_private(path, os.urandom(KEY_BYTES).hex().encode() + b"\n")
        shown = f"{path.parent.name}/{path.name}"
        if not is_private(path):
            raise UnsafeSetting(f"{name} is not private.", f"As the user who runs REDLINE: chmod 600 {shown}")
        text = path.read_bytes().strip()
    if not re.fullmatch(rb"[0-9a-f]{64}", text):
        raise UnsafeSetting(
            f"{name} is empty, short or no key.", f"Remove {shown}: a new one is made at the next start."
        )
    key = bytes.fromhex(text.decode())
    refuse_weak_key(name, key)
    return key
