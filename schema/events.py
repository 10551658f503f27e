"""What a subscriber hears."""

import strawberry

from domain.ledger import money, transfers
from domain.people import accounts
from schema import transactions
from schema.money import Money


@strawberry.interface(description="Something that happened to the viewer's wallet.")
class WalletEvent:
    sequence: int = strawberry.field(
        description="The viewer's sequence number once this had happened."
    )
    balance: Money = strawberry.field(
        description=(
            "The viewer's balance once this had happened: a value to show, not a difference to add."
        )
    )


@strawberry.type(description="Money came, went or was added.")
class TransactionPosted(WalletEvent):
    transaction: transactions.Transaction = strawberry.field(
        description="The new line of the viewer's book."
    )


def transaction_posted(
    entry: transfers.Entry, counterparty: accounts.Person | None, currency: money.Currency
) -> TransactionPosted:
    """The event that a new line is; `counterparty` is whom it names, as they are now."""
    transaction = transactions.shown(entry, counterparty, currency)
    return TransactionPosted(
        sequence=transaction.sequence, balance=transaction.balance_after, transaction=transaction
    )
