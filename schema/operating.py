"""The inputs and results of what operators do."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import strawberry

from domain.people.restrictions import Restriction
from schema import errors
from schema.operators import OperatorAction

_REASON = "10 to 500 characters; visible to operators only."
_USER = "The `User.id` of the account."


@strawberry.input(description="An account to restrict.")
class RestrictAccountInput:
    user_id: strawberry.ID = strawberry.field(description=_USER)
    restrictions: list[Restriction] = strawberry.field(
        description="The restrictions to impose. Others that are in force stay as they are."
    )
    reason: str = strawberry.field(description=_REASON)
    until: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When the restrictions end, in the future. If omitted, they stay in force until lifted.",
    )


@strawberry.input(description="An account whose restrictions to lift.")
class LiftRestrictionsInput:
    user_id: strawberry.ID = strawberry.field(description=_USER)
    reason: str = strawberry.field(description=_REASON)


@strawberry.input(description="An account to sign out on all devices.")
class EndSessionsInput:
    user_id: strawberry.ID = strawberry.field(description=_USER)
    reason: str = strawberry.field(description=_REASON)


@strawberry.input(description="A transaction to reverse, in full or in part.")
class ReverseTransactionInput:
    reference: strawberry.ID = strawberry.field(description="A `Transaction.reference`.")
    amount: Decimal | None = strawberry.field(
        default=strawberry.UNSET,
        description="In whole units of the currency. Defaults to the full remaining amount.",
    )
    includes_fee: bool = strawberry.field(
        default=True, description="Whether the fee is refunded to the sender, in proportion."
    )
    reason: str = strawberry.field(description=_REASON)
    idempotency_key: str = strawberry.field(
        description=(
            "Chosen by the caller, 8 to 64 printable ASCII characters: one key never reverses or proposes "
            "twice."
        )
    )


@strawberry.input(description="A decision about another operator's proposal.")
class DecideActionInput:
    action_id: strawberry.ID = strawberry.field(description="The `OperatorAction.id`.")
    agrees: bool = strawberry.field(
        description="True approves the proposal, which carries it out; false rejects it."
    )


@strawberry.type(description="The action was carried out, proposed or decided.")
class OperatorActionDone:
    action: OperatorAction = strawberry.field(description="The action as it is now.")


OperatorActionResult = Annotated[
    OperatorActionDone | errors.InvalidInput | errors.NotFound,
    strawberry.union(
        "OperatorActionResult",
        description="What `restrictAccount`, `liftRestrictions` and `endSessions` return.",
    ),
]
ReverseTransactionResult = Annotated[
    OperatorActionDone
    | errors.InvalidInput
    | errors.InvalidAmount
    | errors.InsufficientFunds
    | errors.NotReversible
    | errors.NotFound
    | errors.IdempotencyKeyReused,
    strawberry.union(
        "ReverseTransactionResult",
        description="What `reverseTransaction` and `decideAction` return.",
    ),
]
