"""Erasing the personal data of accounts that were closed long enough ago.

Ids, amounts and notes remain, which the other side has too, and which the seals cover. Everything here may
be interrupted and repeated.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table, text

from domain.people import leaving
from persistence import tables
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import persons

#: Tables of which an erased user has no rows.
ERASED = (
    tables.transaction_metadata,
    tables.notifications,
    tables.webhook_attempts,
    tables.webhook_secrets,
    tables.webhooks,
    tables.delivery_due,
    tables.delivery_cursors,
    tables.name_skeletons,
    tables.links,
    tables.mails,
    tables.sessions,
    tables.totp_factors,
    tables.passkeys,
    tables.recovery_codes,
    tables.second_factor_challenges,
    tables.second_factor_failures,
    tables.data_export_chunks,
    tables.data_exports,
)
#: Tables whose rows remain, with ids, amounts, notes and instants alone. Of `users` and `api_tokens`, the
#: personal columns are overwritten. A reserved handle is
#: no longer anyone's, and is deleted when its reservation ends.
KEPT = (
    tables.users,
    tables.api_tokens,
    tables.transactions,
    tables.closed_keys,
    tables.payment_requests,
    tables.bill_splits,
    tables.scheduled_transfers,
    tables.scheduled_runs,
    tables.blocks,
    # What the provider reports later still finds its account.
    tables.top_ups,
    tables.top_up_reversals,
    tables.top_up_reversal_entries,
    tables.top_up_mismatches,
    tables.top_up_reconciliations,
    tables.handles,
    # Who acted as an operator, on which account, and why, stays accountable.
    tables.operators,
    tables.operator_records,
    tables.operator_log,
    # Of nobody.
    tables.stream_epoch,
)
#: Tables with rules of their own.
OTHERS = (tables.email_addresses, tables.closed_accounts, tables.outbox)

#: At most this many rows of a table are deleted in one transaction.
_ROWS_AT_ONCE = 5_000
#: Events that are younger may not have been published.
_EVENTS_KEPT = timedelta(days=8)

_DUE = text(
    "SELECT c.user_id FROM closed_accounts AS c JOIN users AS u ON u.id = c.user_id "
    "WHERE c.erase_at <= clock_timestamp() AND (u.balance = 0 OR u.password_hash = '') "
    "ORDER BY c.erase_at LIMIT :batch"
)
_ERASE_AT = text("SELECT erase_at FROM closed_accounts WHERE user_id = :user_id")
#: First, in one commit: from then on nothing signs in, so that the account cannot be reopened half erased.
_BEGIN = (
    text("UPDATE users SET password_hash = '', confirm_above = NULL WHERE id = :user_id"),
    *(
        text(f"DELETE FROM {table.name} WHERE user_id = :user_id")  # noqa: S608
        for table in (tables.totp_factors, tables.passkeys, tables.recovery_codes)
    ),
)
_OVERWRITE = (
    text(
        "UPDATE users SET time_zone = 'UTC', notification_number = 0, "
        "notifications_read_through = 0, mailed_notifications = NULL WHERE id = :user_id"
    ),
    text("UPDATE handles SET user_id = NULL WHERE user_id = :user_id"),
    text(
        "UPDATE api_tokens SET name = 'Erased', secret_hash = decode(repeat('00', 32), 'hex'), "
        "last_used_at = NULL WHERE user_id = :user_id"
    ),
)
_DELETE_OTHERS = (
    text("DELETE FROM outbox WHERE user_id = :user_id AND created_at < :before"),
    text("DELETE FROM email_addresses WHERE user_id = :user_id"),
    text("DELETE FROM closed_accounts WHERE user_id = :user_id"),
)


def _deletion(table: Table) -> Any:
    key = [column.name for column in table.primary_key.columns]
    same = " AND ".join(f"old.{name} = chosen.{name}" for name in key)
    return text(
        f"DELETE FROM {table.name} AS old USING (SELECT {', '.join(key)} FROM {table.name} "  # noqa: S608
        f"WHERE user_id = :user_id LIMIT :rows) AS chosen WHERE {same} AND old.user_id = :user_id"
    )


_DELETIONS = [_deletion(table) for table in ERASED]


async def erase_due(db: Database, batch: int) -> int:
    """Erase at most `batch` accounts whose time has come, one after the other; returns how many."""
    found = await db.read(lambda connection: connection.execute(_DUE, {"batch": batch}))
    erased = [await _erase(db, row.user_id) for row in found]
    return sum(erased)


async def _erase(db: Database, user_id: UUID) -> bool:
    if not await unit_of_work.run(db, lambda unit: _begin(unit, user_id)):
        return False
    # Hardly anything is added to these rows any more: most are deleted without a lock.
    for deletion in _DELETIONS:
        while await _delete_some(db, deletion, user_id) == _ROWS_AT_ONCE:
            pass
    return await unit_of_work.run(db, lambda unit: _finish(unit, user_id))


async def _begin(unit: Unit, user_id: UUID) -> bool:
    """Make a closed account impossible to reopen; False if it still can be, or was reopened meanwhile."""
    person = await persons.lock_any(unit, user_id)
    erase_at = await unit.connection.scalar(_ERASE_AT, {"user_id": user_id})
    if person is None or erase_at is None:
        return False
    has_begun = person.password_hash == ""
    if not has_begun and leaving.can_reopen(erase_at, person.balance, await unit.clock()):
        return False
    for statement in _BEGIN:
        await unit.connection.execute(statement, {"user_id": user_id})
    return True


async def _finish(unit: Unit, user_id: UUID) -> bool:
    """What was added while rows were deleted, and the rest; False if that was done meanwhile."""
    await persons.lock_any(unit, user_id)
    if await unit.connection.scalar(_ERASE_AT, {"user_id": user_id}) is None:
        return False
    for deletion in _DELETIONS:
        await unit.connection.execute(deletion, {"user_id": user_id, "rows": _ROWS_AT_ONCE})
    for statement in _OVERWRITE:
        await unit.connection.execute(statement, {"user_id": user_id})
    before = await unit.clock() - _EVENTS_KEPT
    for statement in _DELETE_OTHERS:
        await unit.connection.execute(statement, {"user_id": user_id, "before": before})
    return True


async def _delete_some(db: Database, deletion: Any, user_id: UUID) -> int:
    async def work(unit: Unit) -> int:
        given = {"user_id": user_id, "rows": _ROWS_AT_ONCE}
        return (await unit.connection.execute(deletion, given)).rowcount

    return await unit_of_work.run(db, work)
