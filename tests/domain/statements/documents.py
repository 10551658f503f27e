"""Statements that the tests of files are about."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from domain.ledger import money
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Entry
from domain.statements.periods import Period
from domain.statements.statements import Document, Item, Owner, Render, Statement, Totals

OWNER = Owner(UUID(int=7), "Łukasz Żółć", "lukasz@example.com")
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31), "Europe/Berlin")
USD = money.currency("USD")
START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Ledger:
    """An account ledger whose entries follow each other by some hours."""

    period: Period = YEAR
    currency: money.Currency = USD
    opening_minor: int = 0
    items: list[Item] = field(default_factory=list)

    @property
    def balance_minor(self) -> int:
        return self.items[-1].entry.balance_after_minor if self.items else self.opening_minor

    def add(
        self,
        amount_minor: int,
        counterparty: str | None = None,
        note: str | None = None,
        *,
        fee_minor: int = 0,
        reverses: UUID | None = None,
    ) -> Ledger:
        """Post an entry; what is outgoing is negative."""
        number = len(self.items) + 1
        incoming = amount_minor > 0
        entry = Entry(
            OWNER.user_id,
            number,
            UUID(int=number),
            _kind(counterparty, reverses),
            Direction.INCOMING if incoming else Direction.OUTGOING,
            abs(amount_minor),
            fee_minor,
            None if counterparty is None else UUID(int=8),
            note,
            self.balance_minor + amount_minor - fee_minor,
            START + timedelta(hours=7 * number, microseconds=number),
            reverses=reverses,
            seal=number.to_bytes(32),
        )
        self.items.append(Item(entry, counterparty))
        return self

    @property
    def document(self) -> Document:
        entries = [item.entry for item in self.items]
        incoming = [entry for entry in entries if entry.direction is Direction.INCOMING]
        outgoing = [entry for entry in entries if entry.direction is Direction.OUTGOING]
        totals = Totals(
            opening_minor=self.opening_minor,
            incoming_minor=sum(entry.amount_minor for entry in incoming),
            outgoing_minor=sum(entry.amount_minor for entry in outgoing),
            fees_minor=sum(entry.fee_minor for entry in entries),
            closing_minor=self.balance_minor,
            count=len(entries),
            through=len(entries),
            seal=entries[-1].seal if entries else None,
        )
        return Document(
            Statement(OWNER.user_id, self.period, totals),
            OWNER,
            self.currency,
            datetime(2027, 1, 2, tzinfo=UTC),
            "https://wallet.example.com",
        )

    async def pages(self, size: int = 3) -> AsyncIterator[Sequence[Item]]:
        for start in range(0, len(self.items), size):
            yield self.items[start : start + size]

    async def rendered(self, render: Render) -> bytes:
        return b"".join([part async for part in render(self.document, self.pages())])


def _kind(counterparty: str | None, reverses: UUID | None) -> Kind:
    if reverses is not None:
        return Kind.REVERSAL
    return Kind.TOP_UP if counterparty is None else Kind.TRANSFER


#: People of many scripts.
NAMES = (
    "Anna Müller",
    "Иван Петров",
    "محمد علي",
    "דוד לוי",
    "राज कुमार",
    "山田太郎",
    "김민수",
    "Zoë 🎉",
)


def lively(entries: int = 40) -> Ledger:
    """A ledger with fees, notes, people of many scripts, and reversals."""
    ledger = Ledger(opening_minor=1_234_56).add(5_000_00, note="Savings")
    ledger.add(-1_00, reverses=UUID(int=1)).add(2_00, NAMES[0], reverses=UUID(int=9))
    notes = (None, "Rent for January", "שכר דירה 11/2026", '<b>&amp; "quoted"', "=1+2", "家賃")
    for number in range(1, entries):
        name, note = NAMES[number % len(NAMES)], notes[number % len(notes)]
        if number % 3:
            ledger.add(-number * 7 - 1, name, note, fee_minor=number % 5)
        else:
            ledger.add(number * 11, name, note)
    return ledger
