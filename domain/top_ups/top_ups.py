"""Top-ups through a provider, and the rules by which they are started."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from domain import errors
from domain.ledger import money, transfers
from domain.ledger.decisions import Key
from domain.ledger.kinds import Kind
from domain.people import restrictions
from domain.people.restrictions import Restriction, Untils
from domain.top_ups.provider import Named, Session

#: Per user.
MAXIMUM_PENDING = 20
#: How long a payment page accepts a payment. Stripe takes 30 minutes to 24 hours.
LIFETIME = timedelta(hours=1)
#: After so long, a session whose creation was not recorded is created again: with the same result.
CREATION_TIMEOUT = timedelta(seconds=15)
#: The pauses between two looks at a session whose events have not come: as long as it has existed, but
#: at least and at most this.
SHORTEST_PAUSE = timedelta(minutes=2)
LONGEST_PAUSE = timedelta(hours=6)


class Status(enum.StrEnum):
    """The state of a top-up."""

    PENDING = "PENDING"
    POSTED = "POSTED"
    FAILED = "FAILED"
    REVERSED = "REVERSED"


class Refund(enum.StrEnum):
    """A payment that must not be credited goes back to the payer."""

    DUE = "DUE"
    MADE = "MADE"


@dataclass(frozen=True, slots=True)
class TopUp:
    """A top-up; the amount is in minor units."""

    user_id: UUID
    top_up_id: UUID
    #: The name of the provider.
    provider: str
    amount_minor: int
    status: Status
    idempotency_key: str
    #: The API token that started it, if one did.
    api_token_id: UUID | None
    created_at: datetime
    #: The provider's session; None until its creation was answered.
    session: Session | None = None
    #: The provider's id of the payment, once it was paid.
    payment_id: str | None = None
    #: The entry that credited it.
    sequence: int | None = None
    #: That entry's reference.
    reference: UUID | None = None
    refund: Refund | None = None

    @property
    def named(self) -> Named:
        return Named(self.user_id, self.top_up_id)

    @property
    def key(self) -> Key:
        return Key(self.user_id, Kind.TOP_UP, self.idempotency_key)

    @property
    def checkout_url(self) -> str | None:
        """Where it can be paid; None if it cannot, or not yet."""
        if self.status is not Status.PENDING or self.session is None:
            return None
        return self.session.url

    @property
    def session_expires_at(self) -> datetime:
        """When its payment page expires. Depends on nothing but the row, so that repeated calls are equal."""
        return self.created_at + LIFETIME

    def next_look_at(self, now: datetime) -> datetime:
        """When to ask the provider again what has become of it."""
        return now + min(max(now - self.created_at, SHORTEST_PAUSE), LONGEST_PAUSE)


@dataclass(frozen=True, slots=True)
class Request:
    """A top-up to start, as entered; `amount` is in whole units."""

    amount: Decimal
    idempotency_key: str
    #: The name of the provider.
    provider: str

    def is_same_input(self, earlier: TopUp, currency: money.Currency) -> bool:
        """Whether it asks for what the earlier one with its key did."""
        return money.minor_units(self.amount, currency) == earlier.amount_minor


@dataclass(frozen=True, slots=True)
class Facts:
    """What the decision depends on, as read under the user's lock."""

    user_id: UUID
    api_token_id: UUID | None
    is_verified: bool
    restricted_until: Untils | None
    balance_minor: int
    #: The pending top-ups, and their amounts together.
    pending: int
    pending_minor: int
    now: datetime


def start(request: Request, facts: Facts, top_up_id: UUID, limits: money.Limits) -> TopUp:
    """The new top-up. Raises EmailNotVerified, AccountRestricted, InvalidAmount, BalanceLimitExceeded or
    InvalidInput.

    What was started is credited once it is paid, whatever the balance is then: so what is pending counts.
    """
    if not facts.is_verified:
        raise errors.EmailNotVerified
    restrictions.check(facts.restricted_until, Restriction.ADDING, facts.now)
    amount_minor = transfers.check_amount(
        request.amount, limits, maximum_minor=limits.maximum_top_up_minor
    )
    room_minor = max(limits.maximum_balance_minor - facts.balance_minor - facts.pending_minor, 0)
    if amount_minor > room_minor:
        raise errors.BalanceLimitExceeded(
            limits.money(min(room_minor, limits.maximum_top_up_minor))
        )
    if facts.pending >= MAXIMUM_PENDING:
        raise errors.invalid(
            "amount",
            f"You have {MAXIMUM_PENDING} unpaid top-ups, which is the maximum. Pay one, or wait for one "
            "to expire.",
        )
    return TopUp(
        user_id=facts.user_id,
        top_up_id=top_up_id,
        provider=request.provider,
        amount_minor=amount_minor,
        status=Status.PENDING,
        idempotency_key=request.idempotency_key,
        api_token_id=facts.api_token_id,
        created_at=facts.now,
    )


@dataclass(eq=False)
class NotAvailable(errors.DomainError):
    message: str = "This service does not add money in this way. `wallet.topUpMethod` says which way it offers."
