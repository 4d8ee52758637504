"""The key that the saved keys are encrypted with: where it is, how it is made, how it is changed.

Two kinds: *given* (``REDLINE_MASTER_KEY``, never written anywhere) and *in a file* (``REDLINE_KEY_FILE``, else a 0600
file in ``Settings.secret_dir``, which is never the folder of the ciphertext). A file holds one key, and two only while
``Vault.rotate`` runs or after it was killed: the first is the one to write with, the second still opens old rows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Protocol

from redline.config.cipher import KEY_BYTES, fingerprint
from redline.config.files import is_private, locked, private_folder, saving, write_private
from redline.config.secret import Secret
from redline.config.settings import Settings
from redline.config.strength import SHORTEST_PASSPHRASE, refuse_weak, refuse_weak_key
from redline.errors import ConfigError, KeysUnreadable, UnsafeSetting

_SALT_BYTES = 16
_WHAT = "The master key's file"
_HEADER = """\
# REDLINE's master key: whoever has this file and api_keys.json can read the API keys saved there.
# Keep a copy in a safe place, apart from the backups of REDLINE's folders.
"""


class MasterKey(Protocol):
    """One key, under the ids it has in tokens."""

    def opens(self, key_id: str) -> bytes | None:
        """Return the 32 bytes behind ``key_id``, None when another master key was used."""

    def for_writing(self, known_ids: Iterable[str]) -> tuple[str, bytes]:
        """Return (id, 32 bytes) to encrypt with; ``known_ids`` stand in the vault already."""


class RawKey:
    """32 random bytes; the id is ``k`` and a fingerprint."""

    def __init__(self, key: bytes) -> None:
        self._key, self._id = key, "k" + fingerprint(key)

    def opens(self, key_id: str) -> bytes | None:
        return self._key if key_id == self._id else None

    def for_writing(self, known_ids: Iterable[str]) -> tuple[str, bytes]:
        return self._id, self._key


class Passphrase:
    """A text that people remember; the id is ``p``, the salt, and a fingerprint of what argon2id made of both.

    The salt travels in each token, so that a token kept elsewhere opens without the vault. Deriving takes about 0.2 s
    and 64 MiB (argon2id, t=3, p=4: RFC 9106, second choice) and happens once a process and salt.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._derived: dict[bytes, bytes] = {}

    def opens(self, key_id: str) -> bytes | None:
        if not re.fullmatch(r"p[0-9a-f]{48}", key_id):
            return None
        key = self._derive(bytes.fromhex(key_id[1:33]))
        return key if key_id[33:] == fingerprint(key) else None

    def for_writing(self, known_ids: Iterable[str]) -> tuple[str, bytes]:
        for known in known_ids:
            key = self.opens(known)
            if key is not None:
                return known, key
        salt = next(iter(self._derived), None) or os.urandom(_SALT_BYTES)
        key = self._derive(salt)
        return f"p{salt.hex()}{fingerprint(key)}", key

    def _derive(self, salt: bytes) -> bytes:
        if salt not in self._derived:
            from argon2.low_level import Type, hash_secret_raw

            self._derived[salt] = hash_secret_raw(
                self._text.encode("utf-8", "surrogatepass"),
                salt,
                time_cost=3,
                memory_cost=65536,
                parallelism=4,
                hash_len=KEY_BYTES,
                type=Type.ID,
            )
        return self._derived[salt]


def parse_key(name: str, text: str) -> MasterKey:
    """Return the key that ``text`` is: 32 bytes as hex or base64, else a passphrase. ``name`` is what the user set.

    Raises:
        UnsafeSetting: it is empty, short, known, or was not made at random. The text is in no message.
    """
    bare = text.strip()
    key = _as_bytes(bare)
    if key is not None:
        refuse_weak_key(name, key)
        return RawKey(key)
    refuse_weak(name, bare, SHORTEST_PASSPHRASE)
    return Passphrase(bare)


def _as_bytes(text: str) -> bytes | None:
    if re.fullmatch(r"[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text)
    if re.fullmatch(r"[A-Za-z0-9+/_-]{43}=?", text):
        try:
            key = base64.urlsafe_b64decode(text.rstrip("=").replace("+", "-").replace("/", "_") + "=")
        except binascii.Error:
            return None
        return key if len(key) == KEY_BYTES else None
    return None


class MasterKeys:
    """The master keys of one vault, newest first. Thread-safe as its vault is; ``Vault`` calls it under its lock."""

    def __init__(self, keys: Sequence[MasterKey] = (), *, file: Path | None = None, name: str = "the key file") -> None:
        self._keys, self._file, self._name = list(keys), file, name

    @classmethod
    def given(cls, text: Secret, name: str = "REDLINE_MASTER_KEY") -> MasterKeys:
        """Take a key that somebody keeps for us. Raises ``UnsafeSetting`` as ``parse_key``."""
        return cls([parse_key(name, text.reveal())])

    @classmethod
    def in_file(cls, path: Path, name: str = "REDLINE_KEY_FILE") -> MasterKeys:
        """Take the key in a file, which need not exist yet. Raises ``UnsafeSetting`` as ``reload``."""
        keys = cls(file=path, name=name)
        keys.reload()
        return keys

    @classmethod
    def from_settings(cls, settings: Settings) -> MasterKeys:
        """Return the keys that the settings name: ``master_key`` before ``key_file`` before the default file.

        Raises:
            UnsafeSetting: a weak key; a file beside the ciphertext, not 0600, or of another user.
        """
        if settings.master_key is not None:
            return cls.given(settings.master_key)
        if settings.key_file is None:
            return cls.in_file(default_key_file(settings), "the master key's file")
        if settings.key_file.resolve().parent == settings.vault_path.resolve().parent:
            raise UnsafeSetting(
                "REDLINE_KEY_FILE stands beside api_keys.json: who copies the folder has both.",
                "Move the file to another folder, and let REDLINE_KEY_FILE name it there.",
            )
        return cls.in_file(settings.key_file)

    @property
    def is_rotating(self) -> bool:
        """Whether the file holds an old key beside the one in use."""
        return len(self._keys) > 1

    def opens(self, key_id: str) -> bytes | None:
        """Return the bytes behind a key id, None when none of our keys has it."""
        return next((key for key in (one.opens(key_id) for one in self._keys) if key is not None), None)

    def for_writing(self, known_ids: Iterable[str] = ()) -> tuple[str, bytes]:
        """Return (id, 32 bytes) of the key in use.

        Raises:
            KeysUnreadable: there is no key (``ensure`` was not called, or the file is gone).
        """
        if not self._keys:
            raise KeysUnreadable("The master key's file is missing.", "Put the file back from your copy of it.")
        return self._keys[0].for_writing(known_ids)

    def reload(self) -> None:
        """Read the file again; nothing when the key was given or the file does not exist.

        Raises:
            UnsafeSetting: others can read it, it belongs to somebody else, or it holds no key.
        """
        if self._file is None:
            return
        self._keys = [parse_key(self._name, line) for line in self._lines()]

    def ensure(self) -> None:
        """Make the file with a random key when it does not exist. Of two processes, the second takes the first's."""
        if self._file is None or self._keys:
            return
        with saving(_WHAT):
            private_folder(self._file.parent)
            with locked(self._file):
                if not self._file.exists():
                    self._write([os.urandom(KEY_BYTES).hex()])
        self.reload()

    def adopt(self, key_ids: Collection[str]) -> None:
        """Copy the key of another vault of this user when ours is missing and that one opens ``key_ids``.

        So a clone that was moved or copied keeps its saved keys, and each of two copies can be rotated by itself.
        """
        if self._file is None or self._keys or self._name.isupper() or not self._file.parent.is_dir():
            return
        for other in sorted(self._file.parent.glob("master-*.key")):
            found = MasterKeys.in_file(other, self._name) if is_private(other) else MasterKeys()
            if all(found.opens(key_id) for key_id in key_ids):
                with saving(_WHAT), locked(self._file):
                    self._write(found._lines())
                self.reload()
                return

    def begin_rotation(self, new: str | None) -> MasterKeys:
        """Return the keys to go on with: in a file, this object, with a new key (random when None) before the old one.

        Raises:
            UnsafeSetting: the new key is weak. ConfigError: the key was given, and ``new`` is None.
        """
        if self._file is None:
            if new is None:
                raise ConfigError("The master key was given, so a new one has to be given too.", "Name the new key.")
            return MasterKeys.given(Secret(new), "The new master key")
        fresh = os.urandom(KEY_BYTES).hex() if new is None else new.strip()
        parse_key("The new master key", fresh)
        with saving(_WHAT), locked(self._file):
            self._write([fresh, *(line for line in self._lines() if line != fresh)])
        self.reload()
        return self

    def end_rotation(self) -> None:
        """Leave only the key in use in the file: the others open nothing any more."""
        if self._file is None or not self.is_rotating:
            return
        with saving(_WHAT), locked(self._file):
            self._write(self._lines()[:1])
        self.reload()

    def _lines(self) -> list[str]:
        assert self._file is not None  # noqa: S101 - the callers saw to it
        with saving(_WHAT):
            if not self._file.exists():
                return []
            if not is_private(self._file):
                raise UnsafeSetting(
                    f"{self._shown()} is not private: other users may read it, or it belongs to one.",
                    f"As the user who runs REDLINE: chmod 600 {self._where()}",
                )
            text = self._file.read_bytes()
        lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines()]
        keys = [line for line in lines if line and not line.startswith("#")]
        if not keys:
            raise UnsafeSetting(f"{self._shown()} is empty.", "Put the key back from your copy of the file.")
        return keys

    def _write(self, lines: Sequence[str]) -> None:
        assert self._file is not None  # noqa: S101 - the callers saw to it
        write_private(self._file, (_HEADER + "".join(f"{line}\n" for line in lines)).encode())

    def _shown(self) -> str:
        return self._name[0].upper() + self._name[1:]

    def _where(self) -> str:
        """Return what to type after ``chmod``: the variable, or the last two parts of the path; never all of it."""
        assert self._file is not None  # noqa: S101 - the callers saw to it
        if self._name.isupper():
            return f'"${self._name}"'
        return f"{self._file.parent.name}/{self._file.name} (in your config folder, ~/.config on Linux)"


def default_key_file(settings: Settings) -> Path:
    """Return the file made when nobody names one: one for each vault, so that rotating one leaves the others alone."""
    vault = hashlib.sha256(str(settings.vault_path.resolve()).encode()).hexdigest()[:12]
    return settings.secret_dir / f"master-{vault}.key"
