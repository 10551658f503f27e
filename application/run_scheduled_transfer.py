"""Attempt the runs of a scheduled transfer that are due."""

from __future__ import annotations

from uuid import UUID

import structlog

from application import posting
from domain import errors, ids
from domain.authority import Schedule
from domain.ledger import money
from domain.schedules.posting import SendScheduled
from domain.schedules.schedules import RunStatus
from persistence.schedules import runs
from persistence.schedules.runs import Attempt

log = structlog.get_logger()

#: As many as are attempted before other jobs have their turn.
MAXIMUM_RUNS = 50


async def execute(
    services: posting.PostingServices,
    currency: money.Currency,
    user_id: UUID,
    schedule_id: UUID,
) -> None:
    """Attempt the runs that are due, in order and each until it is sent or refused.

    A run begins when the one before it was sent or has failed. If another worker attempts the same run at
    the same time, the second one posts nothing: both use the run's idempotency key. Raises Unavailable.
    """
    for _ in range(MAXIMUM_RUNS):
        attempt = await runs.begin(services.database, user_id, schedule_id)
        if attempt is None or not await _attempt(services, currency, attempt):
            return


async def _attempt(
    services: posting.PostingServices, currency: money.Currency, attempt: Attempt
) -> bool:
    """Whether the next run may begin."""
    run = attempt.run
    names = {"user_id": str(run.user_id), "schedule_id": str(run.schedule_id), "run": run.number}
    try:
        await posting.post(services, command(attempt, currency))
    except errors.Unavailable:
        raise
    except errors.Unauthenticated:
        # Paused, ended or closed since the attempt began, or sent by another one.
        return False
    except errors.DomainError as refusal:
        status = await runs.refused(services.database, attempt, refusal)
        log.info("a scheduled transfer was refused", reason=type(refusal).__name__, **names)
        return status is RunStatus.FAILED
    log.info("a scheduled transfer was sent", **names)
    return True


def command(attempt: Attempt, currency: money.Currency) -> SendScheduled:
    """What the ledger is to execute for the run."""
    schedule, run = attempt.schedule, attempt.run
    return SendScheduled(
        authority=Schedule(schedule.user_id, schedule.schedule_id, schedule.api_token_id),
        recipient_id=schedule.recipient_id,
        amount=money.whole_units(schedule.amount_minor, currency),
        note=schedule.note,
        idempotency_key=run.idempotency_key,
        reference=ids.new_id(),
        number=run.number,
        calendar=schedule.calendar,
    )
