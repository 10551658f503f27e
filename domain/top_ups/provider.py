"""The port to a payment provider: what the wallet asks of it, and the facts that it reports.

Facts never become untrue later, so they may arrive repeatedly, late and in any order.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Named:
    """The top-up that something at the provider belongs to, as the wallet labelled it."""

    user_id: UUID
    top_up_id: UUID


@dataclass(frozen=True, slots=True)
class Checkout:
    """A payment to ask for. The same top-up always asks for the same, however often it does."""

    top_up: Named
    amount_minor: int
    #: ISO 4217 code.
    currency: str
    #: Where the provider sends the payer back to.
    success_url: str
    cancel_url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Session:
    """A payment page at the provider."""

    session_id: str
    #: None once it is completed or has expired.
    url: str | None
    expires_at: datetime


# ================================================================ facts


@dataclass(frozen=True, slots=True)
class Paid:
    """A session was paid."""

    top_up: Named
    session_id: str
    #: Identifies the payment; of one session there is one.
    payment_id: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A session ended without a payment: it expired, or the payment failed."""

    top_up: Named
    session_id: str


class Source(enum.StrEnum):
    """Why money of a payment was taken back."""

    REFUND = "REFUND"
    DISPUTE = "DISPUTE"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """The provider took money of a payment back, or (`is_returned`) gave back what it had taken."""

    payment_id: str
    #: Identifies the refund or the dispute.
    source_id: str
    source: Source
    amount_minor: int
    currency: str
    is_returned: bool = False


Fact = Paid | Ended | TakenBack


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the provider; without a fact, it is of no interest to the wallet."""

    event_id: str
    created_at: datetime
    fact: Fact | None


# ================================================================ the port


class Forged(Exception):
    """The signature of an event is missing, wrong or too old."""


class ProviderAway(Exception):
    """The provider did not answer, or not with an answer that says what happened: ask again."""


class ProviderRefused(Exception):
    """The provider refused the request, as it always will."""


class PaymentProvider(Protocol):
    """A payment provider. Everything but `read_event` raises ProviderAway or ProviderRefused."""

    @property
    def name(self) -> str:
        """As in `TOP_UP_PROVIDER`; stored with each top-up."""

    async def start(self, checkout: Checkout) -> Session:
        """Create the session of a top-up, or return it if it was created before."""

    async def session(self, session_id: str) -> Fact | None:
        """What has become of a session; None while it may still be paid."""

    async def expire(self, session_id: str) -> None:
        """Have the session accept no payment any more; nothing if it has ended already."""

    async def refund(self, payment_id: str, top_up: Named) -> None:
        """Give the whole payment back, once however often this is called."""

    async def owner(self, payment_id: str) -> Named | None:
        """The top-up that a payment belongs to; None if it is not one of the wallet's."""

    async def events(self, since: datetime) -> Sequence[Event]:
        """The events since then that may matter, oldest first, whether or not they were delivered."""

    def read_event(self, body: bytes, signature: str | None) -> Event:
        """The event in a request of the provider. Raises Forged."""

    async def check(self) -> None:
        """Whether the provider can be reached with these settings."""

    async def close(self) -> None:
        """Close the connections."""
