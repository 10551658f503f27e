"""Reversing transactions, in full or in part: the rules that operators' and providers' commands share.

A reversal of a transfer is two entries with a reference of their own: outgoing from the user who received
the money, incoming to the user who sent it. A reversal of a top-up is one outgoing entry. The limits of
transfers and top-ups, the largest balance and the budgets of API tokens do not apply.

The fee is refunded in proportion, rounded down over all reversals with the fee together: after them, what
was refunded is floor(fee * amount reversed with the fee / original amount). So parts of any size refund
exactly the fee when all was reversed with it, and never more; the share of an amount that was reversed
without the fee stays charged. The refund is a part of the amount of the sender's incoming entry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from domain import errors
from domain.ledger import money, posting, transfers
from domain.ledger.decisions import Decision, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind


@dataclass(frozen=True, slots=True)
class Original:
    """An entry, and what was reversed of its transaction so far, in minor units."""

    entry: Entry
    #: Without refunded fees.
    reversed_minor: int = 0
    #: The part of it that was reversed with the fee; known from the sender's own ledger alone.
    with_fee_minor: int = 0
    fee_refunded_minor: int = 0

    @property
    def remaining_minor(self) -> int:
        return self.entry.amount_minor - self.reversed_minor

    def refund_minor(self, amount_minor: int) -> int:
        """How much of the fee is refunded if that much more is reversed with it."""
        with_fee_minor = self.with_fee_minor + amount_minor
        refunded_minor = self.entry.fee_minor * with_fee_minor // self.entry.amount_minor
        return refunded_minor - self.fee_refunded_minor

    def after(self, amount_minor: int, refund_minor: int | None) -> Original:
        """The same once that much more was reversed; no refund is one without the fee."""
        return Original(
            self.entry,
            self.reversed_minor + amount_minor,
            self.with_fee_minor + (0 if refund_minor is None else amount_minor),
            self.fee_refunded_minor + (refund_minor or 0),
        )


@dataclass(frozen=True, slots=True)
class OriginalOf(LookUp[Original]):
    """The user's own entry with that reference, and what was reversed of it."""

    user_id: UUID
    reference: UUID


@dataclass(frozen=True, slots=True)
class Target:
    """A transaction to be reversed, and the users in whose ledgers it is.

    `persistence.ledger.originals` finds it. A command locks these accounts, and declares these look-ups.
    """

    reference: UUID
    user_ids: tuple[UUID, ...]

    @property
    def look_ups(self) -> tuple[OriginalOf, ...]:
        return tuple(OriginalOf(user_id, self.reference) for user_id in self.user_ids)


def reverse(
    ledger: Ledger,
    target: Target,
    *,
    amount: Decimal | None,
    includes_fee: bool,
    reference: UUID,
    note: str | None = None,
) -> Decision:
    """Reverse the amount, in whole units, of the target; None is all that remains.

    `reference` identifies the reversal: a new id. `note`, cleaned, is visible to both sides. The decision
    has the entries, who is notified, and what later commands find; commands add their own effects to it.

    Raises NotFound, NotReversible, InvalidAmount, or InsufficientFunds for the account that returns money.
    """
    limits = ledger.limits
    received, sent = _sides(ledger, target)
    accounts = [ledger.accounts[side.entry.user_id] for side in (received, sent) if side]
    if any(account.is_closed for account in accounts):
        message = "This transaction cannot be reversed, because one of its accounts is closed."
        raise errors.NotReversible(limits.money(0), message)
    amount_minor = _check_amount(amount, received, limits)
    _check_funds(accounts[0], amount_minor, limits)
    refund_minor = sent.refund_minor(amount_minor) if sent is not None and includes_fee else None
    facts = {
        "reference": reference,
        "reverses": target.reference,
        "kind": Kind.REVERSAL,
        "fee_minor": 0,
        "note": note,
        "created_at": posting.posting_time(ledger.now, *accounts),
    }
    entries = _entries(accounts, received.entry, amount_minor, refund_minor, facts)
    found: dict[LookUp[object], Original] = {
        OriginalOf(accounts[0].user_id, target.reference): received.after(amount_minor, None)
    }
    if sent is not None:
        look_up = OriginalOf(sent.entry.user_id, target.reference)
        found[look_up] = sent.after(amount_minor, refund_minor)
    notices = [_notice(entry, received.entry.kind) for entry in entries]
    return Decision(entries, found=found, notices=notices)


def _sides(ledger: Ledger, target: Target) -> tuple[Original, Original | None]:
    """The entry of the user who received the money, and of the one who sent it, unless it was a top-up."""
    originals = [ledger.find(look_up) for look_up in target.look_ups]
    by_direction = {each.entry.direction: each for each in originals if each is not None}
    if any(each.entry.kind is Kind.REVERSAL for each in by_direction.values()):
        raise errors.NotReversible(ledger.limits.money(0), "A reversal cannot be reversed.")
    received, sent = (by_direction.get(each) for each in (Direction.INCOMING, Direction.OUTGOING))
    if received is None or (sent is None and received.entry.kind is Kind.TRANSFER):
        raise errors.NotFound("There is no transaction with this reference.")
    return received, sent


def _check_amount(amount: Decimal | None, received: Original, limits: money.Limits) -> int:
    remaining_minor = received.remaining_minor
    asked_minor = None if amount is None else money.minor_units(amount, limits.currency)
    if remaining_minor <= 0:
        raise errors.NotReversible(limits.money(0), "This transaction is reversed completely.")
    if amount is None:
        return remaining_minor
    if asked_minor is not None and asked_minor > remaining_minor:
        remaining = limits.money(remaining_minor)
        raise errors.NotReversible(remaining, f"Only {remaining} is left to reverse.")
    return transfers.check_amount(amount, limits, maximum_minor=remaining_minor)


def _check_funds(account: Account, amount_minor: int, limits: money.Limits) -> None:
    if amount_minor > account.balance_minor:
        balance = limits.money(account.balance_minor)
        shortfall = limits.money(amount_minor - account.balance_minor)
        raise errors.InsufficientFunds(
            balance,
            shortfall,
            f"The balance of the account that returns the money is {balance}: {shortfall} too low.",
        )


def _entries(
    accounts: Sequence[Account],
    received: Entry,
    amount_minor: int,
    refund_minor: int | None,
    facts: Mapping[str, Any],
) -> list[Entry]:
    """Outgoing from the first account, incoming to the second one, if there is one."""
    giver, *getters = accounts
    returned = Entry(
        user_id=giver.user_id,
        sequence=giver.sequence + 1,
        direction=Direction.OUTGOING,
        amount_minor=amount_minor,
        counterparty_id=received.counterparty_id,
        balance_after_minor=giver.balance_minor - amount_minor,
        **facts,
    )
    incoming_minor = amount_minor + (refund_minor or 0)
    return [
        returned,
        *(
            Entry(
                user_id=getter.user_id,
                sequence=getter.sequence + 1,
                direction=Direction.INCOMING,
                amount_minor=incoming_minor,
                counterparty_id=giver.user_id,
                balance_after_minor=getter.balance_minor + incoming_minor,
                fee_refunded_minor=refund_minor,
                **facts,
            )
            for getter in getters
        ),
    ]


def _notice(entry: Entry, kind: Kind) -> Notice:
    return Notice(
        entry.user_id,
        NotificationKind.TRANSACTION_REVERSED,
        entry.sequence,
        details={"kind": kind.value, "direction": entry.direction.value},
    )
