"""Sending money to another user."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain import errors, text
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import money, posting, transfer_posting, transfers
from domain.ledger.confirmations import Declared
from domain.ledger.decisions import Decision, Key, Ledger, LookUp
from domain.ledger.kinds import Kind
from domain.ledger.metadata import Metadata
from domain.ledger.transfers import Account, Entry
from domain.values import value


@value
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
    confirmation: Declared | None = None

    @property
    def key(self) -> Key:
        return Key(self.authority.user_id, Kind.TRANSFER, self.idempotency_key)

    @property
    def account_ids(self) -> Sequence[UUID]:
        if self.recipient_id is None or self.recipient_id == self.authority.user_id:
            return (self.authority.user_id,)
        return (self.authority.user_id, self.recipient_id)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return transfer_posting.look_ups(self)


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
    if recipient is None:
        raise errors.RecipientNotFound
    return transfer_posting.transfer(
        ledger,
        command,
        caller,
        recipient,
        amount_minor=amount_minor,
        note=note,
        metadata=metadata,
    )
