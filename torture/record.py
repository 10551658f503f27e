"""What happened in a run, as the callers, subscribers and the chaos saw it: plain data for the checker.

Times are seconds of one monotonic clock; amounts are minor units; people are user ids.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from uuid import UUID


class Operation(enum.StrEnum):
    """What a caller asked for."""

    SEND_MONEY = "sendMoney"
    ADD_BALANCE = "addBalance"


class Outcome(enum.StrEnum):
    """What the caller knows of one command after all of its tries."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


@dataclass(slots=True)
class Command:
    """One movement that somebody asked for, under one key, in one or many tries."""

    user_id: UUID
    operation: Operation
    key: str
    recipient_id: UUID | None
    amount_minor: int
    note: str | None
    began: float
    ended: float = 0.0
    tries: int = 0
    outcome: Outcome = Outcome.UNANSWERED
    #: The `__typename` of a refusal, or an error's code.
    refusal: str | None = None
    #: Of the answer: the transaction's reference and sequence, the viewer's balance and sequence then.
    reference: UUID | None = None
    sequence: int | None = None
    balance_after_minor: int | None = None
    viewer_balance_minor: int | None = None
    replayed: bool | None = None
    #: What `transactionByIdempotencyKey` answered at the end for an unanswered one: None was not asked.
    found_by_key: bool | None = None


@dataclass(slots=True)
class Read:
    """A balance, and the sequence that it belongs to, as read by its owner."""

    user_id: UUID
    began: float
    ended: float
    balance_minor: int
    sequence: int


@dataclass(slots=True)
class Subscriber:
    """Somebody who listened through all reconnects, and the sequences in the order they came."""

    user_id: UUID
    transport: str
    sequences: list[int] = field(default_factory=list)
    #: `balance` of each event, beside its sequence.
    balances_minor: list[int] = field(default_factory=list)
    reconnects: int = 0


@dataclass(slots=True)
class Fault:
    """Something that was broken, when it was mended, and when service was seen to be back."""

    name: str
    began: float
    mended: float | None = None
    served_again: float | None = None


@dataclass(slots=True)
class Failure:
    """An answer of the 500s, or a top-level error that is no refusal."""

    at: float
    status: int
    code: str | None
    message: str


@dataclass(slots=True)
class Mail:
    """A mail that was asked for, with its purpose, and how often it was caught."""

    address: str
    purpose: str
    asked: int = 1
    caught: int = 0


@dataclass(slots=True)
class Record:
    """A run."""

    seed: int
    commands: list[Command] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    subscribers: list[Subscriber] = field(default_factory=list)
    #: Per person the sequences that the Channels server accepted, in order.
    pushed: dict[UUID, list[int]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    #: What PostgreSQL wrote about deadlocks.
    deadlocks: list[str] = field(default_factory=list)
    audit_status: int | None = None
