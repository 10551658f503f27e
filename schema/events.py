"""What a subscriber hears."""

import strawberry

from domain.ledger import money, transfers
from domain.people import accounts
from schema import transactions
from schema.money import Money


@strawberry.interface(description="A change of the viewer's wallet.")
class WalletEvent:
    sequence: int = strawberry.field(description="The viewer's sequence after this event.")
    balance: Money = strawberry.field(
        description=(
            "The viewer's balance after this event: a value to display, not a difference to add."
        )
    )


@strawberry.type(description="A transaction was posted to the viewer's ledger.")
class TransactionPosted(WalletEvent):
    transaction: transactions.Transaction = strawberry.field(
        description="The new entry of the viewer's ledger."
    )


def transaction_posted(
    entry: transfers.Entry, counterparty: accounts.Person | None, currency: money.Currency
) -> TransactionPosted:
    """The event that a new line is; `counterparty` is whom it names, as they are now."""
    transaction = transactions.shown(entry, counterparty, currency)
    return TransactionPosted(
        sequence=transaction.sequence, balance=transaction.balance_after, transaction=transaction
    )
