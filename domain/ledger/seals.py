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
# Fields that are never None, packed together: each transfer is sealed twice.
_OWNER = struct.Struct("!I16sIqI16s")
_NUMBERS = struct.Struct("!IqIq")


def seal(key: bytes, entry: Entry, before: bytes) -> bytes:
    """The seal of the entry; `before` is the seal of the previous entry in the same account ledger.

    With an empty key, seals still reveal accidental damage, but anyone can forge them.
    """
    return seal_content(key, content(entry), before)


def seal_content(key: bytes, content_of_entry: bytes, before: bytes) -> bytes:
    """Like `seal`, for an entry whose content is already encoded."""
    return hmac.digest(key, LABEL + content_of_entry + before, "sha256")


def content(entry: Entry) -> bytes:
    """All fields of the entry, encoded so that different entries have different contents."""
    digest, reverses = entry.metadata_digest, entry.reverses
    return b"".join(
        (
            _OWNER.pack(
                16,
                entry.user_id.int.to_bytes(16),
                8,
                entry.sequence,
                16,
                entry.reference.int.to_bytes(16),
            ),
            _text(entry.kind),
            _text(entry.direction),
            _NUMBERS.pack(8, entry.amount_minor, 8, entry.fee_minor),
            _NONE if entry.counterparty_id is None else _id(entry.counterparty_id),
            _NONE if entry.note is None else _text(entry.note),
            _NUMBERS.pack(8, entry.balance_after_minor, 8, _microseconds(entry.created_at)),
            _NONE if entry.idempotency_key is None else _text(entry.idempotency_key),
            _NONE if entry.api_token_id is None else _id(entry.api_token_id),
            b"" if digest is None else _bytes(digest),
            b"" if reverses is None and entry.fee_refunded_minor is None else _reversal(entry),
        )
    )


def _reversal(entry: Entry) -> bytes:
    refunded = entry.fee_refunded_minor
    return b"".join(
        (
            _NONE if entry.reverses is None else _id(entry.reverses),
            _NONE if refunded is None else _bytes(refunded.to_bytes(8, "big", signed=True)),
        )
    )


def _id(value: UUID) -> bytes:
    return _SIXTEEN + value.int.to_bytes(16)


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
