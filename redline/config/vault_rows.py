"""The vault's file as rows of tokens: read without a lock, changed under one, in step with the master key.

Every change goes through ``changing``, which first puts things right: plain text is encrypted, a rotation that was
killed is finished, and with a wrong master key nothing goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from redline.config.cipher import Altered, decrypt, encrypt, key_id_of
from redline.config.files import locked, saving, tighten, write_private
from redline.config.master_key import MasterKeys
from redline.config.vault_file import read_rows, write_rows
from redline.errors import KeysUnreadable

_TABLE = "api_keys"
_WHAT = "The saved keys"
_T = TypeVar("_T")

Plain = Mapping[str, Mapping[str, object]]
Tokens = dict[str, str]


class VaultRows:
    """Texts by row name, encrypted in one file. ``take_plain`` turns a plain-text file's entries into such texts."""

    def __init__(self, path: Path, master: MasterKeys, take_plain: Callable[[Plain], Mapping[str, str]]) -> None:
        self._path = Path(os.path.realpath(path))  # a rename must replace the file, not a link to it
        self.master, self._take_plain = master, take_plain
        self._known: tuple[tuple[int, int, int], Tokens, Plain] | None = None

    def start(self) -> None:
        """Do what a first start has to; a wrong master key is left for the first use to tell."""
        with saving(_WHAT), locked(self._path):
            tighten(self._path)
            self.master.reload()
            tokens, _ = self._read()
            if tokens:
                self.master.adopt({_key_id(name, token) for name, token in tokens.items()})
            if not self._lacks(tokens):
                self._put_right()

    def reading(self, read: Callable[[Tokens], _T]) -> _T:
        """Return ``read`` of the file as it is; when a key id is not known, of what stands inside the lock.

        A rotation changes the key's file and this one; only with writers kept out do the two surely fit.
        """
        with saving(_WHAT):
            tokens, plain = self._read()
        if not plain and not self._lacks(tokens):
            return read(tokens)
        with self.changing() as now:
            return read(now)

    @contextmanager
    def changing(self) -> Iterator[Tokens]:
        """Keep other writers out, and give what is saved, all under keys that we have.

        Raises:
            KeysUnreadable: some row needs another master key.
        """
        with saving(_WHAT), locked(self._path):
            yield self._put_right()

    def text(self, name: str, token: str) -> str:
        """Return the text of a row.

        Raises:
            KeysUnreadable: the row was altered, or copied from another name.
        """
        key = self.master.opens(_key_id(name, token))
        if key is None:
            raise _wrong_key()
        try:
            return decrypt(_TABLE, name, key, token)
        except Altered as e:
            raise _altered(name) from e

    def token(self, name: str, text: str, beside: Mapping[str, str]) -> str:
        """Return a new token of ``text``, under the key in use; ``beside``: the rows it will stand with."""
        key_id, key = self.master.for_writing({_key_id(n, t) for n, t in beside.items() if n != name})
        return encrypt(_TABLE, name, key_id, key, text)

    def write(self, tokens: Mapping[str, str]) -> None:
        """Replace the file; call it inside ``changing``."""
        write_private(self._path, write_rows(tokens))

    def rotate(self, texts: Mapping[str, str], after: MasterKeys) -> None:
        """Write ``texts`` under the key that ``after`` has in use, then let it forget the others; inside ``changing``.

        Killed before the write, the old rows still open with the second key of the file; killed after it, the new ones
        with the first.
        """
        key_id, key = after.for_writing()
        self.write({name: encrypt(_TABLE, name, key_id, key, text) for name, text in texts.items()})
        after.end_rotation()
        self.master = after

    def _read(self) -> tuple[Tokens, Plain]:
        """Return what the file holds. Each part of a job asks for its key: a file that is unchanged is parsed once."""
        if not self._path.exists():
            return {}, {}
        found = self._path.stat()
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if self._known is None or self._known[0] != seen:
            self._known = (seen, *read_rows(self._path.read_bytes()))
        return dict(self._known[1]), self._known[2]

    def _lacks(self, tokens: Mapping[str, str]) -> bool:
        return any(self.master.opens(_key_id(name, token)) is None for name, token in tokens.items())

    def _put_right(self) -> Tokens:
        """Return what is saved after plain text was encrypted and a killed rotation finished; inside the lock."""
        self.master.reload()
        tokens, plain = self._read()
        if not tokens:
            self.master.ensure()
        if self._lacks(tokens):
            raise _wrong_key()
        if plain:
            for name, text in self._take_plain(plain).items():
                tokens[name] = self.token(name, text, tokens)
            self.write(tokens)
        if self.master.is_rotating:
            self.rotate({name: self.text(name, token) for name, token in tokens.items()}, self.master)
            tokens, _ = self._read()
        return tokens


def _key_id(name: str, token: str) -> str:
    try:
        return key_id_of(token)
    except Altered as e:
        raise _altered(name) from e


def _wrong_key() -> KeysUnreadable:
    return KeysUnreadable(
        "The saved API keys do not open with this master key.",
        "Nothing was erased. Start with the REDLINE_MASTER_KEY or the key file that they were saved with; "
        "or move api_keys.json away and save the keys again.",
    )


def _altered(name: str) -> KeysUnreadable:
    return KeysUnreadable(
        f'The saved row "{name}" in api_keys.json was altered, or copied from another row.',
        "Nothing was erased. Put api_keys.json back from a backup, or save or delete this key.",
    )
