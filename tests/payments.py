"""A payment provider in memory, for tests of what the wallet does with one; tests/adapters has the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from domain.top_ups.provider import (
    Checkout,
    Ended,
    Event,
    Fact,
    Forged,
    Named,
    Paid,
    ProviderAway,
    ProviderRefused,
    Session,
    Source,
    TakenBack,
)


@dataclass
class Payments:
    """Implements domain.top_ups.provider.PaymentProvider; what it has done is in its attributes."""

    name: str = "stripe"
    #: The sessions by the top-up: each is created once.
    sessions: dict[UUID, Session] = field(default_factory=dict)
    checkouts: dict[str, Checkout] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    refunded: list[str] = field(default_factory=list)
    #: The payments that it says do not exist.
    unknown: set[str] = field(default_factory=set)
    #: Raised by each call while it is set.
    trouble: ProviderAway | ProviderRefused | None = None
    #: Raised after the session was created.
    lost_answer: ProviderAway | None = None

    async def start(self, checkout: Checkout) -> Session:
        self._check()
        top_up_id = checkout.top_up.top_up_id
        session_id = f"cs_{top_up_id.hex}"
        session = Session(session_id, f"https://pay.example/{session_id}", checkout.expires_at)
        session = self.sessions.setdefault(top_up_id, session)
        assert self.checkouts.setdefault(session_id, checkout) == checkout
        if self.lost_answer is not None:
            raise self.lost_answer
        return session

    async def session(self, session_id: str) -> Fact | None:
        self._check()
        return next((fact for fact in self.facts if _session_of(fact) == session_id), None)

    async def expire(self, session_id: str) -> None:
        self._check()
        self.expired.append(session_id)
        if all(_session_of(fact) != session_id for fact in self.facts):
            self.facts.append(Ended(self.checkouts[session_id].top_up, session_id))

    async def refund(self, payment_id: str, top_up: Named) -> None:
        self._check()
        if payment_id not in self.refunded:
            self.refunded.append(payment_id)

    async def owner(self, payment_id: str) -> Named | None:
        self._check()
        if payment_id in self.unknown:
            raise ProviderRefused("no such payment")
        for session_id, checkout in self.checkouts.items():
            if payment_id == f"pi_{session_id}":
                return checkout.top_up
        return None

    async def events(self, since: datetime) -> Sequence[Event]:
        self._check()
        return [Event(f"evt_{number}", since, fact) for number, fact in enumerate(self.facts)]

    def read_event(self, body: bytes, signature: str | None) -> Event:
        raise Forged("unsigned")

    async def check(self) -> None:
        self._check()

    async def close(self) -> None:
        """Nothing is open."""

    def _check(self) -> None:
        if self.trouble is not None:
            raise self.trouble

    # ------------------------------------------------ what payers and banks do

    def pay(self, top_up_id: UUID) -> Paid:
        """The payment of the top-up's session."""
        session = self.sessions[top_up_id]
        checkout = self.checkouts[session.session_id]
        paid = Paid(
            checkout.top_up,
            session.session_id,
            f"pi_{session.session_id}",
            checkout.amount_minor,
            checkout.currency,
        )
        self.facts.append(paid)
        return paid

    def take_back(
        self,
        paid: Paid,
        amount_minor: int | None = None,
        source: Source = Source.REFUND,
        number: int = 1,
    ) -> TakenBack:
        """A refund or a dispute of the payment."""
        taken = TakenBack(
            paid.payment_id,
            f"{source.value}_{paid.payment_id}_{number}",
            source,
            paid.amount_minor if amount_minor is None else amount_minor,
            paid.currency,
        )
        self.facts.append(taken)
        return taken

    def give_back(self, taken: TakenBack) -> TakenBack:
        """The dispute is won, or the refund has failed."""
        returned = replace(taken, is_returned=True)
        self.facts.append(returned)
        return returned


def _session_of(fact: Fact) -> str | None:
    return None if isinstance(fact, TakenBack) else fact.session_id
