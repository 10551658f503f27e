"""Notifications, as their owner sees them."""

from datetime import datetime
from uuid import UUID

import strawberry

from domain import ids
from domain.ledger import money
from domain.notifications.notification_kinds import NotificationKind
from domain.notifications.views import View
from schema import transactions
from schema.connections import PageInfo, cursor_of
from schema.enums import described
from schema.nodes import Node
from schema.transactions import Transaction

# Inputs take the kinds from here, so that they are described before.
__all__ = [
    "LIST_NAME",
    "Notification",
    "NotificationConnection",
    "NotificationEdge",
    "NotificationKind",
    "cursor",
    "global_id",
    "shown",
]

#: What its cursors say that they belong to.
LIST_NAME = "notifications"

described(
    NotificationKind,
    "NotificationKind",
    "What a notification is about. New kinds may be added.",
    MONEY_RECEIVED="Another user sent the viewer money.",
    REQUEST_RECEIVED="Another user requests money from the viewer.",
    REQUEST_REMINDER="The requester reminds the viewer of a payment request.",
    REQUEST_PAID="A payment request of the viewer was paid.",
    REQUEST_DECLINED="A payment request of the viewer was declined.",
    REQUEST_CANCELLED="A payment request to the viewer was cancelled.",
    REQUEST_EXPIRED="A payment request of the viewer, or to the viewer, expired.",
    SCHEDULED_TRANSFER_SENT="A scheduled transfer of the viewer was sent.",
    SCHEDULED_TRANSFER_FAILED="A run of a scheduled transfer of the viewer was abandoned.",
    TOP_UP_FAILED="A top-up of the viewer failed.",
    TRANSACTION_REVERSED="A transaction of the viewer was reversed.",
    WEBHOOK_DISABLED="A webhook of the viewer was disabled because its deliveries failed.",
    NEW_SIGN_IN="A new device signed in to the account. Always sent by mail.",
    SECURITY_CHANGED=(
        "The password, second factors, API tokens or another security setting of the account changed. "
        "Always sent by mail."
    ),
    ACCOUNT_RESTRICTED="The account was restricted, or its restrictions were lifted.",
)


@strawberry.type(description="An event of interest to the viewer, kept until read on any device.")
class Notification(Node):
    number: int = strawberry.field(description="Gap-free number per user, starting at 1.")
    kind: NotificationKind = strawberry.field(description="What it is about.")
    message: str = strawberry.field(
        description=(
            "A sentence that can be shown to the person. It is made when it is read: it names users "
            "as they are then."
        )
    )
    created_at: datetime = strawberry.field(description="When it happened.")
    is_read: bool = strawberry.field(
        description="Whether it was marked as read, on any device, when this was read."
    )
    transaction: Transaction | None = strawberry.field(
        description="The transaction of the viewer that it is about; null if it is about none."
    )
    # Links to what else it is about are bound in `resolvers.fields`.
    #: What else it is about: of which type depends on the kind.
    subject_id: strawberry.Private[UUID | None] = None


@strawberry.type(description="A notification's place in the list.")
class NotificationEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: Notification = strawberry.field(description="The notification.")


@strawberry.type(description="A page of the viewer's notifications, newest first.")
class NotificationConnection:
    edges: list[NotificationEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[Notification] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


def global_id(user_id: UUID, number: int) -> strawberry.ID:
    """The API's id of a notification."""
    return strawberry.ID(ids.global_id("Notification", user_id, number))


def shown(view: View, currency: money.Currency) -> Notification:
    """The notification as its owner sees it."""
    notification = view.notification
    return Notification(
        id=global_id(notification.user_id, notification.number),
        number=notification.number,
        kind=notification.kind,
        message=view.message(currency),
        created_at=notification.created_at,
        subject_id=notification.subject_id,
        is_read=view.is_read,
        transaction=None
        if view.entry is None
        else transactions.shown(view.entry, view.counterparty, currency, view.metadata),
    )


def cursor(notification: Notification) -> str:
    """The position of the notification in the list."""
    return cursor_of(LIST_NAME, str(notification.number))
