"""What the simulated clients of a run did and observed, and the injected faults: data for the checker.

Times are seconds of one monotonic clock, amounts are minor units, and users are user ids. Records that
are appended to a `Record` are complete or completed later; nothing is removed."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass, field, replace
from uuid import UUID

from domain.ledger.kinds import Kind
from torture import record_webhooks
from torture.provider_records import ProviderRecords
from torture.record_accounts import AskedTopUp, Barred, Lift
from torture.record_operators import AskedReversal
from torture.record_requests import AskedRequest
from torture.record_schedules import AskedSchedule

#: Keys with this prefix belong to opening balances, which no command in the record requested.
OPENING = "opening"


class Operation(enum.StrEnum):
    """An operation that moves money."""

    SEND_MONEY = "sendMoney"
    ADD_BALANCE = "addBalance"
    PAY_REQUEST = "payRequest"

    @property
    def kind(self) -> Kind:
        """The kind of transaction that it posts; each kind has keys of its own."""
        return _KINDS[self]


_KINDS = {
    Operation.SEND_MONEY: Kind.TRANSFER,
    Operation.ADD_BALANCE: Kind.TOP_UP,
    Operation.PAY_REQUEST: Kind.TRANSFER,
}


class Outcome(enum.StrEnum):
    """The outcome of a command, as known to its caller after all tries."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNANSWERED = "unanswered"


@dataclass(slots=True)
class Command:
    """A request to move money with an idempotency key, in one or many tries with the same input.

    If a key is reused deliberately, at once or later, with the same or other input, that is a `Command` of
    its own. Commands with one key are found by user, operation and key.
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
    #: Tries without an answer, or with UNAVAILABLE: it is unknown whether they moved money.
    lost: int = 0
    #: When the try that was answered began; None is treated as `began`.
    answer_began: float | None = None
    outcome: Outcome = Outcome.UNANSWERED
    #: The `__typename` of a refusal, such as `InsufficientFunds`, or the code of an error.
    refusal: str | None = None
    #: From the answer: the transaction's reference, sequence and balance, and the viewer at that time.
    reference: UUID | None = None
    sequence: int | None = None
    balance_after_minor: int | None = None
    viewer_balance_minor: int | None = None
    viewer_sequence: int | None = None
    replayed: bool | None = None
    #: `seal` of the transaction.
    receipt: str | None = None
    #: `balance` of InsufficientFunds.
    refused_balance_minor: int | None = None
    #: For an unanswered command: whether `transactionByIdempotencyKey` found one at the end; None if not asked.
    found_by_key: bool | None = None
    #: The reference found by it.
    found_reference: UUID | None = None
    #: Key and value of each metadata entry, in the order given.
    metadata: tuple[tuple[str, str], ...] = ()
    #: `metadata` of the transaction in the answer; None if it was not requested.
    answered_metadata: tuple[tuple[str, str], ...] | None = None
    #: `notAfter`, in microseconds since 1970.
    not_after: int | None = None
    #: The API's id of the payment request that it pays.
    request_id: str | None = None
    #: Challenge and code with which it is confirmed.
    confirmation: tuple[str, str] | None = None
    #: `challenge` of ConfirmationRequired.
    challenge: str | None = None


@dataclass(slots=True)
class Closing:
    """A request to close an idempotency key, in one or many tries."""

    user_id: UUID
    operation: Operation
    key: str
    began: float
    ended: float = 0.0
    #: Tries without an answer, or with UNAVAILABLE: they may have closed the key.
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
    """A request that was held in transit and delivered after its caller had given up.

    The try counts as lost in its `Command`.
    """

    user_id: UUID
    operation: Operation
    key: str
    held: float
    #: `notAfter`, in microseconds since 1970.
    not_after: int | None = None
    #: When it was forwarded to the service; None while it is held.
    delivered: float | None = None
    #: The `__typename` of the answer, or the code of an error; None if there was no answer.
    answer: str | None = None
    #: `replayed` of the answer.
    replayed: bool | None = None


@dataclass(slots=True)
class Read:
    """A balance and its sequence, as read by the owner."""

    user_id: UUID
    began: float
    ended: float
    balance_minor: int
    sequence: int
    #: Sequence and reference of the newest transactions in the same answer, newest first; None if they
    #: were not requested.
    entries: tuple[tuple[int, UUID], ...] | None = None
    #: `metadata` of each of them; None if it was not requested.
    metadata: tuple[tuple[tuple[str, str], ...], ...] | None = None


@dataclass(slots=True)
class Subscriber:
    """A subscriber through all reconnections, with the sequences in the order received.

    Of notifications, the sequences are their numbers, and there are no balances. The lists are parallel; one
    that is shorter than `sequences` was not recorded to the end.
    """

    user_id: UUID
    transport: str
    sequences: list[int] = field(default_factory=list)
    #: `balance` of each event.
    balances_minor: list[int] = field(default_factory=list)
    reconnects: int = 0
    #: The sequence after which it subscribed.
    after_sequence: int = 0
    #: `reference` of each event's transaction, None without one, and when the event was received.
    references: list[UUID | None] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)

    def so_far(self) -> Subscriber:
        """A copy of what was received so far."""
        return replace(
            self,
            sequences=self.sequences.copy(),
            balances_minor=self.balances_minor.copy(),
            references=self.references.copy(),
            arrived=self.arrived.copy(),
        )


@dataclass(slots=True)
class InjectedFault:
    """A fault that was injected, when it ended, and when service was observed to have resumed."""

    name: str
    began: float
    ended: float | None = None
    recovered_at: float | None = None
    #: Whether a process was killed, so that a mail may be sent twice.
    kills: bool = True
    #: When its end began.
    ending: float | None = None
    #: Whether its effect was observed.
    had_effect: bool = False


@dataclass(slots=True)
class Failure:
    """A response with a status of 500 or more, or a top-level error; `UNAVAILABLE` may be left out."""

    at: float
    status: int
    code: str | None
    message: str


@dataclass(slots=True)
class Mail:
    """Mails of one purpose (as in `mails.purpose`) to one address: requested and received."""

    address: str
    purpose: str
    #: Requests that were answered without an error.
    asked: int = 1
    caught: int = 0
    #: Requests without an answer.
    lost: int = 0
    #: When it was requested.
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
    #: The subscribers of notifications.
    notified: list[Subscriber] = field(default_factory=list)
    #: By user: the sequences that the Channels server accepted, in order.
    pushed: dict[UUID, list[int]] = field(default_factory=dict)
    #: Parallel to these: balance and reference of each, where recorded.
    pushed_content: dict[UUID, list[tuple[int, UUID]]] = field(default_factory=dict)
    #: By user: the numbers of the notifications that the Channels server accepted, in order.
    pushed_notifications: dict[UUID, list[int]] = field(default_factory=dict)
    #: Payment requests.
    requests: list[AskedRequest] = field(default_factory=list)
    #: Scheduled transfers.
    schedules: list[AskedSchedule] = field(default_factory=list)
    #: What operators reversed.
    reversals: list[AskedReversal] = field(default_factory=list)
    #: Accounts that were restricted or closed, and restrictions that operators lifted.
    barred: list[Barred] = field(default_factory=list)
    lifts: list[Lift] = field(default_factory=list)
    #: Users whose every transfer needs a second factor.
    careful: set[UUID] = field(default_factory=set)
    #: Users whose sessions end, and with them their channels.
    leavers: set[UUID] = field(default_factory=set)
    #: Closed accounts that were opened again.
    reopened: int = 0
    #: Top-ups through the payment provider, and what it has recorded at the end.
    top_ups: list[AskedTopUp] = field(default_factory=list)
    at_provider: ProviderRecords | None = None
    #: The numbers of all runs that were sent: only schedules whose runs were missed have more than one.
    runs_sent: list[int] = field(default_factory=list)
    #: The receivers of webhooks.
    receivers: list[record_webhooks.Receiver] = field(default_factory=list)
    faults: list[InjectedFault] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    #: How often each mail was received, by the id in its Message-ID; None if that was not recorded.
    caught: dict[UUID, int] | None = None
    #: By id: address and time of each delivery.
    delivered: dict[UUID, list[tuple[str, float]]] = field(default_factory=dict)
    #: What PostgreSQL logged about deadlocks.
    deadlocks: list[str] = field(default_factory=list)
    #: Processes that ended without being killed, with their exit status.
    ended: list[str] = field(default_factory=list)
    #: Exit status and output of `./wallet audit` at the end.
    audit_status: int | None = None
    audit_output: str = ""
    #: `seal` of every transaction returned to any client, stored as a receipt.
    receipts: set[str] = field(default_factory=set)
    #: How many of them `./wallet audit --receipt` found in the ledgers; None if it was not run.
    receipts_contained: int | None = None
    #: Its output for the others.
    receipts_output: str = ""
    #: How often the totals, and everything that had ended, were checked during the run.
    quick_checks: int = 0
    full_checks: int = 0
    #: Number of disturbances of client connections by kind.
    disturbances: Counter[str] = field(default_factory=Counter)
    #: The fee of a transfer in basis points, rounded up.
    fee_basis_points: int = 0
    #: Whether there was a Channels server to push to.
    has_channels: bool = True
    #: What to add to a time of the record to get seconds since 1970.
    epoch_offset: float = 0.0

    def microseconds(self, moment: float) -> int:
        """A time of the record, in microseconds since 1970."""
        return int((moment + self.epoch_offset) * 1_000_000)

    def so_far(self) -> Record:
        """A copy of what was recorded so far."""
        return replace(
            self,
            commands=self.commands.copy(),
            closings=[replace(closing) for closing in self.closings],
            delayed=[replace(request) for request in self.delayed],
            reads=self.reads.copy(),
            requests=[each.so_far() for each in self.requests],
            schedules=[replace(each) for each in self.schedules],
            reversals=[each.so_far() for each in self.reversals],
            barred=[replace(each) for each in self.barred],
            top_ups=[replace(each) for each in self.top_ups],
            subscribers=[each.so_far() for each in self.subscribers],
            notified=[each.so_far() for each in self.notified],
            pushed={user_id: each.copy() for user_id, each in self.pushed.items()},
            pushed_notifications={
                user_id: each.copy() for user_id, each in self.pushed_notifications.items()
            },
            pushed_content={user_id: each.copy() for user_id, each in self.pushed_content.items()},
            receivers=[each.so_far() for each in self.receivers],
            faults=[replace(fault) for fault in self.faults],
            failures=self.failures.copy(),
        )
