"""Sending money to another user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain import errors, text
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import money, posting, transfers
from domain.ledger.budgets import BudgetOf, TokenBudget
from domain.ledger.decisions import Decision, Key, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.metadata import Metadata
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind


@dataclass(frozen=True, slots=True)
class SendMoney:
    """Send money. `amount` is in whole units; it, `note` and `metadata` are as entered."""

    authority: Authority
    #: None if the id is malformed or the address unknown.
    recipient_id: UUID | None
    amount: Decimal
    note: str | None
    idempotency_key: str
    #: Identifies the transaction on both sides: a new id, generated beforehand so that decisions stay pure.
    reference: UUID
    metadata: Metadata | None = None
    not_after: datetime | None = None

    @property
    def key(self) -> Key:
        return Key(self.authority.user_id, Kind.TRANSFER, self.idempotency_key)

    @property
    def account_ids(self) -> Sequence[UUID]:
        if self.recipient_id is None or self.recipient_id == self.authority.user_id:
            return (self.authority.user_id,)
        return (self.authority.user_id, self.recipient_id)

    @property
    def budget_look_up(self) -> BudgetOf | None:
        """The budget that the transfer is charged to; None without an API token."""
        api_token_id = self.authority.api_token_id
        return None if api_token_id is None else BudgetOf(self.authority.user_id, api_token_id)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        of_all = posting.look_ups(self)
        budget = self.budget_look_up
        return of_all if budget is None else (budget, *of_all)


def is_same_input(ledger: Ledger, command: SendMoney, earlier: Entry) -> bool:
    """Whether the command requests what that entry did (an empty note counts as none)."""
    try:
        note = text.clean_note(command.note)
    except errors.InvalidInput:
        return False
    return (
        money.minor_units(command.amount, ledger.limits.currency) == earlier.amount_minor
        and command.recipient_id == earlier.counterparty_id
        and note == earlier.note
        and posting.has_same_metadata(ledger, command, earlier)
    )


def decide(ledger: Ledger, command: SendMoney, caller: Account) -> Decision:
    """Transfer the amount to the recipient, and charge the fee. Raises the refusals of `sendMoney`."""
    posting.check_first_use(ledger, command, caller)
    limits = ledger.limits
    amount_minor = transfers.check_amount(
        command.amount, limits, maximum_minor=limits.maximum_transfer_minor
    )
    note = text.clean_note(command.note)
    metadata = metadata_rules.clean(command.metadata)
    if command.recipient_id == caller.user_id:
        raise errors.CannotPayYourself
    recipient = ledger.accounts.get(command.recipient_id) if command.recipient_id else None
    if recipient is None or not recipient.can_receive:
        raise errors.RecipientNotFound
    fee_minor = limits.fee_minor(amount_minor)
    total_minor = amount_minor + fee_minor
    found = _charge_budget(ledger, command, total_minor)
    if total_minor > caller.balance_minor:
        raise errors.InsufficientFunds(
            balance=limits.money(caller.balance_minor),
            shortfall=limits.money(total_minor - caller.balance_minor),
        )
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
    told = Notice(recipient.user_id, NotificationKind.MONEY_RECEIVED, received.sequence)
    return posting.posted(command, [sent, received], metadata, found, [told])


def _charge_budget(
    ledger: Ledger, command: SendMoney, total_minor: int
) -> dict[LookUp[object], TokenBudget]:
    """The budget after the transfer. Raises TokenLimitExceeded."""
    look_up = command.budget_look_up
    if look_up is None:
        return {}
    budget = ledger.find(look_up)
    if budget is None:
        # Every active API token has one.
        raise errors.Unauthenticated
    remaining_minor = budget.remaining_minor
    if remaining_minor is not None and total_minor > remaining_minor:
        raise errors.TokenLimitExceeded(ledger.limits.money(remaining_minor))
    return {look_up: budget.after(total_minor)}
