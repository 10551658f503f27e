"""Seals: the seal of an entry authenticates it and every earlier entry of its account ledger.

A seal is HMAC-SHA-256(key, LABEL | content | seal of the previous entry in the same account ledger).
The content is every field of the entry in the order of `Entry`, each as a four-byte length followed by
that many bytes, all big-endian; the length of None is FFFFFFFF. Integers have eight bytes, ids sixteen,
text is UTF-8, and instants are microseconds since 2000. What entries have not always had is at the end and
left out where it is None: the digest of the metadata, and the two fields of reversals, which are there
together or not at all. Their first lengths tell them apart. Entries that differ in any field therefore have
different contents, and the content is what PostgreSQL's binary COPY writes for these fields.
"""

from __future__ import annotations

import base64
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Self
from uuid import UUID

from domain.ledger.transfers import Entry

#: Separates this use of the key, and this format of the content, from all others. Never change it.
LABEL = b"mini-wallet line 1\n"
SEAL_BYTES = 32

_PREFIX = "seal_1_"
_RECEIPT_BYTES = 16 + 8 + SEAL_BYTES
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NONE = b"\xff\xff\xff\xff"
_SIXTEEN = b"\x00\x00\x00\x10"
_NUMBER = struct.Struct("!Iq")
#: How many fields every entry has always had.
_ALWAYS = 13
_NONE_ADDED = (_NONE, _NONE, _NONE)

#: The fields of an entry, except its seal, in the order of `Entry`, each with its length.
Fields = tuple[bytes, ...]


def seal(key: bytes, entry: Entry, before: bytes) -> bytes:
    """The seal of the entry; `before` is the seal of the previous entry in the same account ledger.

    With an empty key, seals still reveal accidental damage, but anyone can forge them.
    """
    return seal_content(key, content(entry), before)


def seal_content(key: bytes, content_of_entry: bytes, before: bytes) -> bytes:
    """Like `seal`, for an entry whose content is already encoded."""
    seal = _begun(key).copy()
    seal.update(content_of_entry + before)
    return seal.digest()


@lru_cache(maxsize=16)
def _begun(key: bytes) -> hmac.HMAC:
    """The HMAC with that key, after the label: processing them for each entry takes as long as the rest."""
    return hmac.new(key, LABEL, "sha256")


def content(entry: Entry) -> bytes:
    """All fields of the entry, encoded so that different entries have different contents."""
    return content_of(fields(entry))


def content_of(encoded: Fields) -> bytes:
    """The same of an entry whose fields are already encoded."""
    added = encoded[_ALWAYS:]
    if added == _NONE_ADDED:
        return b"".join(encoded[:_ALWAYS])
    digest, *of_reversal = added
    return b"".join(
        (
            *encoded[:_ALWAYS],
            b"" if digest == _NONE else digest,
            *(() if of_reversal == [_NONE, _NONE] else of_reversal),
        )
    )


def fields(entry: Entry) -> Fields:
    """The fields of the entry, each as a length and that many bytes."""
    pack = _NUMBER.pack
    counterparty_id, api_token_id = entry.counterparty_id, entry.api_token_id
    note, key = entry.note, entry.idempotency_key
    digest, reverses, refunded = entry.metadata_digest, entry.reverses, entry.fee_refunded_minor
    return (
        _SIXTEEN + entry.user_id.int.to_bytes(16),
        pack(8, entry.sequence),
        _SIXTEEN + entry.reference.int.to_bytes(16),
        _text(entry.kind),
        _text(entry.direction),
        pack(8, entry.amount_minor),
        pack(8, entry.fee_minor),
        _NONE if counterparty_id is None else _SIXTEEN + counterparty_id.int.to_bytes(16),
        _NONE if note is None else _text(note),
        pack(8, entry.balance_after_minor),
        pack(8, _microseconds(entry.created_at)),
        _NONE if key is None else _text(key),
        _NONE if api_token_id is None else _SIXTEEN + api_token_id.int.to_bytes(16),
        _NONE if digest is None else _bytes(digest),
        _NONE if reverses is None else _SIXTEEN + reverses.int.to_bytes(16),
        _NONE if refunded is None else pack(8, refunded),
    )


def _text(value: str) -> bytes:
    encoded = value.encode()
    return len(encoded).to_bytes(4, "big") + encoded


def _bytes(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _microseconds(instant: datetime) -> int:
    since = instant - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@dataclass(frozen=True, slots=True)
class Receipt:
    """The seal of one entry of a user, kept elsewhere to verify the account ledger later."""

    user_id: UUID
    sequence: int
    seal: bytes

    @classmethod
    def of(cls, entry: Entry) -> Self:
        return cls(entry.user_id, entry.sequence, entry.seal)

    @classmethod
    def read(cls, text: str) -> Self:
        """The receipt that `render` wrote. Raises ValueError for anything else."""
        encoded = text.removeprefix(_PREFIX)
        if encoded == text or not encoded.isascii():
            raise ValueError("A receipt begins with seal_1_.")
        data = base64.b64decode(encoded + "=" * (-len(encoded) % 4), b"-_", validate=True)
        if len(data) != _RECEIPT_BYTES:
            raise ValueError("A receipt is 82 characters long.")
        receipt = cls(UUID(bytes=data[:16]), int.from_bytes(data[16:24], "big"), data[24:])
        if receipt.render() != text:
            raise ValueError("The receipt is malformed: copy it again, completely.")
        return receipt

    def render(self) -> str:
        """The receipt as an opaque string: 82 letters, digits, - and _."""
        data = self.user_id.bytes + self.sequence.to_bytes(8, "big") + self.seal
        return _PREFIX + base64.urlsafe_b64encode(data).rstrip(b"=").decode()
