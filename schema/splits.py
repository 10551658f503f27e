"""Bill splits: the type, and the input and result of splitting a bill."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from domain import ids
from domain.ledger import money
from domain.requests import splits
from domain.requests.payment_requests import Status
from schema import errors
from schema.inputs import RecipientInput
from schema.money import Money, shown_minor
from schema.nodes import Node
from schema.requests import PaymentRequest, RequestNotAllowed
from schema.restrictions import AccountRestricted


@strawberry.type(
    description="A bill divided into payment requests. Shares always add up to the total exactly."
)
class BillSplit(Node):
    total: Money = strawberry.field(description="The whole bill.")
    own_share: Money = strawberry.field(
        description="The share of the user who split the bill; zero if not included."
    )
    note: str | None = strawberry.field(description="The note of each request.")
    requests: list[PaymentRequest] = strawberry.field(
        description="One for each payer, in the order in which they were named.",
        metadata={"usual_length": 10},
    )
    paid: Money = strawberry.field(description="Total paid so far.")
    created_at: datetime = strawberry.field(description="When it was created.")


def global_id(split_id: UUID) -> strawberry.ID:
    """The API's id of a bill split."""
    return strawberry.ID(ids.global_id("BillSplit", split_id))


def shown(
    split: splits.BillSplit, requests: list[PaymentRequest], currency: money.Currency
) -> BillSplit:
    """The split with its requests as the viewer sees them."""
    paid_minor = sum(
        each.request.amount_minor for each in requests if each.request.status is Status.PAID
    )
    return BillSplit(
        id=global_id(split.split_id),
        total=shown_minor(split.total_minor, currency),
        own_share=shown_minor(split.own_share_minor, currency),
        note=split.note,
        requests=requests,
        paid=shown_minor(paid_minor, currency),
        created_at=split.created_at,
    )


@strawberry.input(description="The bill to split, and the users who share it.")
class SplitBillInput:
    total: Decimal = strawberry.field(description="The whole bill, in whole units of the currency.")
    payers: list[RecipientInput] = strawberry.field(description="1 to 20 distinct users.")
    includes_viewer: bool = strawberry.field(
        default=True, description="Whether the viewer takes a share."
    )
    amounts: list[Decimal] | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "One amount per payer, in order. The remainder of the total is the viewer's own share. If "
            "omitted, shares are equal; where the total does not divide evenly, the first ones are larger by "
            "one minor unit."
        ),
    )
    note: str | None = strawberry.field(
        default=strawberry.UNSET, description="Up to 140 characters, the note of each request."
    )
    expires_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Defaults to 30 days from now; at most one year."
    )
    idempotency_key: str = strawberry.field(
        description=(
            "Chosen by the caller, 8 to 64 printable ASCII characters. A key creates at most one split; "
            "keys of `splitBill` are separate from those of other operations."
        )
    )


@strawberry.type(
    description="The bill was split, by this call or an earlier one with the same key."
)
class BillWasSplit:
    split: BillSplit = strawberry.field(description="The split as it is now.")
    replayed: bool = strawberry.field(
        description="True if this key had already split the bill and nothing was created now."
    )


SplitBillResult = Annotated[
    BillWasSplit
    | errors.EmailNotVerified
    | errors.InvalidAmount
    | errors.InvalidInput
    | errors.RecipientNotFound
    | errors.CannotPayYourself
    | RequestNotAllowed
    | errors.IdempotencyKeyReused
    | AccountRestricted,
    strawberry.union("SplitBillResult", description="What `splitBill` returns."),
]
