"""Pause, resume and end scheduled transfers."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain import errors
from domain.people.sessions import Principal
from domain.schedules.schedules import ScheduledTransfer
from persistence.schedules import schedules


async def pause(
    services: Services, principal: Principal, schedule_id: UUID | None
) -> ScheduledTransfer:
    """Have no runs until it is resumed. Raises NotFound, also for None and for one that has ended."""
    return await schedules.pause(services.database, principal, _named(schedule_id))


async def resume(
    services: Services, principal: Principal, schedule_id: UUID | None
) -> ScheduledTransfer:
    """Have runs again: those that are due from now on. Raises as `pause` does."""
    return await schedules.resume(services.database, principal, _named(schedule_id))


async def end(
    services: Services, principal: Principal, schedule_id: UUID | None
) -> ScheduledTransfer:
    """Have no more runs; also for one that has ended. Raises NotFound, also for None."""
    return await schedules.end(services.database, principal, _named(schedule_id))


def _named(schedule_id: UUID | None) -> UUID:
    if schedule_id is None:
        raise errors.NotFound
    return schedule_id
