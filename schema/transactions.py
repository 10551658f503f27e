"""Movements of money, as one side sees them."""

from datetime import datetime
from uuid import UUID

import strawberry

from domain import ids
from domain.ledger import money, seals, transfers
from domain.people import accounts
from schema import people
from schema.connections import PageInfo, cursor_of
from schema.enums import described
from schema.money import Money, shown_minor
from schema.nodes import Node

#: What its cursors say that they belong to.
LIST_NAME = "transactions"

TransactionKind = described(
    transfers.Kind,
    "TransactionKind",
    "What moved the money.",
    TRANSFER="From one person to another.",
    TOP_UP="Added by the viewer from outside.",
)
TransactionDirection = described(
    transfers.Direction,
    "TransactionDirection",
    "Which way the money went, as the viewer sees it.",
    INCOMING="To the viewer.",
    OUTGOING="From the viewer.",
)


@strawberry.type(
    description=(
        "One movement of money, as the viewer sees it: each side of a transfer has its own."
    )
)
class Transaction(Node):
    reference: strawberry.ID = strawberry.field(
        description=(
            "Shared by both sides of a transfer: what to quote to each other and to support."
        )
    )
    sequence: int = strawberry.field(
        description=("1, 2, 3 … in the order in which the viewer's balance changed, without a gap.")
    )
    kind: transfers.Kind = strawberry.field(description="What moved the money.")
    direction: transfers.Direction = strawberry.field(description="Which way the money went.")
    amount: Money = strawberry.field(
        description="What was sent, received or added, without the fee; always positive."
    )
    fee: Money = strawberry.field(
        description="What the viewer paid on top; zero for incoming money."
    )
    counterparty: people.User | None = strawberry.field(
        description="The person on the other side, as they are now. Null for a top-up."
    )
    note: str | None = strawberry.field(description="What the sender wrote, for both to see.")
    balance_after: Money = strawberry.field(
        description="The viewer's balance right after this transaction."
    )
    created_at: datetime = strawberry.field(
        description="When it was committed; never goes back along `sequence`."
    )
    seal: str = strawberry.field(
        description=(
            "Proof of this transaction and of every one of the viewer's before it. Opaque: keep it "
            "outside the wallet, as a receipt. Whoever runs the wallet can tell with it, by "
            "`./wallet audit --receipt`, whether the books still contain all of them unchanged."
        )
    )


@strawberry.type(description="A transaction's place in the list.")
class TransactionEdge:
    cursor: str = strawberry.field(description="For `after` and `before`.")
    node: Transaction = strawberry.field(description="The transaction.")


@strawberry.type(description="A page of the viewer's transactions, newest first.")
class TransactionConnection:
    edges: list[TransactionEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[Transaction] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(description="Whether there is more, and where.")


@strawberry.input(description="Which transactions; those that meet every condition given.")
class TransactionFilter:
    kind: transfers.Kind | None = strawberry.field(
        default=strawberry.UNSET, description="Only transfers, or only top-ups."
    )
    direction: transfers.Direction | None = strawberry.field(
        default=strawberry.UNSET, description="Only incoming, or only outgoing money."
    )
    counterparty_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only with this person: a `User.id`."
    )
    created_after: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Exclusive."
    )
    created_from: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="Inclusive. Together with `createdBefore` it selects half-open periods.",
    )
    created_before: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="Exclusive."
    )
    text: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "A part of the note or of the counterparty's name. Of a long ledger one request examines "
            "10,000 transactions for this, `kind` and `direction`: a page may then hold fewer than asked "
            "for, or none, with `hasNextPage` true. Go on from its `endCursor`."
        ),
    )


def global_id(user_id: UUID, sequence: int) -> strawberry.ID:
    """The API's id of a line of somebody's book."""
    return strawberry.ID(ids.global_id("Transaction", user_id, sequence))


def shown(
    entry: transfers.Entry, counterparty: accounts.Person | None, currency: money.Currency
) -> Transaction:
    """The line as its owner sees it; `counterparty` is whom it names, as they are now."""
    return Transaction(
        id=global_id(entry.user_id, entry.sequence),
        reference=strawberry.ID(str(entry.reference)),
        sequence=entry.sequence,
        kind=entry.kind,
        direction=entry.direction,
        amount=shown_minor(entry.amount_minor, currency),
        fee=shown_minor(entry.fee_minor, currency),
        counterparty=people.shown(counterparty, to=entry.user_id) if counterparty else None,
        note=entry.note,
        balance_after=shown_minor(entry.balance_after_minor, currency),
        created_at=entry.created_at,
        seal=seals.Receipt.of(entry).render(),
    )


def cursor(transaction: Transaction) -> str:
    """Where the transaction stands in the list."""
    return cursor_of(LIST_NAME, str(transaction.sequence))
