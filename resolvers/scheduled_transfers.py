"""Scheduled transfers: created, changed and listed by signed-in users, and by programs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated
from uuid import UUID

import strawberry

import application.schedule_transfer
import schema.scheduled_transfers as types
from application import change_scheduled_transfer, read_scheduled_transfers
from application.services import ReadServices
from domain import errors, ids, paging
from domain.notifications.notification_kinds import NotificationKind
from domain.people.sessions import Principal, Scope
from domain.schedules.recurrence import Recurrence
from domain.schedules.schedules import ScheduledTransfer, ScheduleStatus
from resolvers import bound_fields, notifications, step_up, transfers
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from resolvers.viewer_fields import OfViewer
from schema import connections
from schema.arguments import AFTER, FIRST, Description, given

#: The key of the link from notifications.
SUBJECT = notifications.subject_of(
    NotificationKind.SCHEDULED_TRANSFER_SENT, NotificationKind.SCHEDULED_TRANSFER_FAILED
)


async def listed(
    viewer: OfViewer,
    info: Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
    status: Annotated[
        ScheduleStatus | None, Description("Only scheduled transfers with this status.")
    ] = strawberry.UNSET,
) -> types.ScheduledTransferConnection:
    page = paging.page_request(given(first), given(after))
    position = None
    if page.after is not None:
        position = ids.read_uuid(connections.read_cursor(page.after, types.LIST_NAME))
        if position is None:
            raise errors.BadUserInput("This cursor does not belong to this list.")
    services = info.context.services
    found = await read_scheduled_transfers.page(
        services.database, viewer.person.user_id, page.size, position, given(status)
    )
    return types.shown_page(found, services.limits.currency)


async def runs(
    schedule: strawberry.Parent[types.ScheduledTransfer],
    info: bound_fields.Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
) -> types.ScheduledRunConnection:
    context = info.context
    if context.principal is None:
        raise errors.Unauthenticated
    page = paging.page_request(given(first), given(after))
    position = connections.read_number(page.after, types.RUNS_LIST_NAME)
    found = await read_scheduled_transfers.run_page(
        context.services.database,
        schedule.view.schedule,
        page.size,
        None if position is None else int(position),
    )
    return types.shown_runs(found, schedule.currency, context.principal)


async def linked(
    services: ReadServices, principal: Principal, schedule_ids: Collection[UUID]
) -> dict[UUID, types.ScheduledTransfer]:
    found = await read_scheduled_transfers.by_ids(
        services.database, principal.user_id, schedule_ids
    )
    return {
        view.schedule.schedule_id: types.shown(view, services.limits.currency) for view in found
    }


async def schedule_transfer(
    info: Info,
    input: types.ScheduleTransferInput,  # noqa: A002
) -> types.ScheduleTransferResult:
    context = info.context
    recurring = given(input.recurrence)
    created, replayed = await application.schedule_transfer.execute(
        context.services,
        context.caller,
        recipient=transfers.named_user(input.recipient),
        amount=input.amount,
        note=given(input.note),
        starts_on=input.starts_on,
        recurrence=None if recurring is None else Recurrence(recurring.unit, recurring.interval),
        ends_on=given(input.ends_on),
        idempotency_key=input.idempotency_key,
        confirmation=step_up.confirmation(input.confirmation),
    )
    return types.TransferScheduled(
        scheduled_transfer=await _shown(context, created), replayed=replayed
    )


async def pause_scheduled_transfer(
    info: Info,
    input: types.ChangeScheduledTransferInput,  # noqa: A002
) -> types.ChangeScheduledTransferResult:
    context = info.context
    changed = await change_scheduled_transfer.pause(
        context.services, context.caller, _schedule_id(input)
    )
    return types.ScheduledTransferChanged(scheduled_transfer=await _shown(context, changed))


async def resume_scheduled_transfer(
    info: Info,
    input: types.ChangeScheduledTransferInput,  # noqa: A002
) -> types.ChangeScheduledTransferResult:
    context = info.context
    changed = await change_scheduled_transfer.resume(
        context.services, context.caller, _schedule_id(input)
    )
    return types.ScheduledTransferChanged(scheduled_transfer=await _shown(context, changed))


async def end_scheduled_transfer(
    info: Info,
    input: types.ChangeScheduledTransferInput,  # noqa: A002
) -> types.ChangeScheduledTransferResult:
    context = info.context
    changed = await change_scheduled_transfer.end(
        context.services, context.caller, _schedule_id(input)
    )
    return types.ScheduledTransferChanged(scheduled_transfer=await _shown(context, changed))


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not caller.may(Scope.SCHEDULE_TRANSFERS):
        return {}
    named = {ids.read_row_id(text, "ScheduledTransfer") for text in asked}
    found = await linked(context.services, caller, named - {None})  # type: ignore[arg-type]
    return {shown.id: shown for shown in found.values()}


async def _shown(context: RequestContext, schedule: ScheduledTransfer) -> types.ScheduledTransfer:
    database = context.services.database
    [view] = await read_scheduled_transfers.views(database, [schedule])
    return types.shown(view, context.services.limits.currency)


def _schedule_id(given_input: types.ChangeScheduledTransferInput) -> UUID | None:
    return ids.read_row_id(given_input.scheduled_transfer_id, "ScheduledTransfer")
