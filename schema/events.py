"""The events that subscribers receive."""

from collections.abc import Sequence

import strawberry

from domain.ledger import money, transfers
from domain.ledger.metadata import Pair
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
    entry: transfers.Entry,
    counterparty: accounts.Person | None,
    currency: money.Currency,
    metadata: Sequence[Pair] = (),
) -> TransactionPosted:
    """The event of a new entry; `counterparty` is its counterparty's current state."""
    transaction = transactions.shown(entry, counterparty, currency, metadata)
    return TransactionPosted(
        sequence=entry.sequence, balance=transaction.balance_after(), transaction=transaction
    )
