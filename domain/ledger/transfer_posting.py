"""Posting a transfer: the part that all commands share which pay another user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from uuid import UUID

from domain import errors
from domain.authority import Session
from domain.ledger import budgets, confirmations, posting
from domain.ledger.budgets import BudgetOf, TokenBudget
from domain.ledger.confirmations import ConfirmedCommand, Subject, Used
from domain.ledger.decisions import Decision, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.metadata import Metadata
from domain.ledger.posting import PostingCommand
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.people import restrictions
from domain.people.restrictions import Restriction


class TransferCommand(PostingCommand, ConfirmedCommand, Protocol):
    """A command that pays another user; its key is one of transfers."""

    @property
    def reference(self) -> UUID:
        """Identifies the transaction on both sides: a new id, generated beforehand so that decisions stay
        pure.
        """


def look_ups(command: TransferCommand) -> Sequence[LookUp[object]]:
    """The look-ups of every such command."""
    of_all = posting.look_ups(command)
    budget = BudgetOf.of(command.authority)
    if budget is not None:
        return (budget, *of_all)
    confirmation = command.confirmation
    return of_all if confirmation is None else (*confirmation.look_ups, *of_all)


def transfer(
    ledger: Ledger,
    command: TransferCommand,
    caller: Account,
    recipient: Account,
    *,
    amount_minor: int,
    note: str | None,
    metadata: Metadata | None,
    about: str = "",
) -> Decision:
    """Transfer the amount to the recipient, and charge the fee; `note` and `metadata` are cleaned.

    `about` is what else a confirmation confirms, see `confirmations.Subject`. Raises AccountRestricted,
    RecipientNotFound, TokenLimitExceeded, InsufficientFunds, or what `confirmations.check` raises.
    """
    if caller.restricted_until is not None:
        restrictions.check(caller.restricted_until, Restriction.SENDING, ledger.now)
    if not recipient.can_receive(ledger.now):
        raise errors.RecipientNotFound
    limits = ledger.limits
    fee_minor = limits.fee_minor(amount_minor)
    total_minor = amount_minor + fee_minor
    found = _charge_budget(ledger, command, caller, total_minor)
    if total_minor > caller.balance_minor:
        raise errors.InsufficientFunds(
            balance=limits.money(caller.balance_minor),
            shortfall=limits.money(total_minor - caller.balance_minor),
        )
    confirmed = None
    if caller.confirm_above_minor is not None and type(command.authority) is Session:
        # The last of all refusals, so that nobody confirms in vain.
        subject = Subject(recipient.user_id, amount_minor, command.idempotency_key, about)
        confirmed = confirmations.check(ledger, command, caller, subject)
    sent = Entry(
        user_id=caller.user_id,
        sequence=caller.sequence + 1,
        reference=command.reference,
        kind=Kind.TRANSFER,
        direction=Direction.OUTGOING,
        amount_minor=amount_minor,
        fee_minor=fee_minor,
        counterparty_id=recipient.user_id,
        note=note,
        balance_after_minor=caller.balance_minor - total_minor,
        created_at=posting.posting_time(ledger.now, caller, recipient),
        idempotency_key=command.idempotency_key,
        api_token_id=command.authority.api_token_id,
        metadata_digest=None if metadata is None else metadata.digest,
    )
    received = Entry(
        user_id=recipient.user_id,
        sequence=recipient.sequence + 1,
        reference=sent.reference,
        kind=sent.kind,
        direction=Direction.INCOMING,
        amount_minor=amount_minor,
        fee_minor=0,
        counterparty_id=caller.user_id,
        note=note,
        balance_after_minor=recipient.balance_minor + amount_minor,
        created_at=sent.created_at,
    )
    notice = Notice(recipient.user_id, NotificationKind.MONEY_RECEIVED, received.sequence)
    decision = posting.posted(command, [sent, received], metadata, found, [notice])
    return decision if confirmed is None else _with(decision, confirmed)


def _with(decision: Decision, confirmed: Used) -> Decision:
    return replace(
        decision,
        effects=[*decision.effects, *confirmed.effects],
        found={**decision.found, **confirmed.found},
        notices=[*decision.notices, *confirmed.notices],
    )


def _charge_budget(
    ledger: Ledger, command: TransferCommand, caller: Account, total_minor: int
) -> dict[LookUp[object], TokenBudget]:
    """The budget after the transfer. Raises TokenLimitExceeded."""
    look_up = BudgetOf.of(command.authority)
    if look_up is None:
        return {}
    budget = ledger.find(look_up)
    if budget is None:
        # Every active API token has one.
        raise errors.Unauthenticated
    if budget.daily_limit_minor is None and caller.confirm_above_minor is not None:
        # It was created before the second factor, which it must not circumvent.
        raise errors.TokenLimitExceeded(ledger.limits.money(0), budgets.WITHOUT_LIMIT)
    remaining_minor = budget.remaining_minor
    if remaining_minor is not None and total_minor > remaining_minor:
        raise errors.TokenLimitExceeded(ledger.limits.money(remaining_minor))
    return {look_up: budget.after(total_minor)}
