"""The encrypted key store: one file of tokens, shared by all processes, old or new after any crash.

Each row is one AES-256-GCM token bound to its name; see ``docs/decisions/0003-vault.md`` for why it is built so.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from redline.clock import Clock
from redline.config.cipher import KEY_BYTES, Altered, decrypt, encrypt, fingerprint, key_id_of
from redline.config.master_key import MasterKeys
from redline.config.secret import Secret
from redline.config.vault_rows import Plain, Tokens, VaultRows
from redline.errors import ConfigError, KeysUnreadable

_SEALED = "sealed"
_SEALING = "@sealing"  # the row with the keys that ``seal`` uses


@dataclass(frozen=True, slots=True)
class Row:
    """One saved row. ``public`` is encrypted too, but may be shown. ``saved_at``: ISO 8601, UTC."""

    name: str
    secret: Mapping[str, Secret]
    public: Mapping[str, object]
    saved_at: str


# From one entry of a plain-text file: (row name, secret fields, public fields). Raises ConfigError.
Importer = Callable[[str, Mapping[str, object]], tuple[str, Mapping[str, str], Mapping[str, object]]]


def no_plain_text(source: str, entry: Mapping[str, object]) -> tuple[str, Mapping[str, str], Mapping[str, object]]:
    """Refuse plain text: for a vault that never had any."""
    raise ConfigError("api_keys.json holds plain text, which this vault does not take.", "Move the file away.")


class Vault:
    """Keep secrets by name. Thread-safe, and safe with other processes; each call sees what others saved.

    Every method raises ``KeysUnreadable`` when the master key is not the one that the rows were saved with, or a row
    was altered (and then nothing is written), ``ConfigError`` when the file cannot be read or written, ``DiskFull``
    when there is no space.
    """

    def __init__(self, path: Path, master: MasterKeys, clock: Clock, importer: Importer = no_plain_text) -> None:
        self._rows = VaultRows(path, master, self._from_plain)
        self._clock, self._importer = clock, importer

    def start(self) -> None:
        """Do what a first start has to: 0600, a master key, plain text encrypted, a killed rotation finished.

        Does not raise ``KeysUnreadable`` for a wrong master key: the first use does.
        """
        self._rows.start()

    def put(self, name: str, secret_fields: Mapping[str, str], public_fields: Mapping[str, object]) -> None:
        """Save a row, or replace the one of that name."""
        with self._rows.changing() as tokens:
            text = _row_text(secret_fields, public_fields, self.now())
            tokens[name] = self._rows.token(name, text, tokens)
            self._rows.write(tokens)

    def change_public(self, name: str, change: Callable[[Row], Mapping[str, object]]) -> bool:
        """Replace the public fields of a row by ``change`` of it; return whether there is such a row."""
        with self._rows.changing() as tokens:
            if name not in tokens:
                return False
            row = self._row(name, tokens)
            secret = {field: value.reveal() for field, value in row.secret.items()}
            tokens[name] = self._rows.token(name, _row_text(secret, change(row), row.saved_at), tokens)
            self._rows.write(tokens)
            return True

    def get(self, name: str) -> Row | None:
        """Return a row, None when none of that name was saved."""
        return self._rows.reading(lambda tokens: self._row(name, tokens) if name in tokens else None)

    def list(self) -> Sequence[Row]:
        """Return all rows, by name."""
        return self._rows.reading(lambda tokens: [self._row(n, tokens) for n in sorted(tokens) if n != _SEALING])

    def delete(self, name: str) -> bool:
        """Erase a row; return whether there was one."""
        with self._rows.changing() as tokens:
            if tokens.pop(name, None) is None:
                return False
            self._rows.write(tokens)
            return True

    def seal(self, name: str, secret: str) -> str:
        """Return ``secret`` as a token that somebody else keeps (a job its own key), bound to ``name``.

        It is encrypted with a sealing key that lives in the vault, so it outlives a change of the master key.
        """
        keys = self._rows.reading(self._sealing_keys) or self._first_sealing_key()
        return encrypt(_SEALED, name, _sealing_id(keys[0]), keys[0], secret)

    def open(self, name: str, token: str) -> str:
        """Return what was sealed under ``name``.

        Raises:
            KeysUnreadable: sealed under another name or by another vault, or altered.
        """
        try:
            key_id = key_id_of(token)
            for key in self._rows.reading(self._sealing_keys):
                if key_id == _sealing_id(key):
                    return decrypt(_SEALED, name, key, token)
        except Altered as e:
            raise _not_opened() from e
        raise _not_opened()

    def rotate(self, new_master: str | None = None) -> None:
        """Encrypt everything with another master key: ``new_master`` (hex, base64, passphrase), random when None.

        With the key in a file, the file is changed too and other processes go on undisturbed; killed at any moment, the
        next start or save finishes. With a key that was given, ``new_master`` is needed, and every process has to be
        started again with it. Afterwards the old key opens nothing of this vault.

        Raises:
            UnsafeSetting: the new key is weak. ConfigError: the key was given and no new one is named.
        """
        with self._rows.changing() as tokens:
            texts = {name: self._rows.text(name, token) for name, token in tokens.items()}
            if _SEALING in texts:
                texts[_SEALING] = _sealing_text([os.urandom(KEY_BYTES), *self._sealing_keys(tokens)])
            self._rows.rotate(texts, self._rows.master.begin_rotation(new_master))

    def _sealing_keys(self, tokens: Tokens) -> Sequence[bytes]:
        """Return the keys of sealed tokens, the one in use first; those before it open what is still about."""
        if _SEALING not in tokens:
            return []
        return [base64.b64decode(key) for key in json.loads(self._rows.text(_SEALING, tokens[_SEALING]))]

    def _first_sealing_key(self) -> Sequence[bytes]:
        with self._rows.changing() as tokens:
            if _SEALING not in tokens:
                tokens[_SEALING] = self._rows.token(_SEALING, _sealing_text([os.urandom(KEY_BYTES)]), tokens)
                self._rows.write(tokens)
            return self._sealing_keys(tokens)

    def _row(self, name: str, tokens: Tokens) -> Row:
        found = json.loads(self._rows.text(name, tokens[name]))
        secret = {field: Secret(value) for field, value in found["secret"].items()}
        return Row(name, secret, found["public"], found["saved_at"])

    def _from_plain(self, plain: Plain) -> dict[str, str]:
        rows = [self._importer(source, entry) for source, entry in plain.items()]
        return {name: _row_text(secret, public, self.now()) for name, secret, public in rows}

    def now(self) -> str:
        """Return the time as rows state it: ISO 8601, UTC, to the second."""
        return self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")


def _row_text(secret: Mapping[str, str], public: Mapping[str, object], saved_at: str) -> str:
    return json.dumps({"secret": dict(secret), "public": dict(public), "saved_at": saved_at})


def _sealing_text(keys: Sequence[bytes]) -> str:
    return json.dumps([base64.b64encode(key).decode() for key in keys])


def _sealing_id(key: bytes) -> str:
    return "s" + fingerprint(key)


def _not_opened() -> KeysUnreadable:
    return KeysUnreadable(
        "The key that came with this job does not open any more.", "Start the job again with its key."
    )
