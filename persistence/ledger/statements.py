"""The statements of the two round trips of a ledger commit, for any number of commands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from domain import ids, text
from domain.ledger import settling
from domain.ledger.decisions import Command
from persistence.engine import pinned, pipeline
from persistence.engine.pinned import Connection
from persistence.engine.pipeline import Statement
from persistence.engine.prepared import Kept
from persistence.ledger import entry_rows, table
from persistence.notifications import notification_rows
from persistence.people import restrictions

# ================================================================ the first round trip

# Explicit, because the role or the database may have another default: a stricter level takes its snapshot
# before the locks, and would not see what was committed while waiting for them.
_BEGIN: Statement = (b"BEGIN ISOLATION LEVEL READ COMMITTED", ())
# A lock held by another transaction delays every command that shares the commit.
_SHARED_LOCK_SECONDS = 1
COMMIT: Statement = (b"COMMIT", ())

_LOCK = Kept(
    f"""
SELECT id, name, email, email_verified_at, balance, sequence, last_posted_at, book_seal, closed_at,
    notification_number, mailed_notifications, time_zone, handle, {restrictions.UNTILS}, confirm_above
FROM lock_accounts($1::uuid[])
""".encode()  # noqa: S608
)


def begin(connection: Connection, commands: Sequence[Command]) -> list[Statement]:
    """Begin the transaction, with its settings where the connection does not keep them."""
    seconds = None if len(commands) == 1 else _SHARED_LOCK_SECONDS
    return [_BEGIN, *pinned.settings_to_lock(connection, seconds)]


def trace(traceparent: str) -> Statement:
    """Have the outbox rows of the transaction carry that trace context."""
    return pinned.trace(traceparent).encode(), ()


def lock(commands: Sequence[Command]) -> Statement:
    """Lock the accounts of all commands, in the order of their ids; returns a row for each."""
    account_ids = {account_id for command in commands for account_id in command.account_ids}
    return _LOCK, (pipeline.array(account_ids),)


# ================================================================ the second round trip

_UPDATE = Kept(
    b"""
UPDATE users
SET balance = changed.balance, sequence = changed.sequence, last_posted_at = changed.last_posted_at,
    book_seal = changed.book_seal, notification_number = changed.notification_number
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::bytea[], $6::bigint[])
    AS changed (id, balance, sequence, last_posted_at, book_seal, notification_number)
WHERE users.id = changed.id AND users.id = ANY ($1::uuid[])
"""
)
_OF_REVERSALS = "reverses, fee_refunded"
_OF_ALL = entry_rows.COLUMNS.replace(f", {_OF_REVERSALS}", "")
_ENTRY_ARRAYS = """
    $1::uuid[], $2::bigint[], $3::uuid[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
    $8::uuid[], $9::text[], $10::bigint[], $11::timestamptz[], $12::text[], $13::uuid[], $14::bytea[],
    $15::bytea[], $16::text[]
"""
_INSERT_ENTRIES = Kept(
    f"""
INSERT INTO transactions ({_OF_ALL}, note_search_text) SELECT * FROM unnest({_ENTRY_ARRAYS})
""".encode()  # noqa: S608
)
# Only for commits with a reversal: most have none.
_INSERT_REVERSALS = f"""
INSERT INTO transactions ({_OF_ALL}, note_search_text, {_OF_REVERSALS})
SELECT * FROM unnest({_ENTRY_ARRAYS}, $17::uuid[], $18::bigint[])
""".encode()  # noqa: S608
# The notification of an entry is announced with it: most have one of the two sides of a transfer.
_ANNOUNCE = Kept(
    b"""
INSERT INTO outbox (user_id, id, topic, payload)
SELECT posted.user_id, posted.id, 'transaction.posted', jsonb_strip_nulls(
    jsonb_build_object('sequence', posted.sequence, 'notification_number', posted.number))
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[])
    AS posted (user_id, id, sequence, number)
"""
)
_ANNOUNCE_NOTIFICATIONS = b"""
INSERT INTO outbox (user_id, id, topic, payload)
SELECT told.user_id, told.id, 'notification.created', jsonb_build_object('number', told.number)
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS told (user_id, id, number)
"""

#: Of the fields of an entry, except its seal.
_TYPES = (
    UUID, int, UUID, str, str, int, int, UUID, str, int, datetime, str, UUID, bytes, UUID, int,
)  # fmt: skip

#: Numbers of notifications, by user and by the sequence of the entry that they are about.
_Numbers = dict[tuple[UUID, int | None], int]


def write(settlement: settling.Settlement) -> list[Statement]:
    """The accounts, the entries, the notifications, their events in the outbox, and the effects."""
    written: list[Statement] = []
    numbers = {(n.user_id, n.sequence): n.number for n in settlement.notifications}
    if settlement.accounts:
        written.append(_update_accounts(settlement))
    if settlement.entries:
        written += _write_entries(settlement, numbers)
    if settlement.notifications:
        written.append(notification_rows.insertion(settlement.notifications))
    if numbers:
        written.append(_announce(numbers))
    if settlement.effects:
        written += table.write(settlement.effects)
    return written


def _update_accounts(settlement: settling.Settlement) -> Statement:
    changed = settlement.accounts.values()
    array = pipeline.array
    return (
        _UPDATE,
        (
            array([a.user_id for a in changed]),
            array([a.balance_minor for a in changed]),
            array([a.sequence for a in changed]),
            array([a.last_posted_at for a in changed]),
            array([a.book_seal for a in changed]),
            array([a.notification_number for a in changed]),
        ),
    )


def _write_entries(settlement: settling.Settlement, numbers: _Numbers) -> list[Statement]:
    """The entries and their events; the numbers that these announce are taken out of `numbers`."""
    new = settlement.entries
    array = pipeline.array
    # As they were sealed, in the order of `_TYPES`: encoding them a second time would take as long as sealing.
    columns = map(pipeline.array_of, _TYPES, zip(*settlement.fields, strict=True))
    user_ids, sequences, *others, reverses, refunded = columns
    values = (
        user_ids,
        sequences,
        *others,
        array([n.seal for n in new]),
        array([None if n.note is None else text.search_text(n.note) for n in new]),
    )
    insertion: Statement = _INSERT_ENTRIES, values
    if any(n.reverses for n in new):
        insertion = _INSERT_REVERSALS, (*values, reverses, refunded)
    return [
        insertion,
        (
            _ANNOUNCE,
            (
                user_ids,
                array([ids.new_id() for _ in new]),
                sequences,
                array([numbers.pop((n.user_id, n.sequence), None) for n in new]),
            ),
        ),
    ]


def _announce(numbers: _Numbers) -> Statement:
    array = pipeline.array
    user_ids = array(user_id for user_id, _ in numbers)
    new_ids = array(ids.new_id() for _ in numbers)
    return _ANNOUNCE_NOTIFICATIONS, (user_ids, new_ids, array(numbers.values()))
