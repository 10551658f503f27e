"""Rows of the log of operators: its end, which serialises it, and its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from domain.operators.actions import Action
from domain.operators.log import ActionKind, Head, Record, RecordType
from persistence.engine.unit_of_work import Unit

#: In the order of the fields of `Record`.
COLUMNS = (
    "position, type, number, decides, action_id, operator_id, account_id, other_account_id, kind, "
    "created_at, reason, reference, amount, requested_amount, includes_fee, posted_reference, "
    "restrictions, until, idempotency_key, seal"
)
#: A transaction that appends to the log locks its end first, after all accounts.
LOCK_HEAD = "SELECT position, number, seal FROM operator_log WHERE id = 1 FOR NO KEY UPDATE"

_LOCK_HEAD = text(LOCK_HEAD)
_MOVE_HEAD = text(
    "UPDATE operator_log SET position = :position, number = :number, seal = :seal WHERE id = 1"
)
_INSERT = text(
    f"INSERT INTO operator_records ({COLUMNS}) "  # noqa: S608
    f"VALUES ({', '.join(f':{name}' for name in COLUMNS.split(', '))})"
)


def from_row(row: Sequence[Any]) -> Record:
    """The record in a row of `COLUMNS`."""
    (
        position, type_, number, decides, action_id, operator_id, account_id, other_account_id, kind,
        created_at, reason, reference, amount_minor, requested_minor, includes_fee, posted_reference,
        restrictions, until, idempotency_key, seal,
    ) = row  # fmt: skip
    return Record(
        position=position,
        type=RecordType(type_),
        number=number,
        decides=decides,
        action_id=action_id,
        operator_id=operator_id,
        account_id=account_id,
        other_account_id=other_account_id,
        kind=None if kind is None else ActionKind(kind),
        created_at=created_at,
        reason=reason,
        reference=reference,
        amount_minor=amount_minor,
        requested_minor=requested_minor,
        includes_fee=includes_fee,
        posted_reference=posted_reference,
        restrictions=tuple(restrictions.split(",")) if restrictions else (),
        until=until,
        idempotency_key=idempotency_key,
        seal=seal,
    )


def action(row: Sequence[Any]) -> Action:
    """The action in a row of `COLUMNS` of its record, and then of its decision, which may be null."""
    width = len(row) // 2
    decision = None if row[width] is None else from_row(row[width:])
    return Action(from_row(row[:width]), decision)


def to_row(record: Record) -> tuple[Any, ...]:
    """The values of `COLUMNS`."""
    return (
        record.position, record.type.value, record.number, record.decides, record.action_id,
        record.operator_id, record.account_id, record.other_account_id,
        None if record.kind is None else record.kind.value,
        record.created_at, record.reason, record.reference, record.amount_minor,
        record.requested_minor, record.includes_fee, record.posted_reference,
        ",".join(record.restrictions), record.until, record.idempotency_key, record.seal,
    )  # fmt: skip


async def append(unit: Unit, key: bytes, record: Record) -> Record:
    """Append the record to the log, sealed with that key; the accounts are locked already."""
    head = Head(*(await unit.connection.execute(_LOCK_HEAD)).one())
    placed, head = head.append(key, record)
    await unit.connection.execute(
        _INSERT, dict(zip(COLUMNS.split(", "), to_row(placed), strict=True))
    )
    await unit.connection.execute(
        _MOVE_HEAD, {"position": head.position, "number": head.number, "seal": head.seal}
    )
    return placed
