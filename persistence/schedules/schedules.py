"""What owners do with scheduled transfers: create, read, pause, resume and end."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from domain import errors, ids, paging
from domain.ledger import confirmations, money, transfers
from domain.ledger.budgets import TokenBudget
from domain.ledger.confirmations import Confirmation
from domain.people.sessions import Principal
from domain.schedules import scheduling
from domain.schedules.schedules import Run, ScheduledTransfer, ScheduleStatus
from domain.schedules.scheduling import Facts, Request
from persistence.engine import unit_of_work
from persistence.engine.database import Database
from persistence.engine.unit_of_work import Unit
from persistence.people import persons, restrictions
from persistence.schedules import confirming, rows

_BY_KEY = text(
    "SELECT * FROM scheduled_transfers WHERE user_id = :user_id AND idempotency_key = :key"
)
_COUNT = text(
    "SELECT count(*) FROM scheduled_transfers WHERE user_id = :user_id AND status <> 'ENDED'"
)
_CAN_RECEIVE = text(
    "SELECT email_verified_at IS NOT NULL AND closed_at IS NULL "
    "AND (receiving_restricted_until <= clock_timestamp()) IS NOT FALSE FROM users WHERE id = :user_id"
)
# What the schedules of an API token may send in a day. Fees are added to each amount.
_OF_TOKEN = text(
    "SELECT s.amount FROM scheduled_transfers AS s WHERE s.user_id = :user_id "
    "AND s.api_token_id = :token_id AND s.status <> 'ENDED'"
)
_BUDGET = text(
    """
    SELECT k.daily_limit, (
        SELECT coalesce(sum(t.amount + t.fee), 0) FROM transactions AS t
        WHERE t.user_id = :user_id AND t.api_token_id = :token_id AND t.direction = 'outgoing'
            AND t.created_at > clock_timestamp() - CAST(:window AS interval)
    ) AS spent
    FROM api_tokens AS k WHERE k.user_id = :user_id AND k.id = :token_id
    """
)
_INSERT = text(
    "INSERT INTO scheduled_transfers (user_id, id, recipient_id, amount, note, recurrence_unit, "
    "recurrence_interval, starts_on, ends_on, time_zone, created_at, idempotency_key, api_token_id, "
    "attempt_at) VALUES (:user_id, :id, :recipient_id, :amount, :note, :unit, :interval, :starts_on, "
    ":ends_on, :time_zone, :created_at, :key, :token_id, :attempt_at)"
)
_FAIL = text(
    "UPDATE scheduled_runs SET status = 'FAILED' WHERE user_id = :user_id "
    "AND schedule_id = :schedule_id AND number = :number"
)
_SKIP = text(
    "INSERT INTO scheduled_runs (user_id, schedule_id, number, due_at, status) "
    "VALUES (:user_id, :schedule_id, :number, :due_at, 'FAILED')"
)
_PAGE = text(
    "SELECT * FROM scheduled_transfers WHERE user_id = :user_id "
    "AND (CAST(:status AS text) IS NULL OR status = :status) "
    "AND (CAST(:before AS uuid) IS NULL OR id < :before) ORDER BY id DESC LIMIT :limit"
)
_UNENDED = text("SELECT * FROM scheduled_transfers WHERE user_id = :user_id AND status <> 'ENDED'")
_BY_IDS = text(
    "SELECT * FROM scheduled_transfers WHERE user_id = :user_id AND id = ANY(:schedule_ids)"
)


async def create(
    db: Database,
    caller: Principal,
    request: Request,
    limits: money.Limits,
    confirmation: Confirmation = confirmations.NOT_GIVEN,
) -> tuple[ScheduledTransfer, bool]:
    """A new scheduled transfer of the caller's, or the one of the request's key, and whether it is that.

    Raises Unauthenticated where the caller's credential has ended, IdempotencyKeyReused, the refusals of
    `scheduling.schedule`, and then, if the caller has a session, those of `confirming.confirm`.
    """

    async def work(unit: Unit) -> tuple[ScheduledTransfer, bool]:
        person = await persons.lock_caller(unit, caller)
        names = {"user_id": caller.user_id, "key": request.idempotency_key}
        found = (await unit.connection.execute(_BY_KEY, names)).one_or_none()
        if found is not None:
            earlier = rows.schedule(found)
            if not scheduling.is_same_input(request, earlier, limits.currency):
                raise errors.IdempotencyKeyReused
            return earlier, True
        facts = await _facts(unit, caller, person, request, limits)
        created = scheduling.schedule(request, facts, ids.new_id(), limits)
        if caller.session_id is not None:
            await confirming.confirm(unit, person, created, confirmation)
        await _insert(unit, created, caller.api_token_id)
        return created, False

    return await unit_of_work.run(db, work)


async def _facts(
    unit: Unit, caller: Principal, person: Row[Any], request: Request, limits: money.Limits
) -> Facts:
    scalar = unit.connection.scalar
    budget = await _budget(unit, caller)
    return Facts(
        user_id=caller.user_id,
        is_verified=person.email_verified_at is not None,
        time_zone=person.time_zone,
        restricted_until=restrictions.untils(person),
        recipient_can_receive=bool(await scalar(_CAN_RECEIVE, {"user_id": request.recipient_id})),
        count=await scalar(_COUNT, {"user_id": caller.user_id}) or 0,
        now=await unit.clock(),
        remaining_minor=await _remaining_minor(unit, caller, budget, limits),
        lacks_limit=(
            person.confirm_above is not None
            and budget is not None
            and budget.daily_limit_minor is None
        ),
    )


async def _budget(unit: Unit, caller: Principal) -> TokenBudget | None:
    if caller.api_token_id is None:
        return None
    names = {"user_id": caller.user_id, "token_id": caller.api_token_id}
    window = {"window": transfers.DAILY_LIMIT_WINDOW}
    row = (await unit.connection.execute(_BUDGET, {**names, **window})).one()
    return TokenBudget(row.daily_limit, int(row.spent))


async def _remaining_minor(
    unit: Unit, caller: Principal, budget: TokenBudget | None, limits: money.Limits
) -> int | None:
    """What the caller's API token may still schedule: each schedule has at most one run a day.

    What was sent in the last 24 hours counts too, by the token and by its schedules. Otherwise, the runs of
    schedules that have ended would leave no trace in its limit.
    """
    if budget is None or budget.daily_limit_minor is None:
        return None
    names = {"user_id": caller.user_id, "token_id": caller.api_token_id}
    amounts: Sequence[int] = (await unit.connection.scalars(_OF_TOKEN, names)).all()
    scheduled_minor = sum(amount + limits.fee_minor(amount) for amount in amounts)
    return budget.daily_limit_minor - budget.spent_minor - scheduled_minor


async def _insert(unit: Unit, created: ScheduledTransfer, api_token_id: UUID | None) -> None:
    calendar = created.calendar
    recurrence = calendar.recurrence
    await unit.connection.execute(
        _INSERT,
        {
            "user_id": created.user_id,
            "id": created.schedule_id,
            "recipient_id": created.recipient_id,
            "amount": created.amount_minor,
            "note": created.note,
            "unit": None if recurrence is None else recurrence.unit.value,
            "interval": None if recurrence is None else recurrence.interval,
            "starts_on": calendar.starts_on,
            "ends_on": calendar.ends_on,
            "time_zone": calendar.time_zone,
            "created_at": calendar.created_at,
            "key": created.idempotency_key,
            "token_id": api_token_id,
            "attempt_at": calendar.due_at(1),
        },
    )


# ================================================================ changes


async def pause(db: Database, caller: Principal, schedule_id: UUID) -> ScheduledTransfer:
    """Have no runs until it is resumed. Raises Unauthenticated, and NotFound, as for one that has ended."""

    async def work(unit: Unit) -> ScheduledTransfer:
        found = await _unended(unit, caller, schedule_id)
        if found.status is ScheduleStatus.ACTIVE:
            await rows.change(unit, found, ScheduleStatus.PAUSED, found.next_number, None)
        return await _found(unit, caller, schedule_id)

    return await unit_of_work.run(db, work)


async def resume(db: Database, caller: Principal, schedule_id: UUID) -> ScheduledTransfer:
    """Have runs again: those that are due from now on, and one that had begun and is not out of time.

    The others that have become due by now are recorded as failed. Raises as `pause` does.
    """

    async def work(unit: Unit) -> ScheduledTransfer:
        found = await _unended(unit, caller, schedule_id)
        if found.status is ScheduleStatus.PAUSED:
            await _resume(unit, found, await unit.clock())
        return await _found(unit, caller, schedule_id)

    return await unit_of_work.run(db, work)


async def _resume(unit: Unit, found: ScheduledTransfer, now: datetime) -> None:
    waiting = await rows.waiting_run(unit, found.user_id, found.schedule_id)
    if waiting is not None and waiting.next_attempt_at(now) is None:
        await _fail(unit, waiting)
        waiting = None
    number, skipped = found.next_number, []
    while (due_at := found.calendar.due_at(number)) is not None and due_at <= now:
        names = {"user_id": found.user_id, "schedule_id": found.schedule_id}
        skipped.append({**names, "number": number, "due_at": due_at})
        number += 1
    if skipped:
        await unit.connection.execute(_SKIP, skipped)
    attempt_at = due_at if waiting is None else now
    status = ScheduleStatus.ENDED if attempt_at is None else ScheduleStatus.ACTIVE
    await rows.change(unit, found, status, number, attempt_at)


async def end(db: Database, caller: Principal, schedule_id: UUID) -> ScheduledTransfer:
    """End it; also the run that waits for another attempt. Raises Unauthenticated, and NotFound."""

    async def work(unit: Unit) -> ScheduledTransfer:
        await persons.lock_caller(unit, caller)
        found = await _found(unit, caller, schedule_id)
        if found.status is not ScheduleStatus.ENDED:
            await close(unit, found)
        return await _found(unit, caller, schedule_id)

    return await unit_of_work.run(db, work)


async def end_all(unit: Unit, user_id: UUID) -> None:
    """Within a unit of work that has locked the user: end all of their scheduled transfers."""
    for row in (await unit.connection.execute(_UNENDED, {"user_id": user_id})).all():
        await close(unit, rows.schedule(row))


async def close(unit: Unit, found: ScheduledTransfer) -> None:
    """Within a unit of work that has locked the user: end the scheduled transfer."""
    waiting = await rows.waiting_run(unit, found.user_id, found.schedule_id)
    if waiting is not None:
        await _fail(unit, waiting)
    await rows.change(unit, found, ScheduleStatus.ENDED, found.next_number, None)


async def _fail(unit: Unit, waiting: Run) -> None:
    names = {"user_id": waiting.user_id, "schedule_id": waiting.schedule_id}
    await unit.connection.execute(_FAIL, {**names, "number": waiting.number})


async def _unended(unit: Unit, caller: Principal, schedule_id: UUID) -> ScheduledTransfer:
    await persons.lock_caller(unit, caller)
    found = await _found(unit, caller, schedule_id)
    if found.status is ScheduleStatus.ENDED:
        raise errors.NotFound
    return found


async def _found(unit: Unit, caller: Principal, schedule_id: UUID) -> ScheduledTransfer:
    row = await rows.find(unit, caller.user_id, schedule_id)
    if row is None:
        raise errors.NotFound
    return rows.schedule(row)


# ================================================================ reading


async def page(
    db: Database, user_id: UUID, size: int, after: UUID | None, status: ScheduleStatus | None
) -> paging.Page[ScheduledTransfer]:
    """A user's scheduled transfers, newest first; `after` is the id of the last one seen."""
    parameters = {
        "user_id": user_id,
        "status": None if status is None else status.value,
        "before": after,
        "limit": size + 1,
    }
    found = (await db.read(lambda connection: connection.execute(_PAGE, parameters))).all()
    items = [rows.schedule(row) for row in found[:size]]
    return paging.Page(items, has_next=len(found) > size, has_previous=after is not None)


async def by_ids(
    db: Database, user_id: UUID, schedule_ids: Collection[UUID]
) -> list[ScheduledTransfer]:
    """Those of the user's scheduled transfers."""
    parameters = {"user_id": user_id, "schedule_ids": list(schedule_ids)}
    found = await db.read(lambda connection: connection.execute(_BY_IDS, parameters))
    return [rows.schedule(row) for row in found]
