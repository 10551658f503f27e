"""The log of operators: numbered, append-only records, each with a seal that also covers all before it.

A seal is HMAC-SHA-256(key, LABEL | content | seal of the previous record). The content is every field of
the record in the order of `Record`, each as a four-byte length followed by that many bytes; the length of
None is FFFFFFFF. Text is UTF-8, and everything else is written as `_encoded` says.
"""

from __future__ import annotations

import enum
import hmac
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from uuid import UUID

#: Separates this use of the key, and this format of the content, from all others. Never change it.
LABEL = b"mini-wallet operator record 1\n"
#: The seal that precedes the first record.
EMPTY_LOG_SEAL = bytes(32)

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_NONE = b"\xff\xff\xff\xff"


class RecordType(enum.StrEnum):
    """What a record says."""

    #: An operator did something.
    ACTION = "action"
    #: An operator proposed something, which a second one decides.
    PROPOSAL = "proposal"
    APPROVAL = "approval"
    REJECTION = "rejection"
    #: Someone became an operator, or ceased to be one; from the command line.
    ADDITION = "addition"
    REMOVAL = "removal"


class ActionKind(enum.StrEnum):
    """What an operator does."""

    RESTRICT = "RESTRICT"
    LIFT = "LIFT"
    REVERSE = "REVERSE"
    END_SESSIONS = "END_SESSIONS"
    CLOSE = "CLOSE"


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the log. Amounts are in minor units."""

    #: 1, 2, 3 … over all records.
    position: int
    type: RecordType
    #: 1, 2, 3 … over actions and proposals; None for other records.
    number: int | None
    #: The number of the proposal that it decides; None for other records.
    decides: int | None
    #: Identifies an action or a proposal.
    action_id: UUID | None
    #: Who acted; None on the command line.
    operator_id: UUID | None
    #: The account that it is about.
    account_id: UUID
    #: The other account of a transaction that is to be reversed.
    other_account_id: UUID | None
    kind: ActionKind | None
    created_at: datetime
    reason: str | None = None
    #: The transaction that is to be reversed.
    reference: UUID | None = None
    amount_minor: int | None = None
    #: The amount as it was requested; None for all that was left.
    requested_minor: int | None = None
    includes_fee: bool | None = None
    #: The transaction that reversed it.
    posted_reference: UUID | None = None
    restrictions: tuple[str, ...] = ()
    until: datetime | None = None
    idempotency_key: str | None = None
    #: Covers all of the above and the previous seal; empty until sealed.
    seal: bytes = b""


_FIELDS = tuple(field.name for field in fields(Record) if field.name != "seal")


def content(record: Record) -> bytes:
    """All fields of the record, encoded so that different records have different contents."""
    return b"".join(_encoded(getattr(record, name)) for name in _FIELDS)


def _encoded(value: object) -> bytes:
    match value:
        case None:
            return _NONE
        case bool():
            data = bytes([value])
        case int():
            data = value.to_bytes(8, "big", signed=True)
        case UUID():
            data = value.bytes
        case datetime():
            since = value - _EPOCH
            microseconds = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
            data = microseconds.to_bytes(8, "big", signed=True)
        case tuple():
            data = ",".join(value).encode()
        case _:
            data = str(value).encode()
    return len(data).to_bytes(4, "big") + data


def seal(key: bytes, record: Record, before: bytes) -> bytes:
    """The seal of the record; `before` is that of the previous record.

    With an empty key, seals still reveal accidental damage, but anyone can forge them.
    """
    return hmac.digest(key, LABEL + content(record) + before, "sha256")


@dataclass(frozen=True, slots=True)
class Head:
    """The end of the log: the newest position, the newest number of an action, and the newest seal."""

    position: int = 0
    number: int = 0
    seal: bytes = EMPTY_LOG_SEAL

    def append(self, key: bytes, record: Record) -> tuple[Record, Head]:
        """The record in its place, numbered and sealed, and the end of the log after it.

        `position`, `number` and `seal` of the given record are not used.
        """
        is_action = record.type in (RecordType.ACTION, RecordType.PROPOSAL)
        number = self.number + 1 if is_action else self.number
        placed = replace(
            record, position=self.position + 1, number=number if is_action else None, seal=b""
        )
        placed = replace(placed, seal=seal(key, placed, self.seal))
        return placed, Head(placed.position, number, placed.seal)
