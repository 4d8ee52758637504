"""One token: AES-256-GCM over one text, bound to the name of its row. Pure but for the random nonce."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
VERSION = "1"
_NONCE_BYTES = 12


class Altered(ValueError):
    """The token was changed, cut, or belongs to another row; never leaves this package."""


def fingerprint(key: bytes) -> str:
    """Return 16 hex digits that name a 32-byte key and do not help to find it."""
    return hmac.new(key, b"redline key id", hashlib.sha256).hexdigest()[:16]


def encrypt(table: str, name: str, key_id: str, key: bytes, text: str) -> str:
    """Return ``<version>.<key id>.<base64url of nonce, ciphertext and tag>``; two calls give two tokens.

    The nonce is 96 random bits: at 2**32 tokens under one key, the odds of a repeat are 2**-32.
    """
    nonce = os.urandom(_NONCE_BYTES)
    sealed = AESGCM(key).encrypt(nonce, text.encode(), _bound_to(table, name))
    return f"{VERSION}.{key_id}.{base64.urlsafe_b64encode(nonce + sealed).decode()}"


def key_id_of(token: str) -> str:
    """Return which key a token needs.

    Raises:
        Altered: it has not the shape of a token.
    """
    version, _, rest = token.partition(".")
    key_id, dot, _ = rest.partition(".")
    if version != VERSION or not dot or not key_id.isalnum():
        raise Altered("no token of this version")
    return key_id


def decrypt(table: str, name: str, key: bytes, token: str) -> str:
    """Return the text of a token.

    Raises:
        Altered: another key, another row, or one bit of it was changed.
    """
    try:
        text = token.rsplit(".", 1)[-1]
        blob = base64.b64decode(text, altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(blob).decode() != text:
            raise Altered("the last letter has bits that mean nothing")
        return AESGCM(key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], _bound_to(table, name)).decode()
    except (InvalidTag, ValueError) as e:
        raise Altered("the token does not open here") from e


def _bound_to(table: str, name: str) -> bytes:
    return f"{table}|{name}|{VERSION}".encode()
