"""What a ledger commit reads and writes of the log of operators: one statement of each kind."""

from __future__ import annotations

from collections.abc import Sequence

from domain.operators.actions import Action
from domain.operators.log import Head
from domain.operators.reversing import (
    ActionOfKey,
    AppendRecord,
    LogHead,
    MoveHead,
    ProposalOf,
)
from persistence.engine import pipeline
from persistence.engine.pipeline import Rows, Statement
from persistence.ledger.look_ups import Query
from persistence.operators import log_rows

_COLUMNS = log_rows.COLUMNS.split(", ")
_OF_RECORD = ", ".join(f"r.{column}" for column in _COLUMNS)
_OF_DECISION = ", ".join(f"d.{column}" for column in _COLUMNS)
_LOCK_HEAD = log_rows.LOCK_HEAD.encode()
_OF_KEYS = f"""
SELECT {_OF_RECORD} FROM unnest($1::uuid[], $2::text[]) AS asked (operator_id, key)
JOIN operator_records AS r ON r.operator_id = asked.operator_id AND r.idempotency_key = asked.key
""".encode()  # noqa: S608
_PROPOSALS = f"""
SELECT {_OF_RECORD}, {_OF_DECISION} FROM operator_records AS r
LEFT JOIN operator_records AS d ON d.decides = r.number
WHERE r.action_id = ANY($1::uuid[]) AND r.type = 'proposal'
""".encode()  # noqa: S608
_TYPES = {
    "text": ("type", "kind", "reason", "restrictions", "idempotency_key", "includes_fee"),
    "bigint": ("position", "number", "decides", "amount", "requested_amount"),
    "timestamptz": ("created_at", "until"),
    "bytea": ("seal",),
}
_TYPE_OF = {column: kind for kind, columns in _TYPES.items() for column in columns}
_SELECTED = ", ".join(
    "new.includes_fee::boolean" if column == "includes_fee" else f"new.{column}"
    for column in _COLUMNS
)
_ARRAYS = ", ".join(
    f"${number}::{_TYPE_OF.get(column, 'uuid')}[]" for number, column in enumerate(_COLUMNS, 1)
)
# Booleans are sent as text: `pipeline.array` knows no others.
_APPEND = f"""
INSERT INTO operator_records ({log_rows.COLUMNS})
SELECT {_SELECTED} FROM unnest({_ARRAYS}) AS new ({log_rows.COLUMNS})
""".encode()  # noqa: S608
_MOVE_HEAD = b"UPDATE operator_log SET position = $1, number = $2, seal = $3 WHERE id = 1"


def _lock_head(_asked: Sequence[LogHead]) -> Statement:
    return _LOCK_HEAD, ()


def _read_head(rows: Rows) -> dict[LogHead, Head]:
    return {LogHead(): Head(*row) for row in rows}


def _of_keys(asked: Sequence[ActionOfKey]) -> Statement:
    array = pipeline.array
    operators, keys = (each.operator_id for each in asked), (each.idempotency_key for each in asked)
    return _OF_KEYS, (array(operators), array(keys))


def _read_of_keys(rows: Rows) -> dict[ActionOfKey, Action]:
    found = {}
    for record in map(log_rows.from_row, rows):
        assert record.operator_id is not None
        assert record.idempotency_key is not None
        found[ActionOfKey(record.operator_id, record.idempotency_key)] = Action(record)
    return found


def _proposals(asked: Sequence[ProposalOf]) -> Statement:
    return _PROPOSALS, (pipeline.array(each.action_id for each in asked),)


def _read_proposals(rows: Rows) -> dict[ProposalOf, Action]:
    actions = [log_rows.action(row) for row in rows]
    return {ProposalOf(action.action_id): action for action in actions}


HEAD = Query(_lock_head, _read_head)
OF_KEYS = Query(_of_keys, _read_of_keys)
PROPOSALS = Query(_proposals, _read_proposals)


def append(effects: Sequence[AppendRecord]) -> Statement:
    """Append the records."""
    columns = zip(*(log_rows.to_row(each.record) for each in effects), strict=True)
    return _APPEND, [
        pipeline.array(None if v is None else str(v) for v in values)
        if column == "includes_fee"
        else pipeline.array(values)
        for column, values in zip(_COLUMNS, columns, strict=True)
    ]


def move_head(effects: Sequence[MoveHead]) -> Statement:
    """Move the end of the log to where the last of them has it."""
    head = effects[-1].head
    return _MOVE_HEAD, (
        pipeline.parameter(head.position),
        pipeline.parameter(head.number),
        b"\\x" + head.seal.hex().encode(),
    )
