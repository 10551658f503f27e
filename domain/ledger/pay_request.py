"""Paying a payment request: a transfer that closes the request in the same commit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain import errors
from domain.authority import Authority
from domain.ledger import metadata as metadata_rules
from domain.ledger import posting, transfer_posting, transfers
from domain.ledger.confirmations import Declared, Subject
from domain.ledger.decisions import Decision, Effect, Key, Ledger, LookUp
from domain.ledger.kinds import Kind
from domain.ledger.metadata import Metadata
from domain.ledger.transfers import Account, Entry
from domain.notifications.notices import Notice
from domain.notifications.notification_kinds import NotificationKind
from domain.requests import payment_requests
from domain.requests.payment_requests import PaymentRequest


@dataclass(frozen=True, slots=True)
class RequestOf(LookUp[PaymentRequest]):
    """A payment request, as it is stored under its requester."""

    requester_id: UUID
    request_id: UUID


@dataclass(frozen=True, slots=True)
class ClosePaidRequest(Effect):
    """Record the payment in the row under that user."""

    user_id: UUID
    request: PaymentRequest


@dataclass(frozen=True, slots=True)
class StoreForPayer(Effect):
    """Store an open request, which was paid, under its payer."""

    request: PaymentRequest


@dataclass(frozen=True, slots=True)
class PayRequest:
    """Pay a payment request."""

    authority: Authority
    #: None if the id is malformed.
    asked: RequestOf | None
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
        caller_id = self.authority.user_id
        if self.asked is None or self.asked.requester_id == caller_id:
            return (caller_id,)
        return (caller_id, self.asked.requester_id)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        look_ups = transfer_posting.look_ups(self)
        return look_ups if self.asked is None else (self.asked, *look_ups)


def is_same_input(ledger: Ledger, command: PayRequest, earlier: Entry) -> bool:
    """Whether that entry paid the request."""
    request = None if command.asked is None else ledger.find(command.asked)
    return (
        request is not None
        and request.reference == earlier.reference
        and posting.has_same_metadata(ledger, command, earlier)
    )


def decide(ledger: Ledger, command: PayRequest, caller: Account) -> Decision:
    """Transfer the amount to the requester, and close the request. Raises the refusals of `payRequest`."""
    posting.check_first_use(ledger, command, caller)
    metadata = metadata_rules.clean(command.metadata)
    asked = command.asked
    request = None if asked is None else ledger.find(asked)
    if asked is None or request is None:
        raise errors.NotFound
    if request.requester_id == caller.user_id:
        raise errors.CannotPayYourself
    if not request.is_open and request.payer_id != caller.user_id:
        raise errors.NotFound
    payment_requests.check_is_pending(request, ledger.now)
    limits = ledger.limits
    # The limits may have changed since the request was made.
    transfers.check_amount(
        limits.money(request.amount_minor).amount,
        limits,
        maximum_minor=limits.maximum_transfer_minor,
    )
    requester = ledger.accounts.get(request.requester_id)
    if requester is None:
        raise errors.RecipientNotFound
    decision = transfer_posting.transfer(
        ledger,
        command,
        caller,
        requester,
        amount_minor=request.amount_minor,
        note=request.note,
        metadata=metadata,
        about=_about(request),
    )
    sent, received = decision.entries
    paid = payment_requests.paid(request, caller.user_id, sent.reference, sent.created_at)
    return replace(
        decision,
        effects=[*decision.effects, *_closing(paid)],
        found={**decision.found, asked: paid},
        notices=[*decision.notices, _notice(paid, received)],
    )


def subject(command: PayRequest, request: PaymentRequest) -> Subject:
    """What a confirmation of the payment is bound to."""
    return Subject(
        request.requester_id, request.amount_minor, command.idempotency_key, _about(request)
    )


def _about(request: PaymentRequest) -> str:
    return f"request {request.request_id}"


def _closing(paid: PaymentRequest) -> list[Effect]:
    if paid.is_open:
        return [ClosePaidRequest(paid.requester_id, paid), StoreForPayer(paid)]
    return [ClosePaidRequest(user_id, paid) for user_id in paid.users]


def _notice(paid: PaymentRequest, received: Entry) -> Notice:
    return Notice(
        paid.requester_id,
        NotificationKind.REQUEST_PAID,
        sequence=received.sequence,
        person_id=paid.payer_id,
        subject_id=paid.request_id,
    )
