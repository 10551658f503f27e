"""The ledger command that credits a paid top-up, under the authority of the provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain import errors
from domain.authority import Provider
from domain.ledger import posting
from domain.ledger.decisions import Decision, Effect, Key, KeyClosure, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Account, Entry
from domain.top_ups.top_ups import TopUp


@dataclass(frozen=True, slots=True)
class TopUpState:
    """A top-up as it is under the lock."""

    #: Whether it may still be paid.
    is_pending: bool
    #: The entry that credited it, and the payment.
    sequence: int | None
    payment_id: str | None


@dataclass(frozen=True, slots=True)
class TopUpOf(LookUp[TopUpState]):
    """The state of the top-up that was started with that key."""

    key: Key


@dataclass(frozen=True, slots=True)
class TopUpPosted(Effect):
    """The top-up was credited as that entry of the user's own ledger."""

    user_id: UUID
    top_up_id: UUID
    sequence: int
    reference: UUID
    session_id: str
    payment_id: str


@dataclass(frozen=True, slots=True)
class CreditTopUp:
    """Credit a top-up that was paid. Its key is that with which it was started."""

    top_up: TopUp
    session_id: str
    payment_id: str
    #: Identifies the transaction: a new id, generated beforehand so that decisions stay pure.
    reference: UUID
    metadata: None = None
    not_after: None = None

    @property
    def authority(self) -> Provider:
        top_up = self.top_up
        return Provider(top_up.user_id, top_up.top_up_id, top_up.api_token_id)

    @property
    def idempotency_key(self) -> str:
        return self.top_up.idempotency_key

    @property
    def key(self) -> Key:
        return self.top_up.key

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.top_up.user_id,)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (TopUpOf(self.key),)


def is_same_input(ledger: Ledger, command: CreditTopUp, earlier: Entry) -> bool:
    """Whether that entry credited this payment."""
    state = ledger.find(TopUpOf(command.key))
    return (
        state is not None
        and state.sequence == earlier.sequence
        and state.payment_id == command.payment_id
    )


def decide(ledger: Ledger, command: CreditTopUp, caller: Account) -> Decision:
    """Credit the payment. Raises IdempotencyKeyClosed: it has to be refunded then.

    Neither the limits nor a restriction of the account matter here: they did when it was started, and the
    money has been paid since.
    """
    if ledger.find(KeyClosure(command.key)):
        raise errors.IdempotencyKeyClosed
    look_up = TopUpOf(command.key)
    if ledger.find(look_up) is None:
        raise errors.Unauthenticated
    top_up, sequence = command.top_up, caller.sequence + 1
    entry = Entry(
        user_id=caller.user_id,
        sequence=sequence,
        reference=command.reference,
        kind=Kind.TOP_UP,
        direction=Direction.INCOMING,
        amount_minor=top_up.amount_minor,
        fee_minor=0,
        counterparty_id=None,
        note=None,
        balance_after_minor=caller.balance_minor + top_up.amount_minor,
        created_at=posting.posting_time(ledger.now, caller),
        idempotency_key=top_up.idempotency_key,
        api_token_id=top_up.api_token_id,
    )
    posted = TopUpPosted(
        user_id=caller.user_id,
        top_up_id=top_up.top_up_id,
        sequence=sequence,
        reference=command.reference,
        session_id=command.session_id,
        payment_id=command.payment_id,
    )
    found = TopUpState(is_pending=False, sequence=sequence, payment_id=command.payment_id)
    return Decision([entry], [posted], {look_up: found})


@dataclass(frozen=True, slots=True)
class AbandonTopUp(Effect):
    """The key of a pending top-up was closed: it is not credited any more, and its session has to end."""

    key: Key
