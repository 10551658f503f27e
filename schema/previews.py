"""Transfer previews, with information that helps to verify the recipient."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import strawberry

from domain.ledger import confirmations, money, transfers
from domain.people import recipient_checks
from schema import errors, people
from schema.arguments import Description
from schema.inputs import RecipientInput
from schema.money import Money, shown_minor


@strawberry.type(description="Information that helps the viewer verify the recipient.")
class RecipientCheck:
    user: people.User = strawberry.field(description="The recipient.")
    times_paid: int = strawberry.field(
        description="Number of transfers the viewer has sent to this user."
    )
    last_paid_at: datetime | None = strawberry.field(
        description="When the latest of them was posted; null if there are none."
    )
    lookalikes: list[people.User] = strawberry.field(
        description=(
            "Users the viewer has paid before whose name or handle can be confused with this one. "
            "Confusable by Unicode Technical Standard #39; at most 20."
        )
    )


@strawberry.type(description="The effect that a transfer would have.")
class TransferPreview:
    amount: Money = strawberry.field(description="The amount that the recipient would get.")
    fee: Money = strawberry.field(description="The fee that the viewer would pay in addition.")
    total: Money = strawberry.field(description="The amount and the fee together.")
    shortfall: Money | None = strawberry.field(
        description=(
            "The amount missing from the balance, or from the API token's daily limit; null if the "
            "transfer would be posted."
        )
    )
    maximum_sendable: Money = strawberry.field(
        description="The largest amount that the viewer, or the API token, can send now."
    )
    recipient: RecipientCheck | None = strawberry.field(
        description="Null if no recipient was given."
    )
    needs_confirmation: bool = strawberry.field(
        description=(
            "Whether sending this amount will require a second factor. Without a recipient, depends on the "
            "amount only; with one, also on whether the viewer has paid them before."
        )
    )


AmountToPreview = Annotated[
    Decimal, Description("The amount that the recipient would get, in whole units of the currency.")
]
RecipientToPreview = Annotated[
    RecipientInput | None,
    Description("Who would get the amount. Like `searchUsers`, for verified users only."),
]
TransferPreviewResult = Annotated[
    TransferPreview | errors.InvalidAmount | errors.RecipientNotFound | errors.CannotPayYourself,
    strawberry.union("TransferPreviewResult", description="What `transferPreview` returns."),
]


def shown_check(recipient: recipient_checks.RecipientCheck, *, to: UUID) -> RecipientCheck:
    """The recipient as the viewer `to` sees them, with the users who look alike."""
    user, *alike = people.shown_together([recipient.person, *recipient.lookalikes], to=to)
    return RecipientCheck(
        user=user,
        times_paid=recipient.payments.times,
        last_paid_at=recipient.payments.last_at,
        lookalikes=alike,
    )


def shown(
    preview: transfers.Preview, check: RecipientCheck | None, currency: money.Currency
) -> TransferPreview:
    """The preview as the API returns it."""
    confirm_above_minor = preview.confirm_above_minor
    return TransferPreview(
        amount=shown_minor(preview.amount_minor, currency),
        fee=shown_minor(preview.fee_minor, currency),
        total=shown_minor(preview.total_minor, currency),
        shortfall=None
        if preview.shortfall_minor is None
        else shown_minor(preview.shortfall_minor, currency),
        maximum_sendable=shown_minor(preview.maximum_sendable_minor, currency),
        recipient=check,
        needs_confirmation=(
            confirm_above_minor is not None
            and confirmations.is_needed(
                preview.amount_minor,
                confirm_above_minor,
                has_paid=check is None or check.times_paid > 0,
            )
        ),
    )
