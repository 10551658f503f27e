"""The ledger command that credits again what the provider returned of what it had taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain import errors
from domain.authority import Provider
from domain.ledger import posting
from domain.ledger.decisions import Decision, Key, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.reversals import Original
from domain.ledger.transfers import Account, Entry
from domain.top_ups import reversing
from domain.top_ups.reversing import (
    Payment,
    PaymentOf,
    Reversal,
    ReversalChanged,
    ReversalOf,
    Status,
    TopUpChanged,
)


@dataclass(frozen=True, slots=True)
class ReturnTopUp:
    """Credit again what was taken back: the dispute was won, or the refund failed."""

    reversal: Reversal
    #: Identifies the transaction: a new id, generated beforehand so that decisions stay pure.
    reference: UUID

    @property
    def authority(self) -> Provider:
        return Provider(self.reversal.user_id, self.reversal.top_up_id)

    @property
    def look_up(self) -> ReversalOf:
        return ReversalOf(self.reversal.user_id, self.reversal.reversal_id)

    @property
    def key(self) -> Key:
        return Key(self.reversal.user_id, Kind.TOP_UP, f"returned:{self.reversal.reversal_id}")

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.reversal.user_id,)

    @property
    def payment(self) -> PaymentOf:
        return PaymentOf(self.reversal.user_id, self.reversal.top_up_id)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (self.look_up, self.payment)


def give_back(ledger: Ledger, command: ReturnTopUp, caller: Account) -> Decision:
    """Credit what was taken and no other reversal claims. Later, the reversal is not posted any more."""
    found, payment = ledger.find(command.look_up), ledger.find(command.payment)
    if found is None:
        raise errors.Unauthenticated
    if found.status is Status.RETURNED:
        return Decision()
    if found.status is Status.WAITING or payment is None:
        return reversing.changed(replace(found, status=Status.RETURNED))
    claimed_minor = payment.claimed_minor - found.amount_minor
    amount_minor = max(payment.taken_minor - min(claimed_minor, payment.amount_minor), 0)
    returned = replace(found, status=Status.RETURNED)
    entries = []
    if amount_minor:
        returned = replace(
            returned, returned_minor=amount_minor, returned_reference=command.reference
        )
        entries = [_credit(ledger, command, caller, amount_minor)]
    payment = Payment(
        payment.amount_minor,
        claimed_minor,
        payment.taken_minor - amount_minor,
        (*payment.credits, *map(Original, entries)),
    )
    return Decision(
        entries,
        [ReversalChanged(returned), TopUpChanged(caller.user_id, found.top_up_id)],
        {command.look_up: returned, command.payment: payment},
    )


def _credit(ledger: Ledger, command: ReturnTopUp, caller: Account, amount_minor: int) -> Entry:
    return Entry(
        user_id=caller.user_id,
        sequence=caller.sequence + 1,
        reference=command.reference,
        kind=Kind.TOP_UP,
        direction=Direction.INCOMING,
        amount_minor=amount_minor,
        fee_minor=0,
        counterparty_id=None,
        note=None,
        balance_after_minor=caller.balance_minor + amount_minor,
        created_at=posting.posting_time(ledger.now, caller),
        idempotency_key=command.key.idempotency_key,
    )


def is_same_input(_ledger: Ledger, _command: ReturnTopUp, _earlier: Entry) -> bool:
    """Always: the key names the reversal."""
    return True
