"""All ledgers at one moment, read from the database into plain data for the checker."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import psycopg

_FETCHED_AT_ONCE = 5_000

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_PEOPLE = """
SELECT u.id, u.balance, u.sequence, coalesce(k.email, u.email), coalesce(c.accepted_number, 0),
    u.notification_number, (extract(epoch FROM u.closed_at) * 1000000)::bigint,
    coalesce(u.sending_restricted_until > now() AND u.adding_restricted_until > now(), false)
FROM users AS u LEFT JOIN delivery_cursors AS c ON c.user_id = u.id AND c.sink = 'pusher'
LEFT JOIN closed_accounts AS k ON k.user_id = u.id
"""
_NOTIFICATIONS = (
    "SELECT user_id, number, kind, sequence, subject_id FROM notifications ORDER BY user_id, number"
)
_REQUESTS = """
SELECT user_id, id, role, requester_id, payer_id, is_open, amount, note, status, reference,
    (extract(epoch FROM expires_at) * 1000000)::bigint,
    (extract(epoch FROM closed_at) * 1000000)::bigint, idempotency_key
FROM payment_requests ORDER BY user_id, id
"""
_ENTRIES = """
SELECT user_id, sequence, reference, kind, direction = 'incoming', amount, fee,
    counterparty_id, note, balance_after, (extract(epoch FROM created_at) * 1000000)::bigint,
    idempotency_key, reverses, coalesce(fee_refunded, 0)
FROM transactions ORDER BY user_id, sequence
"""
_METADATA = """
SELECT user_id, sequence, key, value FROM transaction_metadata ORDER BY user_id, sequence, position
"""
_SCHEDULES = """
SELECT user_id, id, recipient_id, amount, note, status, idempotency_key, next_number,
    (extract(epoch FROM attempt_at) * 1000000)::bigint
FROM scheduled_transfers ORDER BY user_id, id
"""
_RUNS = """
SELECT user_id, schedule_id, number, status, sequence, (extract(epoch FROM due_at) * 1000000)::bigint
FROM scheduled_runs ORDER BY user_id, schedule_id, number
"""
_OPERATED = """
SELECT r.operator_id, r.idempotency_key, r.reference, r.amount,
    CASE WHEN r.type = 'action' OR d.type = 'approval' THEN 'DONE'
        WHEN d.type = 'rejection' THEN 'REJECTED' ELSE 'PROPOSED' END,
    coalesce(r.posted_reference, d.posted_reference), d.operator_id
FROM operator_records AS r LEFT JOIN operator_records AS d ON d.decides = r.number
WHERE r.kind = 'REVERSE' ORDER BY r.position
"""
_TOP_UPS = """
SELECT user_id, id, amount, status, idempotency_key, payment_id, reference, refund
FROM top_ups ORDER BY user_id, id
"""
_TAKEN = """
SELECT r.user_id, r.id, r.source_id, r.amount, r.status, r.is_short, r.taken,
    ARRAY(SELECT e.reference FROM top_up_reversal_entries AS e
        WHERE e.user_id = r.user_id AND e.reversal_id = r.id),
    r.returned_reference, (extract(epoch FROM r.created_at) * 1000000)::bigint
FROM top_up_reversals AS r ORDER BY r.user_id, r.id
"""
_CLOCK = "SELECT (extract(epoch FROM now()) * 1000000)::bigint"
_MAILS = (
    "SELECT m.id, coalesce(k.email, u.email), m.purpose, m.state FROM mails AS m "
    "JOIN users AS u ON u.id = m.user_id LEFT JOIN closed_accounts AS k ON k.user_id = u.id"
)
_WAITING = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_TOTALS = """
SELECT balances, lowest, fees, added
FROM (
    SELECT coalesce(sum(balance), 0)::bigint AS balances, coalesce(min(balance), 0) AS lowest FROM users
) AS u, (
    SELECT (coalesce(sum(fee), 0) - coalesce(sum(fee_refunded), 0))::bigint AS fees, coalesce(sum(
        CASE direction WHEN 'incoming' THEN amount ELSE -amount END
    ) FILTER (WHERE counterparty_id IS NULL), 0)::bigint AS added
    FROM transactions
) AS t
"""


@dataclass(slots=True)
class Entry:
    """One entry of an account's ledger; amounts in minor units."""

    sequence: int
    reference: UUID
    kind: str
    is_incoming: bool
    amount_minor: int
    fee_minor: int
    counterparty_id: UUID | None
    note: str | None
    balance_after_minor: int
    #: Microseconds since 1970.
    created_at: int
    key: str | None
    #: The reference of the transaction that it reverses.
    reverses: UUID | None = None
    #: The part of the amount that refunds its fee.
    fee_refunded_minor: int = 0
    #: Key and value of each metadata entry.
    metadata: tuple[tuple[str, str], ...] = ()

    @property
    def change_minor(self) -> int:
        """The change of the balance."""
        return self.amount_minor if self.is_incoming else -self.amount_minor - self.fee_minor


@dataclass(frozen=True, slots=True)
class Notified:
    """A notification: its number, its kind, and the entry that it is about."""

    number: int
    kind: str
    sequence: int | None
    #: What else it is about.
    subject_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A payment request, as it is stored under one of its users; the amount in minor units."""

    user_id: UUID
    request_id: UUID
    role: str
    requester_id: UUID
    payer_id: UUID | None
    is_open: bool
    amount_minor: int
    note: str | None
    status: str
    reference: UUID | None
    #: Microseconds since 1970.
    expires_at: int
    closed_at: int | None
    key: str | None


@dataclass(frozen=True, slots=True)
class ScheduleRow:
    """A scheduled transfer; times in microseconds since 1970."""

    user_id: UUID
    schedule_id: UUID
    recipient_id: UUID
    amount_minor: int
    note: str | None
    status: str
    key: str
    next_number: int
    attempt_at: int | None


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run of a scheduled transfer; times in microseconds since 1970."""

    user_id: UUID
    schedule_id: UUID
    number: int
    status: str
    sequence: int | None
    due_at: int


@dataclass(frozen=True, slots=True)
class OperatedRow:
    """A reversal or a proposal by an operator, and what became of it; the amount in minor units."""

    operator_id: UUID
    key: str
    reference: UUID
    amount_minor: int
    status: str
    #: The reference of the reversal.
    reversal: UUID | None
    decided_by: UUID | None


@dataclass(frozen=True, slots=True)
class TopUpRow:
    """A top-up through the payment provider; the amount in minor units."""

    user_id: UUID
    top_up_id: UUID
    amount_minor: int
    status: str
    key: str
    payment_id: str | None
    #: Of the entry that credited it.
    reference: UUID | None
    refund: str | None


@dataclass(frozen=True, slots=True)
class TakenRow:
    """What the provider took back of a top-up; amounts in minor units."""

    user_id: UUID
    reversal_id: UUID
    source_id: str
    amount_minor: int
    status: str
    #: Whether the balance did not cover it.
    is_short: bool
    taken_minor: int
    #: Of the entries that took it, and of the one that credited it again.
    references: Sequence[UUID]
    returned_reference: UUID | None
    #: Microseconds since 1970.
    created_at: int


@dataclass(slots=True)
class AccountLedger:
    """A user's row, the entries by ascending sequence, and the notifications by ascending number."""

    user_id: UUID
    balance_minor: int
    sequence: int
    email: str = ""
    pushed_sequence: int = 0
    entries: list[Entry] = field(default_factory=list)
    #: The number of the newest notification, as the user's row says.
    notification_number: int = 0
    notified: list[Notified] = field(default_factory=list)
    #: When the account was closed, in microseconds since 1970; None while it is open.
    closed_at: int | None = None
    #: Whether it can neither send nor add money.
    is_restricted: bool = False

    def at(self, sequence: int) -> Entry | None:
        """The entry with that sequence, even if others are missing."""
        # If none is missing, the sequence gives its position.
        if 0 < sequence <= len(self.entries) and self.entries[sequence - 1].sequence == sequence:
            return self.entries[sequence - 1]
        return next((entry for entry in self.entries if entry.sequence == sequence), None)


@dataclass(slots=True)
class MailRow:
    """A mail as stored in the database."""

    mail_id: UUID
    address: str
    purpose: str
    state: str


@dataclass(slots=True)
class Ledgers:
    """What the checker compares with a record."""

    users: dict[UUID, AccountLedger] = field(default_factory=dict)
    mails: list[MailRow] = field(default_factory=list)
    requests: list[RequestRow] = field(default_factory=list)
    schedules: list[ScheduleRow] = field(default_factory=list)
    runs: list[RunRow] = field(default_factory=list)
    operated: list[OperatedRow] = field(default_factory=list)
    top_ups: list[TopUpRow] = field(default_factory=list)
    taken: list[TakenRow] = field(default_factory=list)
    #: The time of the database when it was read, in microseconds since 1970.
    clock: int = 0
    #: Unpublished rows of the outbox.
    waiting: int = 0
    #: Shortly before the database was read, on the record's clock.
    read_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Totals:
    """The totals over all ledgers, in minor units."""

    balances_minor: int
    lowest_balance_minor: int
    #: Less those that were refunded.
    fees_minor: int
    #: From outside the wallet.
    added_minor: int


def read(database_url: str) -> Ledgers:
    """Read everything in one snapshot. Raises psycopg.Error if the database is unavailable."""
    read_at = time.monotonic()
    # Two entries share a reference, and many share a user: each id is kept once in memory.
    known: dict[UUID, UUID] = {}
    ledgers = Ledgers(read_at=read_at)
    with _snapshot(database_url) as connection:
        for row in connection.execute(_PEOPLE):
            *columns, number, closed_at, is_restricted = row
            ledger = ledgers.users[row[0]] = AccountLedger(*columns)
            ledger.notification_number = number
            ledger.closed_at, ledger.is_restricted = closed_at, is_restricted
            known[row[0]] = row[0]
        for user_id, *columns in _stream(connection):
            ledger = ledgers.users.setdefault(user_id, AccountLedger(user_id, 0, 0))
            ledger.entries.append(_entry(columns, known))
        for user_id, sequence, key, value in connection.execute(_METADATA):
            entry = ledgers.users[user_id].at(sequence)
            if entry is not None:
                entry.metadata += ((key, value),)
        for user_id, number, kind, sequence, subject_id in connection.execute(_NOTIFICATIONS):
            told = Notified(number, sys.intern(kind), sequence, subject_id)
            ledgers.users.setdefault(user_id, AccountLedger(user_id, 0, 0)).notified.append(told)
        ledgers.requests = [RequestRow(*row) for row in connection.execute(_REQUESTS)]
        ledgers.schedules = [ScheduleRow(*row) for row in connection.execute(_SCHEDULES)]
        ledgers.runs = [RunRow(*row) for row in connection.execute(_RUNS)]
        ledgers.operated = [OperatedRow(*row) for row in connection.execute(_OPERATED)]
        ledgers.top_ups = [TopUpRow(*row) for row in connection.execute(_TOP_UPS)]
        ledgers.taken = [TakenRow(*row) for row in connection.execute(_TAKEN)]
        [(ledgers.clock,)] = connection.execute(_CLOCK)
        ledgers.mails = [MailRow(*row) for row in connection.execute(_MAILS)]
        [(ledgers.waiting,)] = connection.execute(_WAITING)
    return ledgers


def totals(database_url: str) -> Totals:
    """Read the totals alone, for a check during the run. Raises psycopg.Error if it is unavailable."""
    with _snapshot(database_url) as connection:
        [row] = connection.execute(_TOTALS)
        return Totals(*row)


def _entry(columns: Sequence[Any], known: dict[UUID, UUID]) -> Entry:
    entry = Entry(*columns)
    entry.kind = sys.intern(entry.kind)
    if entry.counterparty_id is not None:
        entry.reference = known.setdefault(entry.reference, entry.reference)
        entry.counterparty_id = known.get(entry.counterparty_id, entry.counterparty_id)
    return entry


@contextmanager
def _snapshot(database_url: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(database_url, connect_timeout=5, prepare_threshold=None) as connection:
        connection.execute(_SNAPSHOT)
        yield connection


def _stream(connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    with connection.cursor(name="entries", binary=True) as cursor:
        cursor.itersize = _FETCHED_AT_ONCE
        yield from cursor.execute(_ENTRIES)
