"""Top-ups as their owners see them: started and read."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, ids, paging
from domain.ledger import money
from domain.people.sessions import Principal
from domain.top_ups import top_ups
from domain.top_ups.top_ups import Facts, Request, TopUp
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import persons, restrictions
from persistence.top_ups import rows

_BY_KEY = text("SELECT * FROM top_ups WHERE user_id = :user_id AND idempotency_key = :key")
# Keys of top-ups are shared with `addBalance`.
_KEY = text(
    """
    SELECT
        EXISTS (SELECT FROM closed_keys AS c WHERE c.user_id = :user_id AND c.kind = 'top_up'
            AND c.idempotency_key = :key) AS is_closed,
        EXISTS (SELECT FROM transactions AS t WHERE t.user_id = :user_id AND t.kind = 'top_up'
            AND t.idempotency_key = :key) AS is_used
    """
)
_PENDING = text(
    "SELECT count(*) AS pending, coalesce(sum(amount), 0)::bigint AS amount FROM top_ups "
    "WHERE user_id = :user_id AND status = 'PENDING'"
)
_INSERT = text(
    "INSERT INTO top_ups (user_id, id, provider, amount, status, idempotency_key, api_token_id, "
    "created_at, expires_at, attend_at) VALUES (:user_id, :id, :provider, :amount, 'PENDING', :key, "
    ":api_token_id, :created_at, :expires_at, :attend_at)"
)
_PAGE = text(
    "SELECT * FROM top_ups WHERE user_id = :user_id "
    "AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
)
_BY_IDS = text("SELECT * FROM top_ups WHERE user_id = :user_id AND id = ANY(:top_up_ids)")


async def start(
    db: Database, caller: Principal, request: Request, limits: money.Limits
) -> tuple[TopUp, bool]:
    """The top-up, and whether an earlier request with the key started it.

    Its session at the provider is created afterwards, by this process or by the job. Raises
    Unauthenticated, IdempotencyKeyReused, IdempotencyKeyClosed, and the refusals of `top_ups.start`.
    """

    async def work(unit: Unit) -> tuple[TopUp, bool]:
        person = await persons.lock_caller(unit, caller)
        names = {"user_id": caller.user_id, "key": request.idempotency_key}
        found = (await unit.connection.execute(_BY_KEY, names)).one_or_none()
        if found is not None:
            earlier = rows.top_up(found)
            if not request.is_same_input(earlier, limits.currency):
                raise errors.IdempotencyKeyReused
            return earlier, True
        key = (await unit.connection.execute(_KEY, names)).one()
        if key.is_used:
            raise errors.IdempotencyKeyReused
        if key.is_closed:
            raise errors.IdempotencyKeyClosed
        facts = await _facts(unit, caller, person)
        started = top_ups.start(request, facts, ids.new_id(), limits)
        await _insert(unit, started)
        return started, False

    return await unit_of_work.run(db, work)


async def _facts(unit: Unit, caller: Principal, person: Row[Any]) -> Facts:
    pending = (await unit.connection.execute(_PENDING, {"user_id": caller.user_id})).one()
    return Facts(
        user_id=caller.user_id,
        api_token_id=caller.api_token_id,
        is_verified=person.email_verified_at is not None,
        restricted_until=restrictions.untils(person),
        balance_minor=person.balance,
        pending=pending.pending,
        pending_minor=pending.amount,
        now=await unit.clock(),
    )


async def _insert(unit: Unit, started: TopUp) -> None:
    await unit.connection.execute(
        _INSERT,
        {
            "user_id": started.user_id,
            "id": started.top_up_id,
            "provider": started.provider,
            "amount": started.amount_minor,
            "key": started.idempotency_key,
            "api_token_id": started.api_token_id,
            "created_at": started.created_at,
            "expires_at": started.session_expires_at,
            # If this process does not create the session, or does not learn of it.
            "attend_at": started.created_at + top_ups.CREATION_TIMEOUT,
        },
    )


async def pending(unit: Unit, user_id: UUID) -> int:
    """How many top-ups of the user may still be credited: in a unit of work that has locked the user."""
    found = (await unit.connection.execute(_PENDING, {"user_id": user_id})).one()
    return int(found.pending)


async def page(db: Database, user_id: UUID, size: int, after: UUID | None) -> paging.Page[TopUp]:
    """A user's top-ups, newest first; `after` is the id of the last one seen."""
    parameters = {"user_id": user_id, "before": after, "limit": size + 1}
    found = (await db.read(lambda connection: connection.execute(_PAGE, parameters))).all()
    items = [rows.top_up(row) for row in found[:size]]
    return paging.Page(items, has_next=len(found) > size, has_previous=after is not None)


async def by_ids(db: Database, user_id: UUID, top_up_ids: Collection[UUID]) -> list[TopUp]:
    """Those of the user's top-ups."""
    parameters = {"user_id": user_id, "top_up_ids": list(top_up_ids)}
    found = await db.read(lambda connection: connection.execute(_BY_IDS, parameters))
    return [rows.top_up(row) for row in found]


async def find(db: Database, user_id: UUID, top_up_id: UUID) -> TopUp | None:
    """That top-up of the user's."""
    found = await by_ids(db, user_id, [top_up_id])
    return found[0] if found else None
