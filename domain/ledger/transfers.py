"""Movements of money: the lines of the books, what asks for a new one, and what it may ask for."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain import errors
from domain.ledger import money

IDEMPOTENCY_KEY_MINIMUM_CHARACTERS = 8
IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS = 64
DAILY_LIMIT_WINDOW = timedelta(hours=24)
#: What a book without a line is sealed with: the first line is sealed after it.
EMPTY_LEDGER_SEAL = bytes(32)


class Kind(enum.StrEnum):
    """What moved the money."""

    TRANSFER = "transfer"
    TOP_UP = "top_up"


class Direction(enum.StrEnum):
    """Which way the money went, as the owner of the book sees it."""

    INCOMING = "incoming"
    OUTGOING = "outgoing"


@dataclass(frozen=True, slots=True)
class Account:
    """A person's row as far as money is concerned; amounts in minor units."""

    user_id: UUID
    balance_minor: int
    sequence: int
    is_verified: bool
    is_closed: bool = False
    #: `created_at` of the newest line of the book.
    last_posted_at: datetime | None = None
    #: The seal of that line.
    book_seal: bytes = EMPTY_LEDGER_SEAL

    @property
    def can_receive(self) -> bool:
        return self.is_verified and not self.is_closed

    def after(self, entry: Entry) -> Account:
        """The account once that line of its book, sealed, has been posted."""
        return Account(
            self.user_id,
            entry.balance_after_minor,
            entry.sequence,
            self.is_verified,
            self.is_closed,
            entry.created_at,
            entry.seal,
        )


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of one person's book: a movement as that person sees it; amounts in minor units."""

    user_id: UUID
    sequence: int
    reference: UUID
    kind: Kind
    direction: Direction
    amount_minor: int
    fee_minor: int
    counterparty_id: UUID | None
    note: str | None
    balance_after_minor: int
    created_at: datetime
    #: On the line of the person who asked for the movement alone.
    idempotency_key: str | None = None
    api_token_id: UUID | None = None
    #: Over all of the above and the line before, see `domain.seals`; empty until it is sealed.
    seal: bytes = b""

    def sealed(self, seal: bytes) -> Entry:
        """The same line with its seal."""
        # A third of what `dataclasses.replace` takes, which was much of settling.
        return Entry(
            self.user_id,
            self.sequence,
            self.reference,
            self.kind,
            self.direction,
            self.amount_minor,
            self.fee_minor,
            self.counterparty_id,
            self.note,
            self.balance_after_minor,
            self.created_at,
            self.idempotency_key,
            self.api_token_id,
            seal,
        )


#: What a key belongs to: one person, one operation.
KeyOf = tuple[UUID, Kind, str]


@dataclass(frozen=True, slots=True)
class AddBalance:
    """Ask to add to the caller's own balance. `amount` is in whole units, as it was typed."""

    user_id: UUID
    amount: Decimal
    idempotency_key: str
    #: What both sides will quote: a new id, made beforehand so that settling stays pure.
    reference: UUID
    #: The session or the API token that asks; one that has ended moves nothing.
    session_id: UUID | None = None
    api_token_id: UUID | None = None

    kind = Kind.TOP_UP

    @property
    def account_ids(self) -> tuple[UUID, ...]:
        return (self.user_id,)

    @property
    def key(self) -> KeyOf:
        return (self.user_id, self.kind, self.idempotency_key)


@dataclass(frozen=True, slots=True)
class SendMoney:
    """Ask to send money. `amount` is in whole units and `note` raw, both as they were typed."""

    user_id: UUID
    #: None where the id is malformed or nobody has the address.
    recipient_id: UUID | None
    amount: Decimal
    note: str | None
    idempotency_key: str
    reference: UUID
    session_id: UUID | None = None
    api_token_id: UUID | None = None

    kind = Kind.TRANSFER

    @property
    def account_ids(self) -> tuple[UUID, ...]:
        if self.recipient_id is None or self.recipient_id == self.user_id:
            return (self.user_id,)
        return (self.user_id, self.recipient_id)

    @property
    def key(self) -> KeyOf:
        return (self.user_id, self.kind, self.idempotency_key)


Command = AddBalance | SendMoney


def check_idempotency_key(key: str) -> str:
    """The key itself. Raises InvalidInput unless it has 8 to 64 printable ASCII characters."""
    long_enough = len(key) >= IDEMPOTENCY_KEY_MINIMUM_CHARACTERS
    if not (
        long_enough
        and len(key) <= IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS
        and key.isascii()
        and key.isprintable()
    ):
        raise errors.invalid(
            "idempotencyKey",
            f"The idempotency key takes {IDEMPOTENCY_KEY_MINIMUM_CHARACTERS} to "
            f"{IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS} printable ASCII characters.",
        )
    return key


def check_amount(
    amount: Decimal, limits: money.Limits, *, maximum_minor: int, what: str = "The amount"
) -> int:
    """The amount in minor units. Raises InvalidAmount unless it is exact and within the limits."""
    amount_minor = money.minor_units(amount, limits.currency)
    minimum, maximum = limits.money(limits.minimum_minor), limits.money(maximum_minor)
    if amount_minor is None:
        decimals = limits.currency.decimals
        problem = (
            f"has more decimals than {limits.currency.code} has: use at most {decimals}"
            if decimals
            else f"has decimals, which {limits.currency.code} has not: use a whole number"
        )
    elif amount_minor < limits.minimum_minor:
        problem = f"is too small: the least is {minimum}"
    elif amount_minor > maximum_minor:
        problem = f"is too large: the most is {maximum}"
    else:
        return amount_minor
    raise errors.InvalidAmount(f"{what} {problem}.", minimum, maximum)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a transfer would cost and leave short, in minor units."""

    amount_minor: int
    fee_minor: int
    total_minor: int
    shortfall_minor: int | None
    maximum_sendable_minor: int


def preview(
    amount: Decimal,
    balance_minor: int,
    limits: money.Limits,
    *,
    remaining_minor: int | None = None,
) -> Preview:
    """What sending that amount would do, by the rules that `settle` charges by.

    `remaining_minor` is what an API token may still send within its daily limit, fees included; None is no
    limit. Raises InvalidAmount.
    """
    available_minor = (
        balance_minor if remaining_minor is None else min(balance_minor, remaining_minor)
    )
    amount_minor = check_amount(amount, limits, maximum_minor=limits.maximum_transfer_minor)
    fee_minor = limits.fee_minor(amount_minor)
    total_minor = amount_minor + fee_minor
    return Preview(
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        total_minor=total_minor,
        shortfall_minor=max(total_minor - available_minor, 0) or None,
        maximum_sendable_minor=limits.maximum_sendable_minor(available_minor),
    )
