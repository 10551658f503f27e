"""Entries of account ledgers, accounts, and the rules on amounts that commands and previews share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain import errors
from domain.ledger import money
from domain.ledger.kinds import Direction, Kind
from domain.people.restrictions import Restriction, Untils, is_in_force
from domain.values import value

IDEMPOTENCY_KEY_MINIMUM_CHARACTERS = 8
IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS = 64
DAILY_LIMIT_WINDOW = timedelta(hours=24)
#: The seal that precedes the first entry of an account ledger.
EMPTY_LEDGER_SEAL = bytes(32)


@value
class Account:
    """The state of a user's account; amounts in minor units."""

    user_id: UUID
    balance_minor: int
    sequence: int
    is_verified: bool
    is_closed: bool = False
    #: `created_at` of the newest entry.
    last_posted_at: datetime | None = None
    #: The seal of the newest entry.
    book_seal: bytes = EMPTY_LEDGER_SEAL
    #: The number of the newest notification.
    notification_number: int = 0
    #: The kinds of notification that the user has chosen to be mailed; None is the default.
    mailed_notifications: Sequence[str] | None = None
    #: What the account is barred from; None for nearly all accounts.
    restricted_until: Untils | None = None
    #: Transfers above this need a second factor; None while the user has none.
    confirm_above_minor: int | None = None

    def can_receive(self, now: datetime) -> bool:
        """Whether others may send money to the account at this instant."""
        return (
            self.is_verified
            and not self.is_closed
            and (
                self.restricted_until is None
                or not is_in_force(self.restricted_until, Restriction.RECEIVING, now)
            )
        )

    def after(self, entry: Entry) -> Account:
        """The account after that entry, already sealed, is posted to it."""
        return Account(
            self.user_id,
            entry.balance_after_minor,
            entry.sequence,
            self.is_verified,
            self.is_closed,
            entry.created_at,
            entry.seal,
            self.notification_number,
            self.mailed_notifications,
            self.restricted_until,
            self.confirm_above_minor,
        )

    def notified(self) -> Account:
        """The account with one more notification."""
        return Account(
            self.user_id,
            self.balance_minor,
            self.sequence,
            self.is_verified,
            self.is_closed,
            self.last_posted_at,
            self.book_seal,
            self.notification_number + 1,
            self.mailed_notifications,
            self.restricted_until,
            self.confirm_above_minor,
        )


@value
class Entry:
    """An entry of an account ledger: a transaction as its owner sees it; amounts in minor units."""

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
    #: Only on the entry of the user who requested the transaction.
    idempotency_key: str | None = None
    api_token_id: UUID | None = None
    #: A salted hash of the caller's metadata, see `domain.ledger.metadata`; None without metadata.
    metadata_digest: bytes | None = None
    #: The reference of the transaction that this one reverses; None unless it is a reversal.
    reverses: UUID | None = None
    #: The part of the amount that is a refund of the fee, on the entry of the user who gets the money
    #: back; None where the fee stays charged.
    fee_refunded_minor: int | None = None
    #: Covers all of the above and the previous seal, see `domain.ledger.seals`; empty until sealed.
    seal: bytes = b""

    def sealed(self, seal: bytes) -> Entry:
        """A copy of the entry with this seal."""
        # Three times as fast as `dataclasses.replace`, which dominated the profile.
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
            self.metadata_digest,
            self.reverses,
            self.fee_refunded_minor,
            seal,
        )


def check_idempotency_key(key: str) -> str:
    """Return the key. Raises InvalidInput unless it has 8 to 64 printable ASCII characters."""
    long_enough = len(key) >= IDEMPOTENCY_KEY_MINIMUM_CHARACTERS
    if not (
        long_enough
        and len(key) <= IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS
        and key.isascii()
        and key.isprintable()
    ):
        raise errors.invalid(
            "idempotencyKey",
            f"The idempotency key must have {IDEMPOTENCY_KEY_MINIMUM_CHARACTERS} to "
            f"{IDEMPOTENCY_KEY_MAXIMUM_CHARACTERS} printable ASCII characters.",
        )
    return key


def check_amount(
    amount: Decimal, limits: money.Limits, *, maximum_minor: int, what: str = "The amount"
) -> int:
    """The amount in minor units. Raises InvalidAmount unless it is exact and within the limits."""
    amount_minor = money.minor_units(amount, limits.currency)
    if amount_minor is not None and limits.minimum_minor <= amount_minor <= maximum_minor:
        return amount_minor
    minimum, maximum = limits.money(limits.minimum_minor), limits.money(maximum_minor)
    if amount_minor is None:
        decimals = limits.currency.decimals
        problem = (
            f"has too many decimals: {limits.currency.code} has {decimals}"
            if decimals
            else f"must be a whole number: {limits.currency.code} has no decimals"
        )
    elif amount_minor < limits.minimum_minor:
        problem = f"is too small: the minimum is {minimum}"
    else:
        problem = f"is too large: the maximum is {maximum}"
    raise errors.InvalidAmount(f"{what} {problem}.", minimum, maximum)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a transfer would cost, and how much is missing, in minor units."""

    amount_minor: int
    fee_minor: int
    total_minor: int
    shortfall_minor: int | None
    maximum_sendable_minor: int
    #: Above this amount the sender has to confirm it; None if nothing needs a confirmation.
    confirm_above_minor: int | None = None


def preview(
    amount: Decimal,
    balance_minor: int,
    limits: money.Limits,
    *,
    remaining_minor: int | None = None,
    confirm_above_minor: int | None = None,
) -> Preview:
    """What sending that amount would do, by the rules of `send_money`.

    `remaining_minor` is what an API token may still send within its daily limit, fees included; None is no
    limit. `confirm_above_minor` is that of a signed-in user with a second factor. Raises InvalidAmount.
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
        confirm_above_minor=confirm_above_minor,
    )
