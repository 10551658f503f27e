"""Top-ups through a payment provider: types, inputs and results."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from domain import ids, paging
from domain.ledger import money
from domain.top_ups import top_ups
from schema import connections, errors
from schema.connections import PageInfo
from schema.enums import described
from schema.errors import UserError, represents
from schema.money import Money, shown_minor
from schema.nodes import Node
from schema.restrictions import AccountRestricted

#: The name of the list in its cursors.
LIST_NAME = "topUps"

TopUpStatus = described(
    top_ups.Status,
    "TopUpStatus",
    "The state of a top-up.",
    PENDING="Not yet confirmed by the provider.",
    POSTED="Paid and credited.",
    FAILED=(
        "Not paid: the payment failed, the payment page expired, or the key was closed. A payment that "
        "arrives for a closed key is refunded."
    ),
    REVERSED="Refunded or disputed at the provider; the reversal has been posted.",
)


@represents(top_ups.NotAvailable)
@strawberry.type(description="The operation is not enabled on this service; see `wallet`.")
class NotAvailable(UserError):
    pass


@strawberry.type(description="A top-up through the payment provider.")
class TopUp(Node):
    amount: Money = strawberry.field(description="The amount to pay, and to credit.")
    status: top_ups.Status = strawberry.field(description="The state of the top-up.")
    checkout_url: str | None = strawberry.field(
        description=(
            "The provider's payment page; null once completed or expired. Also null until the provider has "
            "created it, usually at once: if so, read the top-up again shortly."
        )
    )
    created_at: datetime = strawberry.field(description="When it was started.")
    top_up: strawberry.Private[top_ups.TopUp]


@strawberry.type(description="A top-up's place in the list.")
class TopUpEdge:
    cursor: str = strawberry.field(description="For `after`.")
    node: TopUp = strawberry.field(description="The top-up.")


@strawberry.type(description="A page of the viewer's top-ups, newest first.")
class TopUpConnection:
    edges: list[TopUpEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[TopUp] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


def shown(top_up: top_ups.TopUp, currency: money.Currency) -> TopUp:
    """The top-up as its owner sees it."""
    return TopUp(
        id=strawberry.ID(ids.global_id("TopUp", top_up.top_up_id)),
        amount=shown_minor(top_up.amount_minor, currency),
        status=top_up.status,
        checkout_url=top_up.checkout_url,
        created_at=top_up.created_at,
        top_up=top_up,
    )


def shown_page(found: paging.Page[top_ups.TopUp], currency: money.Currency) -> TopUpConnection:
    """A page of top-ups as their owner sees them."""
    edges = [
        TopUpEdge(
            cursor=connections.cursor_of(LIST_NAME, str(each.top_up_id)),
            node=shown(each, currency),
        )
        for each in found.items
    ]
    return TopUpConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=connections.page_info(found, [edge.cursor for edge in edges], LIST_NAME),
    )


# ================================================================ inputs and results


@strawberry.input(description="A top-up to start.")
class StartTopUpInput:
    amount: Decimal = strawberry.field(description="In whole units of the currency.")
    idempotency_key: str = strawberry.field(
        description=(
            "Chosen by the caller, 8 to 64 printable ASCII characters: one key never adds twice. Shares its key "
            "space with `addBalance`."
        )
    )


@strawberry.type(description="The top-up was started; the user pays at its `checkoutUrl`.")
class TopUpStarted:
    top_up: TopUp = strawberry.field(description="The top-up as it is now.")
    replayed: bool = strawberry.field(
        description="True if this key had already started this top-up and nothing was created now."
    )


StartTopUpResult = Annotated[
    TopUpStarted
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.BalanceLimitExceeded
    | errors.IdempotencyKeyReused
    | errors.IdempotencyKeyClosed
    | AccountRestricted
    | NotAvailable,
    strawberry.union("StartTopUpResult", description="What `startTopUp` returns."),
]
