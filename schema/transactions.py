"""Transactions, as the owner of one entry sees them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from domain import ids
from domain.ledger import kinds, money, seals, transfers
from domain.ledger.metadata import Pair
from domain.people import accounts
from schema import people
from schema.arguments import resolved
from schema.connections import PageInfo, cursor_of
from schema.enums import described
from schema.money import Money, shown_minor
from schema.nodes import Node

#: The name of the list in its cursors.
LIST_NAME = "transactions"

TransactionKind = described(
    kinds.Kind,
    "TransactionKind",
    "The kind of transaction.",
    **{kind.name: rules.description for kind, rules in kinds.RULES.items()},
)
TransactionDirection = described(
    kinds.Direction,
    "TransactionDirection",
    "Whether the viewer received or sent the money.",
    INCOMING="The viewer received it.",
    OUTGOING="The viewer sent it.",
)


@strawberry.type(description="A key-value pair attached to a transaction.")
class MetadataEntry:
    key: str = strawberry.field(description="1 to 40 characters, once per transaction.")
    value: str = strawberry.field(description="Up to 500 characters.")


@strawberry.input(
    description=(
        "Key: 1 to 40 characters. Value: up to 500. At most 20 entries with distinct keys."
    )
)
class MetadataEntryInput:
    key: str = strawberry.field(description="The key.")
    value: str = strawberry.field(description="The value.")


@strawberry.type(
    description=("An entry of the viewer's ledger. Each side of a transfer has its own.")
)
class Transaction(Node):
    # Links are bound in `resolvers.fields`. Fields are computed when they are selected: documents select a few,
    # of many transactions.
    entry: strawberry.Private[transfers.Entry]
    other: strawberry.Private[accounts.Person | None]
    currency: strawberry.Private[money.Currency]
    pairs: strawberry.Private[Sequence[Pair]] = ()

    @resolved(
        "The same on both sides of a transfer; to be quoted to the other side and to support."
    )
    def reference(self) -> strawberry.ID:
        return strawberry.ID(ids.uuid_text(self.entry.reference))

    @resolved("1, 2, 3 … in the order in which the viewer's balance changed, without gaps.")
    def sequence(self) -> int:
        return self.entry.sequence

    @resolved("The kind of transaction.")
    def kind(self) -> kinds.Kind:
        return self.entry.kind

    @resolved("Whether the viewer received or sent the money.")
    def direction(self) -> kinds.Direction:
        return self.entry.direction

    @resolved(
        "The amount sent, received or added, without the fee; always positive. The incoming side of a "
        "reversal includes the refunded fee."
    )
    def amount(self) -> Money:
        return shown_minor(self.entry.amount_minor, self.currency)

    @resolved("The fee that the viewer paid in addition; zero for incoming transactions.")
    def fee(self) -> Money:
        return shown_minor(self.entry.fee_minor, self.currency)

    @resolved("The user on the other side, as they are now. Null for a top-up and its reversal.")
    def counterparty(self) -> people.User | None:
        return None if self.other is None else people.shown(self.other, to=self.entry.user_id)

    @resolved("The sender's note, visible to both sides.")
    def note(self) -> str | None:
        return self.entry.note

    @resolved(
        "Key-value pairs attached by the caller, in the order given. Visible to the caller only."
    )
    def metadata(self) -> list[MetadataEntry]:
        return [MetadataEntry(key=key, value=value) for key, value in self.pairs]

    @resolved("The viewer's balance right after this transaction.")
    def balance_after(self) -> Money:
        return shown_minor(self.entry.balance_after_minor, self.currency)

    @resolved("When it was posted; never decreases along `sequence`.")
    def created_at(self) -> datetime:
        return self.entry.created_at

    @resolved(
        "A receipt that proves this transaction and every one of the viewer's before it. Opaque:"
        " store it outside the wallet. With it, the operator can check by `./wallet audit "
        "--receipt` whether the ledger still contains all of them, unchanged."
    )
    def seal(self) -> str:
        return seals.Receipt.of(self.entry).render()


@strawberry.type(description="A transaction's place in the list.")
class TransactionEdge:
    cursor: str = strawberry.field(description="For `after` and `before`.")
    node: Transaction = strawberry.field(description="The transaction.")


@strawberry.type(description="A page of the viewer's transactions, newest first.")
class TransactionConnection:
    edges: list[TransactionEdge] = strawberry.field(description="The page, with cursors.")
    nodes: list[Transaction] = strawberry.field(description="The page, without cursors.")
    page_info: PageInfo = strawberry.field(
        description="Whether there are further pages, and how to continue."
    )


@strawberry.input(description="Selects the transactions that meet all conditions given.")
class TransactionFilter:
    kind: kinds.Kind | None = strawberry.field(
        default=strawberry.UNSET, description="Only transfers, only top-ups, or only reversals."
    )
    direction: kinds.Direction | None = strawberry.field(
        default=strawberry.UNSET, description="Only incoming, or only outgoing money."
    )
    counterparty_id: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="Only with this user: a `User.id`."
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
    metadata: MetadataEntryInput | None = strawberry.field(
        default=strawberry.UNSET, description="Transactions that carry this metadata entry."
    )
    text: str | None = strawberry.field(
        default=strawberry.UNSET,
        description=(
            "A part of the note or of the counterparty's name. For this, `kind` and `direction`, one"
            " request examines at most 10,000 transactions: a page may then contain fewer than "
            "requested, or none, while `hasNextPage` is true. Continue from its `endCursor`."
        ),
    )


def ids_of(user_id: UUID) -> Callable[[int], str]:
    """A function that returns the API's id of that user's ledger entry with a sequence."""
    return ids.numbered_ids("Transaction", user_id)


def shown(
    entry: transfers.Entry,
    counterparty: accounts.Person | None,
    currency: money.Currency,
    metadata: Sequence[Pair] = (),
    id_of: Callable[[int], str] | None = None,
) -> Transaction:
    """The entry as its owner sees it; `counterparty` is its counterparty's current state.

    `id_of` is the result of `ids_of` for the owner: give it if several entries have the same owner.
    """
    id_of = id_of or ids_of(entry.user_id)
    return Transaction(
        id=strawberry.ID(id_of(entry.sequence)),
        entry=entry,
        other=counterparty,
        currency=currency,
        pairs=metadata,
    )


def cursor(transaction: Transaction) -> str:
    """The position of the transaction in the list."""
    return cursor_of(LIST_NAME, str(transaction.entry.sequence))
