"""Closing an account."""

from datetime import datetime
from typing import Annotated

import strawberry

from domain.people import leaving
from schema import errors
from schema.money import Money


@strawberry.input(description="The input of `closeAccount`.")
class CloseAccountInput:
    password: str = strawberry.field(description="The password of the account.")


@strawberry.type(
    description=(
        "The account is closed, and all of its sessions, API tokens, webhooks, scheduled transfers and "
        "pending payment requests have ended. Signing in reopens it until its data is erased."
    )
)
class AccountClosed:
    erased_at: datetime = strawberry.field(description="When personal data will be erased.")


@errors.represents(leaving.BalanceNotZero)
@strawberry.type(description="An account can be closed only when its balance is zero.")
class BalanceNotZero(errors.UserError):
    balance: Money = strawberry.field(description="The viewer's balance.")


CloseAccountResult = Annotated[
    AccountClosed | BalanceNotZero | errors.InvalidCredentials,
    strawberry.union("CloseAccountResult", description="What `closeAccount` returns."),
]
