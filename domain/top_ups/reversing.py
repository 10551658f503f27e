"""The ledger command that takes back what the provider took back of a payment.

A reversal is posted when the balance covers it whole, and until then it waits: no balance becomes negative,
and a part of it would leave two amounts that neither the provider nor the user knows.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from domain import ids
from domain.authority import Provider
from domain.ledger import money, restricting, reversals
from domain.ledger.decisions import Decision, Effect, Key, Ledger, LookUp
from domain.ledger.kinds import Kind
from domain.ledger.mails import RequestMail
from domain.ledger.reversals import Original, OriginalOf, Target
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notice
from domain.people.accounts import MailPurpose
from domain.people.restrictions import Restriction
from domain.top_ups.provider import Source

#: What an account is barred from whose balance does not cover a reversal.
BARRED = (Restriction.SENDING, Restriction.ADDING)


class Status(enum.StrEnum):
    """The state of what the provider took back."""

    #: Of a payment that is not credited yet, or the balance does not cover it.
    WAITING = "WAITING"
    #: It was taken from the balance, as far as other reversals had left something.
    POSTED = "POSTED"
    #: Nothing of the payment was left to take: other reversals had taken all.
    COVERED = "COVERED"
    #: The provider gave it back, and what was taken and no other reversal claims was credited again.
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
    #: What entries have taken when it was posted.
    taken_minor: int = 0
    #: What was credited again when it was returned, and the reference of that entry.
    returned_minor: int = 0
    returned_reference: UUID | None = None


@dataclass(frozen=True, slots=True)
class ReversalOf(LookUp[Reversal]):
    """A reversal as it is under the lock."""

    user_id: UUID
    reversal_id: UUID


@dataclass(frozen=True, slots=True)
class Payment:
    """A credited payment under the lock; amounts in minor units.

    What reversals have taken is what they claim, but never more than the payment: while several claim more
    than that, the return of one credits nothing of what the others claim.
    """

    amount_minor: int
    #: What the reversals claim that are posted or covered.
    claimed_minor: int
    #: What reversals have taken, less what was credited again.
    taken_minor: int
    #: The entries that credited it: the first, and one for each time that a part was credited again.
    credits: tuple[Original, ...]


@dataclass(frozen=True, slots=True)
class PaymentOf(LookUp[Payment]):
    """The payment of a top-up, once it is credited."""

    user_id: UUID
    top_up_id: UUID


@dataclass(frozen=True, slots=True)
class Operators(LookUp[tuple[UUID, ...]]):
    """The operators, who are told of balances that do not cover a reversal."""


# ================================================================ effects


@dataclass(frozen=True, slots=True)
class ReversalChanged(Effect):
    """The reversal in its new state."""

    reversal: Reversal


@dataclass(frozen=True, slots=True)
class ReversalPosted(Effect):
    """The entry with that reference took money for the reversal."""

    user_id: UUID
    reversal_id: UUID
    reference: UUID


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
    #: Identifies the transaction: a new id, generated beforehand so that decisions stay pure. Where several
    #: entries have credited the payment, the ids after it identify further transactions.
    reference: UUID

    @property
    def authority(self) -> Provider:
        return Provider(self.reversal.user_id, self.reversal.top_up_id)

    @property
    def look_up(self) -> ReversalOf:
        return ReversalOf(self.reversal.user_id, self.reversal.reversal_id)

    @property
    def payment(self) -> PaymentOf:
        return PaymentOf(self.reversal.user_id, self.reversal.top_up_id)

    @property
    def key(self) -> Key:
        # Entries of reversals have no keys: the state of the reversal says whether it was posted.
        return Key(self.reversal.user_id, Kind.REVERSAL, f"reversal:{self.reversal.reversal_id}")

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.reversal.user_id,)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (self.look_up, self.payment, Operators())


def reverse(ledger: Ledger, command: ReverseTopUp, caller: Account) -> Decision:
    """Post the reversal if it waits and the balance covers it; otherwise record what keeps it."""
    waiting, payment = ledger.find(command.look_up), ledger.find(command.payment)
    if waiting is None or waiting.status is not Status.WAITING or payment is None:
        return Decision()
    # An earlier command of the same commit may have reversed some of it.
    credited = [ledger.find(_original_of(each)) or each for each in payment.credits]
    amount_minor = min(waiting.amount_minor, sum(each.remaining_minor for each in credited))
    if amount_minor > caller.balance_minor:
        return Decision() if waiting.is_short else _short(ledger, waiting)
    taking = _take(ledger, command, credited, amount_minor)
    status = Status.POSTED if amount_minor else Status.COVERED
    posted = replace(waiting, status=status, taken_minor=amount_minor)
    found = {**taking.found, command.look_up: posted}
    found[command.payment] = Payment(
        payment.amount_minor,
        payment.claimed_minor + waiting.amount_minor,
        payment.taken_minor + amount_minor,
        payment.credits,
    )
    effects = [
        ReversalChanged(posted),
        TopUpChanged(caller.user_id, waiting.top_up_id),
        *(
            ReversalPosted(caller.user_id, waiting.reversal_id, entry.reference)
            for entry in taking.entries
        ),
    ]
    return replace(taking, effects=effects, found=found)


def _take(
    ledger: Ledger, command: ReverseTopUp, credited: Sequence[Original], amount_minor: int
) -> Decision:
    """Entries that reverse the amount of what credited the payment, of the largest first."""
    user_id = command.reversal.user_id
    originals: dict[LookUp[object], Original] = {_original_of(each): each for each in credited}
    # Each entry follows from the one before.
    after = replace(ledger, accounts={**ledger.accounts}, found={**ledger.found, **originals})
    entries: list[Entry] = []
    found: dict[LookUp[object], object] = {}
    notices: list[Notice] = []
    for original in sorted(credited, key=lambda each: each.remaining_minor, reverse=True):
        part_minor = min(amount_minor, original.remaining_minor)
        if part_minor <= 0:
            break
        decision = reversals.reverse(
            after,
            Target(original.entry.reference, (user_id,)),
            amount=money.whole_units(part_minor, ledger.limits.currency),
            includes_fee=False,
            reference=ids.after(command.reference, len(entries)),
        )
        [entry] = decision.entries
        after.accounts[user_id] = after.accounts[user_id].after(entry)
        entries.append(entry)
        found.update(decision.found)
        notices += decision.notices
        amount_minor -= part_minor
    return Decision(entries, found=found, notices=notices)


def _original_of(credit: Original) -> OriginalOf:
    return OriginalOf(credit.entry.user_id, credit.entry.reference)


def _short(ledger: Ledger, waiting: Reversal) -> Decision:
    """The balance does not cover it: none of it may be sent, and no more be added, until operators say so."""
    decision = changed(replace(waiting, is_short=True))
    effect, notice = restricting.restrict(ledger, waiting.user_id, BARRED, None)
    mails = [
        RequestMail(each, MailPurpose.BALANCE_SHORT, mail_details(waiting), ledger.now)
        for each in ledger.find(Operators()) or ()
    ]
    return replace(decision, effects=[*decision.effects, effect, *mails], notices=[notice])


def mail_details(reversal: Reversal) -> dict[str, str | int]:
    """What the mail to operators says of a reversal that the balance does not cover."""
    return {
        "amount_minor": reversal.amount_minor,
        "source": reversal.source.value.lower(),
        "user_id": str(reversal.user_id),
    }


def changed(reversal: Reversal) -> Decision:
    """Nothing but the reversal changes, to that."""
    look_up = ReversalOf(reversal.user_id, reversal.reversal_id)
    return Decision(effects=[ReversalChanged(reversal)], found={look_up: reversal})


def is_same_input(_ledger: Ledger, _command: ReverseTopUp, _earlier: Entry) -> bool:
    """Always: the key names the reversal."""
    return True
