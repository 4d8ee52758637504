"""Secrets that are no secret: empty, short, known, or with a pattern. The value never gets into the message."""

from __future__ import annotations

import itertools
import re

from redline.errors import UnsafeSetting

SHORTEST_PASSWORD = 8
SHORTEST_PASSPHRASE = 12

# What people type when asked for a secret, and what examples print. Compared in lower case, with digits and signs at
# the end left off as well ("Changeme2024!").
# fmt: off
_KNOWN = frozenset({
    "admin", "administrator", "changeit", "changeme", "change-me", "change_me", "default", "demo", "dragon",
    "example", "football", "guest", "iloveyou", "insecure", "letmein", "login", "master", "masterkey",
    "monkey", "passphrase", "passw0rd", "password", "password1", "p@ssw0rd", "p@ssword", "private", "qwerty",
    "qwertyuiop", "qwerty123", "redline", "redline-dev", "redlinedev", "root", "s3cr3t", "s3cret", "secret",
    "secret-key", "secret_key", "secretkey", "session", "sunshine", "superman", "supersecret", "test",
    "testing", "tester", "trustno1", "user", "welcome", "your-secret-key", "your_secret_key", "yourpassword",
    "your-password", "correcthorsebatterystaple", "dev", "development", "flask-secret-key",
    "change-this-secret", "change_this_secret", "change-this", "changethis", "not-secret", "notsecret",
    "keyboardcat",
})
# fmt: on
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiopasdfghjklzxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn")


def refuse_weak(name: str, value: str, shortest: int) -> None:
    """Refuse a password or passphrase that others could guess. ``name`` is what the user set.

    Raises:
        UnsafeSetting: it is empty, shorter than ``shortest`` letters, known, or a pattern.
    """
    if not value.strip():
        raise _unsafe(name, "is empty", shortest)
    if len(value) < shortest:
        raise _unsafe(name, "is too short", shortest)
    if _is_known(value) or len(set(value)) < 5 or _is_pattern(value.lower()):
        raise _unsafe(name, "is one that others would guess", shortest)


def refuse_weak_key(name: str, key: bytes) -> None:
    """Refuse 32 bytes that were not made at random: repeated, counted up, or text that is known.

    Raises:
        UnsafeSetting: the key has a pattern.
    """
    steps = {(b - a) % 256 for a, b in itertools.pairwise(key)}
    text = key.rstrip(b"\0 ").decode("ascii", "replace")
    if len(set(key)) < 10 or len(steps) < 6 or _is_known(text):
        raise UnsafeSetting(f"{name} was not made at random.", "Make one with: openssl rand -hex 32")


def _is_known(value: str) -> bool:
    plain = value.strip().lower()
    words = set(re.findall("[a-z]+", plain))
    return plain in _KNOWN or plain.rstrip("0123456789!?.*#$-_@ ") in _KNOWN or (bool(words) and words <= _KNOWN)


def _is_pattern(value: str) -> bool:
    if any(value in row or value in row[::-1] for row in _ROWS):
        return True
    return any(value == (value[:n] * len(value))[: len(value)] for n in range(1, len(value) // 2 + 1))


def _unsafe(name: str, why: str, shortest: int) -> UnsafeSetting:
    return UnsafeSetting(
        f"{name} {why}.", f"Set one of {shortest} letters or more that nobody else would think of, or unset {name}."
    )
