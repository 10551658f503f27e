"""The daily limit of an API token."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from domain import errors
from domain.authority import ApiToken, Authority
from domain.ledger.decisions import LookUp
from domain.people.sessions import Scope

#: Why an API token without a daily limit sends nothing for the owner of a second factor.
WITHOUT_LIMIT = (
    "In an account with a second factor, an API token needs a daily limit to send money, and this one has "
    "none. Create one with a daily limit."
)


def check_limit(scopes: Collection[Scope], daily_limit_minor: int | None) -> None:
    """For an account with a second factor: raises InvalidInput for a token that could send without limit."""
    if daily_limit_minor is None and Scope.SEND_MONEY in scopes:
        raise errors.invalid(
            "dailyLimit",
            "Set a daily limit: your account has a second factor, and a token that can send money needs one.",
        )


@dataclass(frozen=True, slots=True)
class TokenBudget:
    """An API token's daily limit and what it has spent in the last 24 hours, in minor units."""

    daily_limit_minor: int | None
    spent_minor: int = 0

    @property
    def remaining_minor(self) -> int | None:
        """What the token may still send, fees included; None is no limit."""
        if self.daily_limit_minor is None:
            return None
        return max(self.daily_limit_minor - self.spent_minor, 0)

    def after(self, total_minor: int) -> TokenBudget:
        """The budget once that much more was spent."""
        return replace(self, spent_minor=self.spent_minor + total_minor)


@dataclass(frozen=True, slots=True)
class BudgetOf(LookUp[TokenBudget]):
    """The budget of an API token."""

    user_id: UUID
    api_token_id: UUID

    @classmethod
    def of(cls, authority: Authority) -> BudgetOf | None:
        """The budget that transfers of that authority must fit; None unless it is an API token."""
        return cls(authority.user_id, authority.id) if type(authority) is ApiToken else None
