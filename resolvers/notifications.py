"""Notifications: reading them, live or later, marking and choosing them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import strawberry

import application.mark_notifications_read
import application.set_mailed_notifications
import schema.notifications
from application import read_notifications
from domain import paging
from domain.ledger import money
from domain.notifications.notification_kinds import NotificationKind
from domain.notifications.views import View
from domain.people.sessions import Principal, Scope
from realtime.subscriptions import Subscription
from resolvers.epochs import EPOCH
from resolvers.nodes import Asked, Found, own_numbers
from resolvers.operations import Info
from resolvers.request import RequestContext
from resolvers.viewer_fields import OfViewer
from schema import connections, inputs, results, viewers
from schema.arguments import AFTER, FIRST, Description, given


async def listed(
    viewer: OfViewer,
    info: Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
    unread_only: Annotated[
        bool | None, Description("Only notifications that are not marked as read.")
    ] = False,
) -> schema.notifications.NotificationConnection:
    services, name = info.context.services, schema.notifications.LIST_NAME
    page = paging.page_request(given(first), given(after))
    found = await read_notifications.page(
        services,
        viewer.person.user_id,
        replace(page, after=connections.read_number(page.after, name)),
        unread_only=bool(unread_only),
    )
    nodes = [schema.notifications.shown(view, services.limits.currency) for view in found.items]
    edges = [
        schema.notifications.NotificationEdge(cursor=schema.notifications.cursor(node), node=node)
        for node in nodes
    ]
    return schema.notifications.NotificationConnection(
        edges=edges,
        nodes=nodes,
        page_info=connections.page_info(found, [edge.cursor for edge in edges], name),
    )


async def unread(viewer: OfViewer, info: Info) -> int:
    return await read_notifications.unread(info.context.services, viewer.person.user_id)


async def mailed(viewer: OfViewer, info: Info) -> list[NotificationKind]:
    return list(await read_notifications.mailed(info.context.services, viewer.person.user_id))


def subject_of(
    *kinds: NotificationKind,
) -> Callable[[schema.notifications.Notification], UUID | None]:
    """The key of a link: what notifications of those kinds are about."""
    return lambda notification: notification.subject_id if notification.kind in kinds else None


async def notifications(
    info: Info,
    after_number: Annotated[
        int | None,
        Description(
            "The number of the last notification that the client has received; all later ones are "
            "delivered first."
        ),
    ] = strawberry.UNSET,
    epoch: EPOCH = strawberry.UNSET,
) -> AsyncIterator[schema.notifications.Notification]:
    """The stream has begun when this returns.

    Raises BadUserInput for an `afterNumber` that no notification of the viewer has, and EpochEnded.
    """
    services = info.context.services
    (await services.live.epoch()).require(given(epoch), given(after_number))
    stream = services.live.notifications(info.context.caller.user_id, given(after_number))
    await stream.start()
    return _Shown(stream, services.limits.currency)


class _Shown(AsyncIterator[schema.notifications.Notification]):
    """A stream of notifications as the API shows them.

    Not a generator: one that is closed before its first step never reaches its `finally`.
    """

    __slots__ = ("_currency", "_stream")

    def __init__(self, stream: Subscription[View], currency: money.Currency) -> None:
        self._stream = stream
        self._currency = currency

    async def __anext__(self) -> schema.notifications.Notification:
        return schema.notifications.shown(await anext(self._stream), self._currency)

    async def aclose(self) -> None:
        self._stream.close()

    def __del__(self) -> None:
        self._stream.close()


async def mark_notifications_read(
    info: Info,
    input: inputs.MarkNotificationsReadInput,  # noqa: A002
) -> results.MarkNotificationsReadResult:
    services, caller = info.context.services, info.context.caller
    person = await application.mark_notifications_read.execute(
        services, caller, through=input.through
    )
    return results.NotificationsRead(viewer=viewers.shown(person, caller, services.limits.currency))


async def set_mailed_notifications(
    info: Info,
    input: inputs.SetMailedNotificationsInput,  # noqa: A002
) -> results.SetMailedNotificationsResult:
    services, caller = info.context.services, info.context.caller
    person = await application.set_mailed_notifications.execute(
        services, caller, chosen=input.kinds
    )
    return results.MailedNotificationsSet(
        viewer=viewers.shown(person, caller, services.limits.currency)
    )


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not caller.may(Scope.READ_TRANSACTIONS):
        return {}
    views = await read_notifications.by_numbers(
        context.services, caller.user_id, own_numbers(caller, asked)
    )
    currency = context.services.limits.currency
    shown = [schema.notifications.shown(view, currency) for view in views]
    return {notification.id: notification for notification in shown}
