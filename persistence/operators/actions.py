"""Reading actions of operators: pages, newest first, and single ones."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import text

from domain.operators.actions import Action, ActionStatus
from domain.paging import Page
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.operators import log_rows

_COLUMNS = log_rows.COLUMNS.split(", ")
_SELECT = f"""
SELECT {", ".join(f"r.{column}" for column in _COLUMNS)}, {", ".join(f"d.{column}" for column in _COLUMNS)}
FROM operator_records AS r LEFT JOIN operator_records AS d ON d.decides = r.number
"""  # noqa: S608
#: What the records and the decisions of a status are.
_OF_STATUS = {
    ActionStatus.PROPOSED: "r.type = 'proposal' AND d.position IS NULL",
    ActionStatus.DONE: "(r.type = 'action' OR d.type = 'approval')",
    ActionStatus.REJECTED: "r.type = 'proposal' AND d.type = 'rejection'",
}
_OF_ACCOUNT = "(r.account_id = :account_id OR r.other_account_id = :account_id)"
_BY_IDS = Query(f"{_SELECT} WHERE r.action_id = ANY(:action_ids)")
_OF_KEY = Query(
    f"{_SELECT} WHERE r.operator_id = :operator_id AND r.idempotency_key = :idempotency_key"
)
_WAITING = text(f"SELECT count(*) FROM ({_SELECT} WHERE {_OF_STATUS[ActionStatus.PROPOSED]}) AS w")  # noqa: S608


async def page(
    db: Database,
    size: int,
    after: int | None,
    *,
    status: ActionStatus | None = None,
    account_id: UUID | None = None,
) -> Page[Action]:
    """A page of actions, newest first; `after` is the number of the last one before it."""
    conditions = [
        "r.number IS NOT NULL",
        *([] if after is None else ["r.number < :after"]),
        *([] if status is None else [_OF_STATUS[status]]),
        *([] if account_id is None else [_OF_ACCOUNT]),
    ]
    query = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY r.number DESC LIMIT :limit"
    parameters = {"after": after, "account_id": account_id, "limit": size + 1}
    used = {name: value for name, value in parameters.items() if f":{name}" in query}
    rows = (await db.read(lambda connection: connection.execute(text(query), used))).all()
    found = [log_rows.action(row) for row in rows]
    return Page(found[:size], has_next=len(found) > size, has_previous=after is not None)


async def by_ids(db: Database, action_ids: Collection[UUID]) -> dict[UUID, Action]:
    """The actions, in one query; unknown ids are left out."""
    if not action_ids:
        return {}
    rows = await db.rows(_BY_IDS.bind(action_ids=action_ids))
    found = [log_rows.action(row) for row in rows]
    return {action.action_id: action for action in found}


async def by_key(db: Database, operator_id: UUID, idempotency_key: str) -> Action | None:
    """The reversal or the proposal that the operator requested with that key."""
    rows = await db.rows(_OF_KEY.bind(operator_id=operator_id, idempotency_key=idempotency_key))
    return log_rows.action(rows[0]) if rows else None


async def waiting(db: Database) -> int:
    """How many proposals wait for a decision."""
    count: int = await db.read(lambda connection: connection.scalar(_WAITING))
    return count
