"""Account statements: closing balance = opening balance + incoming - outgoing - fees."""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain.ledger import money
from domain.ledger.kinds import Direction, Kind
from domain.ledger.seals import Receipt
from domain.ledger.transfers import Entry
from domain.statements.periods import Period


class Format(enum.StrEnum):
    """The format of a file."""

    PDF = "pdf"
    CSV = "csv"
    OFX = "ofx"
    CAMT_053 = "camt.053"


@dataclass(frozen=True, slots=True)
class Totals:
    """What happened to an account between two instants; amounts in minor units."""

    opening_minor: int
    incoming_minor: int
    outgoing_minor: int
    fees_minor: int
    closing_minor: int
    #: How many entries there are.
    count: int
    #: The sequence of the last entry before the end of the period; 0 if there is none. All entries up to it
    #: are there for good: reading up to it always gives the same.
    through: int
    #: The seal of the last entry of the period; None without entries.
    seal: bytes | None = None

    @property
    def after(self) -> int:
        """The sequence of the last entry before the period; 0 if there is none."""
        return self.through - self.count


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a user's account."""

    user_id: UUID
    period: Period
    totals: Totals

    @property
    def receipt(self) -> str | None:
        """The seal of the last entry as `Transaction.seal` shows it; None without entries."""
        if self.totals.seal is None:
            return None
        return Receipt(self.user_id, self.totals.through, self.totals.seal).render()


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of the account, as the files name them."""

    user_id: UUID
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the statement, and the name of its counterparty as they are now."""

    entry: Entry
    counterparty: str | None

    @property
    def net_minor(self) -> int:
        """By how much the entry changed the balance."""
        return self.amount_minor - self.entry.fee_minor

    @property
    def amount_minor(self) -> int:
        """The amount without the fee; negative if it was outgoing."""
        amount_minor = self.entry.amount_minor
        return amount_minor if self.entry.direction is Direction.INCOMING else -amount_minor

    @property
    def seal(self) -> str:
        """As `Transaction.seal` shows it."""
        return Receipt.of(self.entry).render()

    @property
    def title(self) -> str:
        """What happened, in a few words."""
        kind = "" if self.entry.kind is Kind.TRANSFER else TITLES[self.entry.kind]
        if self.counterparty is None:
            return kind or TITLES[Kind.TRANSFER]
        side = "from" if self.entry.direction is Direction.INCOMING else "to"
        return f"{kind} {side}".strip().capitalize() + f" {self.counterparty}"


#: What entries of each kind are called.
TITLES = {kind: kind.name.replace("_", "-").capitalize() for kind in Kind}

#: The entries of a statement in sequence, a page at a time.
Pages = AsyncIterator[Sequence[Item]]


@dataclass(frozen=True, slots=True)
class Document:
    """What every file is made of."""

    statement: Statement
    owner: Owner
    currency: money.Currency
    #: When the file was requested.
    created_at: datetime
    #: The address of the service.
    issuer: str

    @property
    def period(self) -> Period:
        return self.statement.period

    @property
    def balance_at(self) -> datetime:
        """The instant up to which the closing balance holds: the end of the period, unless it is to come."""
        return min(self.period.end, self.created_at)

    def amount(self, amount_minor: int) -> str:
        """The amount in whole units, such as -12.50, with exactly the currency's number of decimals."""
        return f"{self.whole_units(amount_minor):f}"

    def whole_units(self, amount_minor: int) -> Decimal:
        """The amount in whole units, with exactly the currency's number of decimals."""
        return money.whole_units(amount_minor, self.currency)


#: Makes the file of a document.
Render = Callable[[Document, Pages], AsyncIterator[bytes]]
