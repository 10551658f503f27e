"""Payment requests, and the rules by which they are created and closed.

A request is closed once: paid, declined, cancelled or expired. It expires at its instant, whether or not
a job has recorded that yet.
"""

from __future__ import annotations

import base64
import binascii
import enum
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain import errors, text
from domain.ledger import money, transfers

DEFAULT_LIFETIME = timedelta(days=30)
#: A year, also across a leap day.
MAXIMUM_LIFETIME = timedelta(days=366)
#: How many pending requests a user may have in all, and to users who never paid a request of theirs.
MAXIMUM_PENDING = 200
MAXIMUM_PENDING_TO_STRANGERS = 50
#: The random part of a link's token.
SECRET_BYTES = 16


class Status(enum.StrEnum):
    """The state of a payment request."""

    PENDING = "pending"
    PAID = "paid"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class Role(enum.StrEnum):
    """Whose side of a payment request it is."""

    REQUESTER = "requester"
    PAYER = "payer"


@dataclass(frozen=True, slots=True)
class PaymentRequest:
    """A request for an amount in minor units, as it is stored under each of its users."""

    request_id: UUID
    requester_id: UUID
    #: None for an open request that has not been paid.
    payer_id: UUID | None
    #: Whether anyone with the link may pay it.
    is_open: bool
    amount_minor: int
    note: str | None
    status: Status
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    #: The random part of the link's token.
    secret: bytes
    #: The transaction that paid it.
    reference: UUID | None
    #: The bill split that it belongs to.
    split_id: UUID | None = None

    def at(self, now: datetime) -> PaymentRequest:
        """The request as it is at that instant: expired if it was pending and its time is over."""
        if self.status is Status.PENDING and now >= self.expires_at:
            return replace(self, status=Status.EXPIRED, closed_at=self.expires_at)
        return self

    def is_of(self, user_id: UUID | None) -> bool:
        """Whether the user is its requester or its payer."""
        return user_id is not None and user_id in (self.requester_id, self.payer_id)

    @property
    def users(self) -> tuple[UUID, ...]:
        """The users under whom it is stored."""
        if self.payer_id is None:
            return (self.requester_id,)
        return (self.requester_id, self.payer_id)

    @property
    def token(self) -> str:
        """The token of its link, which names the requester, as all secrets name their user."""
        raw = self.requester_id.bytes + self.secret
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_token(link: str) -> tuple[UUID, bytes] | None:
    """The requester and the random part of which the token of a link consists; None if malformed.

    Also reads a whole link, whose last part is the token.
    """
    token = link.rpartition("/")[2]
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 16 + SECRET_BYTES:
        return None
    # With other values of the unused bits, the same token would have a second spelling.
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token:
        return None
    return UUID(bytes=raw[:16]), raw[16:]


# ================================================================ refusals


@dataclass(eq=False)
class RequestClosed(errors.DomainError):
    """`payment_request` is the request as it is now; resolvers replace it by what the viewer sees."""

    payment_request: Any
    message: str = field(init=False)

    def __post_init__(self) -> None:
        self.message = _CLOSED[self.payment_request.status]


_CLOSED = {
    Status.PAID: "This payment request has already been paid.",
    Status.DECLINED: "This payment request was declined.",
    Status.CANCELLED: "This payment request was cancelled.",
    Status.EXPIRED: "This payment request has expired.",
}


@dataclass(eq=False)
class RequestNotAllowed(errors.DomainError):
    message: str = (
        "This user does not accept requests from you, or too many of your requests are unpaid."
    )


# ================================================================ creating


@dataclass(frozen=True, slots=True)
class Draft:
    """A request to be created. `amount` is in whole units; it and `note` are as entered."""

    requester_id: UUID
    #: None for an open request, and for a payer that does not exist.
    payer_id: UUID | None
    is_open: bool
    amount: Decimal
    note: str | None
    #: None is the default.
    expires_at: datetime | None

    def is_same_input(self, earlier: PaymentRequest, currency: money.Currency) -> bool:
        """Whether it asks for what an earlier request did (an empty note counts as none)."""
        try:
            note = text.clean_note(self.note)
        except errors.InvalidInput:
            return False
        return (
            money.minor_units(self.amount, currency) == earlier.amount_minor
            and self.is_open == earlier.is_open
            and (self.is_open or self.payer_id == earlier.payer_id)
            and note == earlier.note
            and (self.expires_at or earlier.created_at + DEFAULT_LIFETIME) == earlier.expires_at
        )

    def created(
        self, request_id: UUID, *, now: datetime, limits: money.Limits, receivers: Collection[UUID]
    ) -> PaymentRequest:
        """The new request. `receivers` has those of its users who can receive money.

        Raises EmailNotVerified, InvalidAmount, InvalidInput, CannotPayYourself or RecipientNotFound.
        """
        if self.requester_id not in receivers:
            raise errors.EmailNotVerified
        amount_minor = transfers.check_amount(
            self.amount, limits, maximum_minor=limits.maximum_transfer_minor
        )
        note = text.clean_note(self.note)
        expires_at = _expiry(self.expires_at, now)
        if self.payer_id == self.requester_id:
            raise errors.CannotPayYourself
        if not self.is_open and self.payer_id not in receivers:
            raise errors.RecipientNotFound
        return PaymentRequest(
            request_id=request_id,
            requester_id=self.requester_id,
            payer_id=self.payer_id,
            is_open=self.is_open,
            amount_minor=amount_minor,
            note=note,
            status=Status.PENDING,
            created_at=now,
            expires_at=expires_at,
            closed_at=None,
            secret=secrets.token_bytes(SECRET_BYTES),
            reference=None,
        )


def _expiry(chosen: datetime | None, now: datetime) -> datetime:
    if chosen is None:
        return now + DEFAULT_LIFETIME
    if chosen <= now:
        raise errors.invalid("expiresAt", "A payment request must expire in the future.")
    if chosen > now + MAXIMUM_LIFETIME:
        raise errors.invalid("expiresAt", "A payment request expires after a year at the latest.")
    return chosen


@dataclass(frozen=True, slots=True)
class Pending:
    """The pending requests of a user, in all and by payers who never paid a request of theirs."""

    total: int
    strangers: int


def check_pending(pending: Pending, *, new: int, new_to_strangers: int) -> None:
    """Raises RequestNotAllowed if so many new requests are too many."""
    too_many = pending.total + new > MAXIMUM_PENDING
    if new_to_strangers:
        too_many |= pending.strangers + new_to_strangers > MAXIMUM_PENDING_TO_STRANGERS
    if too_many:
        raise RequestNotAllowed


# ================================================================ closing


def check_is_pending(request: PaymentRequest, now: datetime) -> None:
    """Raises RequestClosed unless the request is pending at that instant."""
    now_is = request.at(now)
    if now_is.status is not Status.PENDING:
        raise RequestClosed(now_is)


def declined(request: PaymentRequest, user_id: UUID, now: datetime) -> PaymentRequest:
    """The request, declined by its payer; unchanged if it was declined before.

    Raises NotFound or RequestClosed.
    """
    if request.is_open or user_id != request.payer_id:
        raise errors.NotFound
    return _closed(request, Status.DECLINED, now)


def cancelled(request: PaymentRequest, user_id: UUID, now: datetime) -> PaymentRequest:
    """The request, cancelled by its requester; unchanged if it was cancelled before.

    Raises NotFound or RequestClosed.
    """
    if user_id != request.requester_id:
        raise errors.NotFound
    return _closed(request, Status.CANCELLED, now)


def _closed(request: PaymentRequest, status: Status, now: datetime) -> PaymentRequest:
    if request.status is status:
        return request
    check_is_pending(request, now)
    return replace(request, status=status, closed_at=now)


def paid(request: PaymentRequest, payer_id: UUID, reference: UUID, now: datetime) -> PaymentRequest:
    """The request, paid by that transaction."""
    return replace(
        request, status=Status.PAID, closed_at=now, payer_id=payer_id, reference=reference
    )
