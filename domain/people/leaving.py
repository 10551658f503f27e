"""Leaving: what closing an account requires, and what follows from it.

A closed account is reopened by signing in within 30 days. Then its personal data is erased.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from domain import errors
from domain.ledger.money import Money

#: How others see a user whose account is closed.
CLOSED_NAME = "Closed account"
#: Closed accounts have no address; theirs is kept apart until it is erased.
NO_ADDRESS = ""
#: How long after closing an account its personal data is erased; until then, it can be reopened.
ERASED_AFTER = timedelta(days=30)


@dataclass(eq=False)
class BalanceNotZero(errors.DomainError):
    balance: Money
    message: str = field(init=False)

    def __post_init__(self) -> None:
        self.message = (
            f"Your balance is {self.balance}. Send it to someone first: an account can be closed "
            "only when its balance is zero."
        )


@dataclass(eq=False)
class TopUpPending(errors.DomainError):
    message: str = (
        "A top-up is still pending and may yet be paid. Wait until it is credited or has failed."
    )


def can_reopen(erase_at: datetime, balance_minor: int, now: datetime) -> bool:
    """Whether signing in reopens the account. One that holds money again is not erased."""
    return now < erase_at or balance_minor > 0
