"""Splitting bills into payment requests, under the locks of all of their users, and reading splits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import text

from domain import errors, ids
from domain.ledger import money
from domain.people.sessions import Principal
from domain.requests.payment_requests import PaymentRequest
from domain.requests.splits import BillSplit, SplitDraft
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.engine.unit_of_work import Unit
from persistence.people import persons
from persistence.requests import request_rows, requesting

# In the order of the fields of `BillSplit`.
_COLUMNS = "user_id, id, total, own_share, note, created_at"
_BY_KEY = text(
    f"SELECT {_COLUMNS} FROM bill_splits WHERE user_id = :user_id AND idempotency_key = :key"  # noqa: S608
)
_REQUESTS = text(
    f"SELECT {request_rows.COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = :user_id AND split_id = :split_id AND role = 'requester' ORDER BY id"
)
_INSERT = text(
    "INSERT INTO bill_splits (user_id, id, total, own_share, note, created_at, idempotency_key) "
    "VALUES (:user_id, :id, :total, :own_share, :note, :created_at, :key)"
)
# Through the user's own rows: nobody else sees a split.
_KNOWN = Query(
    "SELECT DISTINCT requester_id, split_id FROM payment_requests WHERE user_id = :user_id "
    "AND split_id = ANY(CAST(:split_ids AS uuid[]))"
)
_BY_IDS = Query(
    f"SELECT {_COLUMNS} FROM bill_splits WHERE user_id = ANY(CAST(:user_ids AS uuid[])) "  # noqa: S608
    "AND id = ANY(CAST(:split_ids AS uuid[]))"
)
_REQUESTS_OF = Query(
    f"SELECT {request_rows.COLUMNS} FROM payment_requests "  # noqa: S608
    "WHERE user_id = ANY(CAST(:user_ids AS uuid[])) AND role = 'requester' "
    "AND split_id = ANY(CAST(:split_ids AS uuid[])) ORDER BY id"
)

#: A split with its requests, in the order of their payers.
Split = tuple[BillSplit, Sequence[PaymentRequest]]


async def create(
    db: Database, caller: Principal, draft: SplitDraft, key: str, limits: money.Limits
) -> tuple[Split, bool]:
    """The split that the key of the caller created, now or (True) when it was first used.

    Raises Unauthenticated where the caller's credential has ended, IdempotencyKeyReused, and the refusals
    of `splitBill`.
    """
    split_id = ids.new_id()

    async def work(unit: Unit) -> tuple[Split, bool]:
        named = {payer_id for payer_id in draft.payer_ids if payer_id is not None}
        people = await persons.lock_caller_among(unit, caller, {caller.user_id, *named})
        earlier = await _of_key(unit, caller.user_id, key)
        if earlier is not None:
            if not draft.is_same_input(*earlier, limits):
                raise errors.IdempotencyKeyReused
            return earlier, True
        now = await unit.clock()
        requesting.check_may_receive(caller.user_id, people, now)
        split, requests = draft.created(
            split_id,
            now=now,
            limits=limits,
            receivers={row.id for row in people if row.email_verified_at is not None},
        )
        await requesting.check_allowed(unit, requests)
        await unit.connection.execute(_INSERT, _values(split, key))
        await requesting.store(unit, requests)
        return (split, requests), False

    return await unit_of_work.run(db, work)


async def _of_key(unit: Unit, user_id: UUID, key: str) -> Split | None:
    parameters = {"user_id": user_id, "key": key}
    row = (await unit.connection.execute(_BY_KEY, parameters)).one_or_none()
    if row is None:
        return None
    split = BillSplit(*row)
    parameters = {"user_id": user_id, "split_id": split.split_id}
    found = await unit.connection.execute(_REQUESTS, parameters)
    return split, [request_rows.from_row(each) for each in found]


def _values(split: BillSplit, key: str) -> dict[str, object]:
    return {
        "user_id": split.user_id,
        "id": split.split_id,
        "total": split.total_minor,
        "own_share": split.own_share_minor,
        "note": split.note,
        "created_at": split.created_at,
        "key": key,
    }


async def by_ids(db: Database, user_id: UUID, split_ids: Collection[UUID]) -> list[Split]:
    """Those of the splits that the user made or has a share of, in three queries."""
    if not split_ids:
        return []
    known = await db.rows(_KNOWN.bind(user_id=user_id, split_ids=split_ids))
    if not known:
        return []
    of = {
        "user_ids": [requester_id for requester_id, _ in known],
        "split_ids": [split_id for _, split_id in known],
    }
    splits = [BillSplit(*row) for row in await db.rows(_BY_IDS.bind(**of))]
    requests: dict[UUID | None, list[PaymentRequest]] = {}
    for row in await db.rows(_REQUESTS_OF.bind(**of)):
        request = request_rows.from_row(row)
        requests.setdefault(request.split_id, []).append(request)
    return [(split, requests.get(split.split_id, [])) for split in splits]
