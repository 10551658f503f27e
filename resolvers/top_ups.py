"""Top-ups through a payment provider: started by signed-in users and by programs, and listed."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import strawberry

import application.start_top_up
import schema.top_ups as types
from application import read_top_ups
from application.services import ReadServices
from domain import errors, ids, paging
from domain.notifications.notification_kinds import NotificationKind
from domain.people.sessions import Principal, Scope
from resolvers import notifications
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from resolvers.viewer_fields import OfViewer
from schema import connections
from schema.arguments import AFTER, FIRST, given

#: The key of the link from notifications.
SUBJECT = notifications.subject_of(NotificationKind.TOP_UP_FAILED)


async def start_top_up(info: Info, input: types.StartTopUpInput) -> types.StartTopUpResult:  # noqa: A002
    context = info.context
    started, replayed = await application.start_top_up.execute(
        context.services,
        context.caller,
        amount=input.amount,
        idempotency_key=input.idempotency_key,
    )
    return types.TopUpStarted(
        top_up=types.shown(started, context.services.limits.currency), replayed=replayed
    )


async def listed(
    viewer: OfViewer,
    info: Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
) -> types.TopUpConnection:
    page = paging.page_request(given(first), given(after))
    position = None
    if page.after is not None:
        position = ids.read_uuid(connections.read_cursor(page.after, types.LIST_NAME))
        if position is None:
            raise errors.BadUserInput("This cursor does not belong to this list.")
    services = info.context.services
    found = await read_top_ups.page(services, viewer.person.user_id, page.size, position)
    return types.shown_page(found, services.limits.currency)


async def linked(
    services: ReadServices, principal: Principal, top_up_ids: Collection[UUID]
) -> dict[UUID, types.TopUp]:
    found = await read_top_ups.by_ids(services, principal.user_id, top_up_ids)
    return {each.top_up_id: types.shown(each, services.limits.currency) for each in found}


def reference_of(shown: types.TopUp) -> UUID | None:
    """The key of the link to the transaction."""
    return shown.top_up.reference


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not caller.may(Scope.READ_TRANSACTIONS):
        return {}
    named = {ids.read_row_id(text, "TopUp") for text in asked}
    found = await linked(context.services, caller, named - {None})  # type: ignore[arg-type]
    return {shown.id: shown for shown in found.values()}
