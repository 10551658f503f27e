"""Secrets that have to be read again: encrypted at rest with AES-256-GCM (NIST SP 800-38D)."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES = 12
_KEY_ID_BYTES = 8


class Unreadable(Exception):
    """The key is not known any more, or the stored bytes belong elsewhere or were damaged."""


@dataclass(frozen=True, slots=True)
class Encrypted:
    """An encrypted secret, and which key it takes."""

    key_id: bytes
    content: bytes


class Keyring:
    """Keys for one purpose, derived from service secrets: the first encrypts, all of them decrypt."""

    def __init__(self, secrets: Sequence[str], purpose: str) -> None:
        keys = [
            hmac.digest(secret.encode(), b"encryption\0" + purpose.encode(), "sha256")
            for secret in secrets
        ]
        self._keys = {_key_id(key): AESGCM(key) for key in keys}
        #: The key that encrypts.
        self.key_id = _key_id(keys[0])

    @property
    def key_ids(self) -> Collection[bytes]:
        """Those of all keys."""
        return self._keys.keys()

    def encrypt(self, secret: str, place: bytes) -> Encrypted:
        """The secret for storage. `place` names its row: elsewhere it cannot be decrypted."""
        nonce = os.urandom(_NONCE_BYTES)
        content = self._keys[self.key_id].encrypt(nonce, secret.encode(), place)
        return Encrypted(self.key_id, nonce + content)

    def decrypt(self, stored: Encrypted, place: bytes) -> str:
        """The secret in a row. Raises Unreadable."""
        key = self._keys.get(stored.key_id)
        if key is None:
            raise Unreadable("the key is not known")
        nonce, content = stored.content[:_NONCE_BYTES], stored.content[_NONCE_BYTES:]
        try:
            return key.decrypt(nonce, content, place).decode()
        except (InvalidTag, ValueError):
            raise Unreadable("the content does not belong to its row") from None


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id\0" + key).digest()[:_KEY_ID_BYTES]
