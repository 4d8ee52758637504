"""Who may use this installation over the network: one password for people, named bearer tokens for programs."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from redline.clock import Clock
from redline.config.kinds import Hidden
from redline.config.private_key import private_key
from redline.config.settings import Settings
from redline.config.settings_file import PASSWORD_HASH, SIGNED_OUT_AT, TOKENS, SettingsFile
from redline.config.strength import SHORTEST_PASSWORD, refuse_weak
from redline.config.tries import Tries
from redline.errors import BadField, ConfigError, Conflict, NotFound, UnsafeSetting

_WRONG_A_MINUTE = 10
_LONGEST_PASSWORD = 1024


class Access:
    """Check passwords and tokens. Thread-safe; each call sees what other processes saved."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._file = SettingsFile(settings.settings_path)
        self._tries = Tries(_WRONG_A_MINUTE, 60.0, clock)

    # -- the password -------------------------------------------------------------------------------------------------

    @property
    def has_password(self) -> bool:
        """Whether anybody has to sign in: ``REDLINE_PASSWORD``, or one saved in Settings."""
        return self._settings.password is not None or self._saved_hash() is not None

    def check_password(self, given: str) -> bool:
        """Return whether this is the password. One from argument or environment counts before a saved one.

        Raises:
            TooManyTries: ten were wrong in the last minute; a right one is refused too until then.
        """
        return self._tries.attempt(lambda: self._is_password(given))

    @property
    def is_fixed(self) -> bool:
        """Whether the password was given from outside, where alone it can be changed."""
        return self._settings.password is not None

    def refuse_change(self) -> None:
        """Raise ``Conflict`` when the password was given from outside."""
        if self.is_fixed:
            raise Conflict("The password comes from REDLINE_PASSWORD.", "Change it there and start again.")

    def set_password(self, new: str) -> None:
        """Save another password; all sessions end.

        Raises:
            BadField: empty, short, known. Conflict: ``REDLINE_PASSWORD`` is set, which counts before a saved one.
        """
        self.refuse_change()
        try:
            refuse_weak("The password", new[:_LONGEST_PASSWORD], SHORTEST_PASSWORD)
        except UnsafeSetting as e:
            raise BadField("password", Hidden("weak"), e.sentence.rstrip(".").lower()) from e
        from argon2 import PasswordHasher

        hashed = PasswordHasher().hash(new[:_LONGEST_PASSWORD])
        self._file.change(lambda saved: {**saved, PASSWORD_HASH: hashed})

    def _is_password(self, given: str) -> bool:
        if self._settings.password is not None:
            return hmac.compare_digest(_bytes(given), _bytes(self._settings.password.reveal()))
        hashed = self._saved_hash()
        if hashed is None or len(given) > _LONGEST_PASSWORD:
            return False
        from argon2 import PasswordHasher
        from argon2.exceptions import InvalidHashError, VerifyMismatchError

        try:
            return PasswordHasher().verify(hashed, _bytes(given))
        except VerifyMismatchError:
            return False
        except InvalidHashError as e:
            raise ConfigError("The password saved in settings.json is damaged.", "Set REDLINE_PASSWORD instead.") from e

    def _saved_hash(self) -> str | None:
        found = self._file.read().get(PASSWORD_HASH)
        return found if isinstance(found, str) else None

    # -- sessions -----------------------------------------------------------------------------------------------------

    def session_secret(self) -> bytes:
        """Return 32 bytes to sign session cookies with: made at random at the first start, the same for all workers.

        Raises:
            UnsafeSetting: its file is not private, or what it holds is no random key.
        """
        return private_key(self._session_file(), "The session secret's file")

    @property
    def sessions_epoch(self) -> str:
        """Put this in a session when it begins; the session holds while it is equal.

        A new password changes it, and so does ``end_sessions``.
        """
        password, saved = self._settings.password, self._file.read()
        current = f"given|{password.reveal()}" if password is not None else f"saved|{saved.get(PASSWORD_HASH)}"
        current += f"|{saved.get(SIGNED_OUT_AT, '')}"
        return hmac.new(self.session_secret(), _bytes(current), hashlib.sha256).hexdigest()[:32]

    def end_sessions(self) -> None:
        """End all sessions, of every browser; tokens of programs still hold."""
        mark = f"{self._clock.now():%Y-%m-%dT%H:%M:%SZ} {secrets.token_hex(4)}"  # Twice in a second is twice, too.
        self._file.change(lambda saved: {**saved, SIGNED_OUT_AT: mark})

    def _session_file(self) -> Path:
        installation = hashlib.sha256(str(self._settings.config_dir.resolve()).encode()).hexdigest()[:12]
        return self._settings.secret_dir / f"session-{installation}.key"

    # -- tokens for programs ------------------------------------------------------------------------------------------

    def make_token(self, name: str) -> str:
        """Make a token and return it, the only time that anybody sees it; its hash alone is saved.

        Raises:
            BadField: the name is no 1 to 64 letters, digits, ``_ . -``. Conflict: there is one of that name.
        """
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name, re.ASCII):
            raise BadField("name", name, "1 to 64 letters, digits, _ . - are wanted")
        token = f"redline_{secrets.token_urlsafe(32)}"
        entry = {"sha256": _sha256(token), "made_at": self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")}

        def add(saved: Mapping[str, object]) -> Mapping[str, object]:
            tokens = _tokens(saved)
            if name in tokens:
                raise Conflict(f'There is a token named "{name}" already.', "Take another name, or revoke that one.")
            return {**saved, TOKENS: {**tokens, name: entry}}

        self._file.change(add)
        return token

    def check_token(self, given: str) -> str | None:
        """Return the name of a token that holds, else None."""
        digest = _sha256(given)
        names = [n for n, one in _tokens(self._file.read()).items() if hmac.compare_digest(one["sha256"], digest)]
        return names[0] if names else None

    def revoke_token(self, name: str) -> None:
        """Forget a token: the next request with it is refused.

        Raises:
            NotFound: there is none of that name.
        """

        def remove(saved: Mapping[str, object]) -> Mapping[str, object]:
            tokens = _tokens(saved)
            if name not in tokens:
                raise NotFound(f'There is no token named "{name[:64]}".', "The list is under Settings.")
            return {**saved, TOKENS: {n: one for n, one in tokens.items() if n != name}}

        self._file.change(remove)

    def tokens(self) -> Sequence[Mapping[str, str]]:
        """Return ``name`` and ``made_at`` of all tokens, by name."""
        saved = sorted(_tokens(self._file.read()).items())
        return [{"name": name, "made_at": entry["made_at"]} for name, entry in saved]


def _tokens(saved: Mapping[str, object]) -> Mapping[str, Mapping[str, str]]:
    found = saved.get(TOKENS, {})
    entries = found.values() if isinstance(found, dict) else [None]
    if not all(isinstance(one, dict) and {"sha256", "made_at"} <= set(one) for one in entries):
        raise ConfigError("The tokens in settings.json cannot be read.", "Take them out and make new ones.")
    assert isinstance(found, dict)  # noqa: S101 - the line above
    return found


def _sha256(token: str) -> str:
    """Return a plain hash: a token is 256 random bits, so there is nothing that a slow hash would protect."""
    return hashlib.sha256(_bytes(token)).hexdigest()


def _bytes(text: str) -> bytes:
    """Return the bytes of any text: what a variable of the environment held need not be UTF-8."""
    return text.encode("utf-8", "surrogatepass")
