"""What a relay tells the processes that listen to a user: the hints, and how they are written.

A hint says where to look, never what is there: whoever can write to Redis can send one, so a receiver
reads the database before it believes anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import orjson

from domain.events import Topic


@dataclass(frozen=True, slots=True)
class Posted:
    """The user's ledger may have an entry of this sequence."""

    sequence: int


@dataclass(frozen=True, slots=True)
class CredentialsEnded:
    """These sessions and API tokens of the user may have ended."""

    credential_ids: tuple[UUID, ...]


Hint = Posted | CredentialsEnded


def encode(hint: Hint) -> bytes:
    """The hint as JSON."""
    if isinstance(hint, CredentialsEnded):
        return orjson.dumps(
            {"topic": Topic.CREDENTIALS_ENDED, "credential_ids": hint.credential_ids}
        )
    return orjson.dumps({"topic": Topic.TRANSACTION_POSTED, "sequence": hint.sequence})


def decode(data: bytes) -> Hint | None:
    """The hint again; None for what `encode` of this version did not write."""
    try:
        fields = orjson.loads(data)
        match fields["topic"]:
            case Topic.TRANSACTION_POSTED:
                sequence = fields["sequence"]
                return Posted(sequence) if type(sequence) is int else None
            case Topic.CREDENTIALS_ENDED:
                return CredentialsEnded(tuple(UUID(text) for text in fields["credential_ids"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    return None
