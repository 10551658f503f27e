"""Amounts of money in the API."""

from decimal import Decimal

import strawberry

from domain.ledger import money


@strawberry.type(description="An amount of money in one currency.")
class Money:
    amount: Decimal = strawberry.field(
        description='With the currency\'s own number of decimals: "12.50" for USD, "1250" for JPY.'
    )
    currency: str = strawberry.field(description="ISO 4217 code.")


def shown(of: money.Money) -> Money:
    """The amount as the API returns it."""
    return Money(amount=of.amount, currency=of.currency.code)


def shown_minor(amount_minor: int, currency: money.Currency) -> Money:
    """An amount in minor units as the API returns it."""
    return Money(amount=money.whole_units(amount_minor, currency), currency=currency.code)
