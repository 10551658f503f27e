"""What happened in a run, as the callers, subscribers and the chaos saw it: plain data for the checker.

Times are seconds of one monotonic clock; amounts are minor units; users are user ids. What is appended
to a `Record` is complete or filled in later by its author; nothing is ever taken back.
"""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field, replace
from uuid import UUID

#: A movement whose key begins so was made by who set the stage, and nobody in the record asked for it.
OPENING = "opening"


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
    """One movement that somebody asked for, under one key, in one or many tries of the same input.

    A key that is used again on purpose, at once or later, with the same input or with another, is a
    `Command` of its own with the same key: what belongs together is found by user, operation and key.
    """

    user_id: UUID
    operation: Operation
    key: str
    recipient_id: UUID | None
    amount_minor: int
    note: str | None
    began: float
    ended: float = 0.0
    tries: int = 0
    #: Tries whose answer never came, or was UNAVAILABLE: nobody was told whether they moved anything.
    lost: int = 0
    #: When the try that was answered began; None is as good as `began`.
    answer_began: float | None = None
    outcome: Outcome = Outcome.UNANSWERED
    #: The `__typename` of a refusal, such as `InsufficientFunds`, or an error's code.
    refusal: str | None = None
    #: Of the answer: the transaction's reference, sequence and balance, and the viewer as it was then.
    reference: UUID | None = None
    sequence: int | None = None
    balance_after_minor: int | None = None
    viewer_balance_minor: int | None = None
    viewer_sequence: int | None = None
    replayed: bool | None = None
    #: `seal` of the transaction.
    receipt: str | None = None
    #: `balance` of a refusal for want of funds.
    refused_balance_minor: int | None = None
    #: What `transactionByIdempotencyKey` answered at the end for an unanswered one: None was not asked.
    found_by_key: bool | None = None
    #: The reference that it answered, where it found one.
    found_reference: UUID | None = None
    #: Key and value of each entry, in the order given.
    metadata: tuple[tuple[str, str], ...] = ()
    #: `metadata` of the transaction in the answer; None if it was not requested.
    answered_metadata: tuple[tuple[str, str], ...] | None = None
    #: `notAfter`, in microseconds since 1970.
    not_after: int | None = None


@dataclass(slots=True)
class Closing:
    """A call of `closeIdempotencyKey`, in one or many tries."""

    user_id: UUID
    operation: Operation
    key: str
    began: float
    ended: float = 0.0
    #: Tries whose answer never came, or was UNAVAILABLE: they may have closed the key.
    lost: int = 0
    #: Whether the outcome of the key was returned.
    is_answered: bool = False
    #: The transaction that was returned; None if the key was closed without one.
    reference: UUID | None = None

    @property
    def has_closed(self) -> bool:
        """Whether the caller was told that the key produced no transaction and never will."""
        return self.is_answered and self.reference is None


@dataclass(slots=True)
class DelayedRequest:
    """A request that was held in transit: its caller got no answer, and it was delivered later.

    The try counts as lost in its `Command`.
    """

    user_id: UUID
    operation: Operation
    key: str
    held: float
    #: `notAfter`, in microseconds since 1970.
    not_after: int | None = None
    #: When it was passed on to the service; None while it is held.
    delivered: float | None = None
    #: The `__typename` of the answer, or an error's code; None if there was no answer.
    answer: str | None = None
    #: `replayed` of the answer.
    replayed: bool | None = None


@dataclass(slots=True)
class Read:
    """A balance, and the sequence that it belongs to, as read by its owner."""

    user_id: UUID
    began: float
    ended: float
    balance_minor: int
    sequence: int
    #: The newest entries of the history in the same answer, newest first: sequence and reference of
    #: each. None where they were not asked for.
    entries: tuple[tuple[int, UUID], ...] | None = None
    #: `metadata` of each of them; None where it was not requested.
    metadata: tuple[tuple[tuple[str, str], ...], ...] | None = None


@dataclass(slots=True)
class Subscriber:
    """Somebody who listened through all reconnects, and the sequences in the order they came.

    The lists go side by side; those that are shorter than `sequences` were not kept to the end.
    """

    user_id: UUID
    transport: str
    sequences: list[int] = field(default_factory=list)
    #: `balance` of each event, beside its sequence.
    balances_minor: list[int] = field(default_factory=list)
    reconnects: int = 0
    #: The sequence after which it began to listen.
    after_sequence: int = 0
    #: `reference` of each event's transaction, and when the event came.
    references: list[UUID] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)

    def so_far(self) -> Subscriber:
        """As it stands now, while more is heard."""
        return replace(
            self,
            sequences=self.sequences.copy(),
            balances_minor=self.balances_minor.copy(),
            references=self.references.copy(),
            arrived=self.arrived.copy(),
        )


@dataclass(slots=True)
class InjectedFault:
    """Something that was broken, when it was ended, and when service was seen to be back."""

    name: str
    began: float
    ended: float | None = None
    recovered_at: float | None = None
    #: Whether a process was ended, so that a mail may be sent twice.
    kills: bool = True
    #: When whoever ends it began to.
    ending: float | None = None
    #: Whether it was seen to have the effect that its name says.
    had_effect: bool = False


@dataclass(slots=True)
class Failure:
    """An answer of the 500s, or a top-level error that is no refusal; `UNAVAILABLE` may be left out."""

    at: float
    status: int
    code: str | None
    message: str


@dataclass(slots=True)
class Mail:
    """Mails of one purpose (as in `mails.purpose`) to one address: asked for, and caught."""

    address: str
    purpose: str
    #: Requests that were answered well.
    asked: int = 1
    caught: int = 0
    #: Requests whose answer never came.
    lost: int = 0
    #: When it was asked for.
    began: float = 0.0


@dataclass(slots=True)
class Record:
    """A run."""

    seed: int
    commands: list[Command] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    delayed: list[DelayedRequest] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    subscribers: list[Subscriber] = field(default_factory=list)
    #: Per user the sequences that the Channels server accepted, in order.
    pushed: dict[UUID, list[int]] = field(default_factory=dict)
    #: Beside each of these the balance and the reference that it told, where anybody looked.
    pushed_content: dict[UUID, list[tuple[int, UUID]]] = field(default_factory=dict)
    faults: list[InjectedFault] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    #: How often each mail was caught, by the id in its Message-ID; None was not looked at.
    caught: dict[UUID, int] | None = None
    #: To whom each of these came, and when.
    delivered: dict[UUID, list[tuple[str, float]]] = field(default_factory=dict)
    #: What PostgreSQL wrote about deadlocks.
    deadlocks: list[str] = field(default_factory=list)
    #: Processes that ended though nobody had killed them, and with what status.
    ended: list[str] = field(default_factory=list)
    #: Exit status of `./wallet audit` at the end, and what it wrote.
    audit_status: int | None = None
    audit_output: str = ""
    #: `seal` of every entry that anybody was shown, kept as a receipt.
    receipts: set[str] = field(default_factory=set)
    #: How many of them the ledgers still contain, as `./wallet audit --receipt` says; None was not asked.
    receipts_contained: int | None = None
    #: What it wrote of the others.
    receipts_output: str = ""
    #: How often the totals, and all that had ended, were checked running the way.
    quick_checks: int = 0
    full_checks: int = 0
    #: How often a caller's line was cut, truncated, delayed or swallowed an answer.
    disturbances: Counter[str] = field(default_factory=Counter)
    #: What a transfer costs, in hundredths of a per cent, rounded up.
    fee_basis_points: int = 0
    #: Whether there was a Channels server to push to.
    has_channels: bool = True
    #: What to add to a time of the record to get seconds since 1970.
    epoch_offset: float = 0.0

    def microseconds(self, moment: float) -> int:
        """A time of the record, in microseconds since 1970."""
        return int((moment + self.epoch_offset) * 1_000_000)

    def so_far(self) -> Record:
        """As it stands now, while more is appended to this one."""
        return replace(
            self,
            commands=self.commands.copy(),
            closings=[replace(closing) for closing in self.closings],
            delayed=[replace(request) for request in self.delayed],
            reads=self.reads.copy(),
            subscribers=[each.so_far() for each in self.subscribers],
            pushed={user_id: each.copy() for user_id, each in self.pushed.items()},
            pushed_content={user_id: each.copy() for user_id, each in self.pushed_content.items()},
            faults=[replace(fault) for fault in self.faults],
            failures=self.failures.copy(),
        )
