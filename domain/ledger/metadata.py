"""Metadata: key-value pairs that a caller attaches to its own entry, in the order given.

The seal of the entry covers a salted hash of them, which is stored in the entry. The pairs and the salt can
therefore be erased without invalidating the seal; without the salt, the hash reveals nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain import errors, text
from domain.ledger.decisions import Effect, Key, LookUp

KEY_MAXIMUM_CHARACTERS = 40
VALUE_MAXIMUM_CHARACTERS = 500
MAXIMUM_PAIRS = 20
SALT_BYTES = 16
DIGEST_BYTES = 32

Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Metadata:
    """Pairs of key and value, with the salt of their hash. Never empty: no metadata is None."""

    pairs: tuple[Pair, ...]
    salt: bytes

    @property
    def digest(self) -> bytes:
        """SHA-256 of the salt, then each key and each value after its length (four bytes, big-endian)."""
        content = b"".join(_prefixed(part) for pair in self.pairs for part in pair)
        return hashlib.sha256(self.salt + content).digest()


def of(pairs: Sequence[Pair]) -> Metadata | None:
    """The pairs as given, with a new salt; None for no pairs."""
    return Metadata(tuple(pairs), secrets.token_bytes(SALT_BYTES)) if pairs else None


def clean(metadata: Metadata | None) -> Metadata | None:
    """The metadata as it is stored: keys and values are cleaned as notes are.

    Raises InvalidInput, with a path from `metadata` on, for a key without 1 to 40 characters or with a
    value of more than 500, a key given twice, control and invisible characters, and more than 20 pairs.
    """
    if metadata is None:
        return None
    if len(metadata.pairs) > MAXIMUM_PAIRS:
        raise errors.invalid("metadata", f"Metadata takes at most {MAXIMUM_PAIRS} entries.")
    pairs: dict[str, str] = {}
    for position, pair in enumerate(metadata.pairs):
        key, value = _clean_pair(pair, ("metadata", str(position)))
        if key in pairs:
            raise errors.invalid(
                ("metadata", str(position), "key"), "This metadata key is given more than once."
            )
        pairs[key] = value
    return Metadata(tuple(pairs.items()), metadata.salt)


def _clean_pair(pair: Pair, path: tuple[str, ...]) -> Pair:
    key = text.clean(pair[0], (*path, "key"), "The metadata key")
    if not 1 <= len(key) <= KEY_MAXIMUM_CHARACTERS:
        raise errors.invalid(
            (*path, "key"), f"A metadata key takes 1 to {KEY_MAXIMUM_CHARACTERS} characters."
        )
    value = text.clean(pair[1], (*path, "value"), "The metadata value")
    if len(value) > VALUE_MAXIMUM_CHARACTERS:
        raise errors.invalid(
            (*path, "value"),
            f"A metadata value takes at most {VALUE_MAXIMUM_CHARACTERS} characters.",
        )
    return key, value


def is_same(metadata: Metadata | None, stored: Metadata | None) -> bool:
    """Whether the metadata as given equals the stored one."""
    if metadata is None or stored is None:
        return metadata is stored
    try:
        cleaned = clean(metadata)
    except errors.InvalidInput:
        return False
    return cleaned is not None and cleaned.pairs == stored.pairs


def _prefixed(part: str) -> bytes:
    encoded = part.encode()
    return len(encoded).to_bytes(4, "big") + encoded


@dataclass(frozen=True, slots=True)
class MetadataOf(LookUp[Metadata]):
    """The metadata of the entry that a key produced."""

    key: Key


@dataclass(frozen=True, slots=True)
class StoreMetadata(Effect):
    """Store the metadata of an entry."""

    user_id: UUID
    sequence: int
    metadata: Metadata
