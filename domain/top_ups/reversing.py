"""The ledger commands that take back what the provider took back of a payment, and credit what it returned.

A reversal is posted when the balance covers it whole, and until then it waits: no balance becomes negative,
and a part of it would leave two amounts that neither the provider nor the user knows.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain import errors
from domain.authority import Provider
from domain.ledger import money, posting, restricting, reversals
from domain.ledger.decisions import Decision, Effect, Key, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.reversals import Original, Target
from domain.ledger.transfers import Account, Entry
from domain.people.restrictions import Restriction
from domain.top_ups.provider import Source


class Status(enum.StrEnum):
    """The state of what the provider took back."""

    #: Of a payment that is not credited yet, or the balance does not cover it.
    WAITING = "WAITING"
    #: It was taken from the balance.
    POSTED = "POSTED"
    #: Nothing of the payment was left to take: other reversals had.
    COVERED = "COVERED"
    #: The provider gave it back, and it was credited again if it had been taken.
    RETURNED = "RETURNED"


@dataclass(frozen=True, slots=True)
class Reversal:
    """A refund or a dispute of a payment; amounts in minor units."""

    user_id: UUID
    reversal_id: UUID
    top_up_id: UUID
    source: Source
    amount_minor: int
    status: Status
    #: Whether operators know that the balance does not cover it.
    is_short: bool = False
    #: The amount of the entry that took it.
    taken_minor: int = 0
    #: The reference of that entry, and of the one that credited it again.
    reference: UUID | None = None
    returned_reference: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReversalOf(LookUp[Reversal]):
    """A reversal as it is under the lock."""

    user_id: UUID
    reversal_id: UUID


# ================================================================ effects


@dataclass(frozen=True, slots=True)
class ReversalChanged(Effect):
    """The reversal in its new state."""

    reversal: Reversal


@dataclass(frozen=True, slots=True)
class TopUpChanged(Effect):
    """The state of the top-up follows from its reversals, which the decision changes before."""

    user_id: UUID
    top_up_id: UUID


# ================================================================ taking back


@dataclass(frozen=True, slots=True)
class ReverseTopUp:
    """Take back what the provider took back."""

    reversal: Reversal
    #: The transactions that credited the payment: one, and one for each reversal that was returned.
    credits: tuple[UUID, ...]
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
        # Entries of reversals have no keys: the state of the reversal says whether it was posted.
        return Key(self.reversal.user_id, Kind.REVERSAL, f"reversal:{self.reversal.reversal_id}")

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.reversal.user_id,)

    @property
    def targets(self) -> tuple[Target, ...]:
        return tuple(Target(each, (self.reversal.user_id,)) for each in self.credits)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (self.look_up, *(each for target in self.targets for each in target.look_ups))


def reverse(ledger: Ledger, command: ReverseTopUp, caller: Account) -> Decision:
    """Post the reversal if it waits and the balance covers it; otherwise record what keeps it."""
    look_up = command.look_up
    waiting = ledger.find(look_up)
    if waiting is None or waiting.status is not Status.WAITING:
        return Decision()
    largest = _largest(ledger, command)
    if largest is None or largest.remaining_minor <= 0:
        return _changed(replace(waiting, status=Status.COVERED))
    amount_minor = min(waiting.amount_minor, largest.remaining_minor)
    if amount_minor > caller.balance_minor:
        return Decision() if waiting.is_short else _short(ledger, waiting)
    decision = reversals.reverse(
        ledger,
        Target(largest.entry.reference, (caller.user_id,)),
        amount=money.whole_units(amount_minor, ledger.limits.currency),
        includes_fee=False,
        reference=command.reference,
    )
    posted = replace(
        waiting, status=Status.POSTED, taken_minor=amount_minor, reference=command.reference
    )
    return replace(
        decision,
        effects=[
            *decision.effects,
            ReversalChanged(posted),
            TopUpChanged(caller.user_id, waiting.top_up_id),
        ],
        found={**decision.found, look_up: posted},
    )


def _short(ledger: Ledger, waiting: Reversal) -> Decision:
    """The balance does not cover it: none of it may be sent, and no more be added, until operators say so."""
    decision = _changed(replace(waiting, is_short=True))
    barred = (Restriction.SENDING, Restriction.ADDING)
    effect, notice = restricting.restrict(ledger, waiting.user_id, barred, None)
    return replace(decision, effects=[*decision.effects, effect], notices=[notice])


def _changed(reversal: Reversal) -> Decision:
    look_up = ReversalOf(reversal.user_id, reversal.reversal_id)
    return Decision(effects=[ReversalChanged(reversal)], found={look_up: reversal})


def _largest(ledger: Ledger, command: ReverseTopUp) -> Original | None:
    """Of the entries that credited the payment, the one of which most is left."""
    found = [
        original
        for target in command.targets
        for look_up in target.look_ups
        if (original := ledger.find(look_up)) is not None
    ]
    return max(found, key=lambda original: original.remaining_minor, default=None)


# ================================================================ crediting again


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
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (self.look_up,)


def give_back(ledger: Ledger, command: ReturnTopUp, caller: Account) -> Decision:
    """Credit what was taken; nothing if nothing was. Later, the reversal is not posted any more."""
    look_up = command.look_up
    found = ledger.find(look_up)
    if found is None:
        raise errors.Unauthenticated
    if found.status is Status.RETURNED:
        return Decision()
    if found.taken_minor == 0:
        return _changed(replace(found, status=Status.RETURNED))
    returned = replace(found, status=Status.RETURNED, returned_reference=command.reference)
    entry = Entry(
        user_id=caller.user_id,
        sequence=caller.sequence + 1,
        reference=command.reference,
        kind=Kind.TOP_UP,
        direction=Direction.INCOMING,
        amount_minor=found.taken_minor,
        fee_minor=0,
        counterparty_id=None,
        note=None,
        balance_after_minor=caller.balance_minor + found.taken_minor,
        created_at=posting.posting_time(ledger.now, caller),
        idempotency_key=command.key.idempotency_key,
    )
    return Decision(
        [entry],
        [ReversalChanged(returned), TopUpChanged(caller.user_id, found.top_up_id)],
        {look_up: returned},
    )


def is_same_input(_ledger: Ledger, _command: ReturnTopUp | ReverseTopUp, _earlier: Entry) -> bool:
    """Always: the key names the reversal."""
    return True
