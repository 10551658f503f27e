"""Reversals by operators: above a threshold they are proposals, which a second operator decides.

Each leaves a record in the log of operators, in the commit that moves the money.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from domain import errors
from domain.authority import Operator
from domain.ledger import money, reversals
from domain.ledger.decisions import Decision, Effect, Key, Ledger, LookUp
from domain.ledger.kinds import Direction, Kind
from domain.ledger.reversals import Original, Target
from domain.ledger.transfers import Account, Entry
from domain.operators import actions
from domain.operators.actions import Action
from domain.operators.log import ActionKind, Head, Record, RecordType


@dataclass(frozen=True, slots=True)
class LogHead(LookUp[Head]):
    """The end of the log of operators, which is locked until the commit."""


@dataclass(frozen=True, slots=True)
class ActionOfKey(LookUp[Action]):
    """The reversal or the proposal that the operator requested with that key."""

    operator_id: UUID
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class ProposalOf(LookUp[Action]):
    """A proposal, and its decision if there is one."""

    action_id: UUID


@dataclass(frozen=True, slots=True)
class AppendRecord(Effect):
    """Append a sealed record to the log."""

    record: Record


@dataclass(frozen=True, slots=True)
class MoveHead(Effect):
    """The log ends there now."""

    head: Head


@dataclass(frozen=True, slots=True)
class ReverseTransaction:
    """Reverse the amount, or all that remains, or propose it."""

    authority: Operator
    #: None if the reference is malformed.
    transaction_reference: UUID | None
    #: None if there is no transaction with this reference.
    target: Target | None
    amount: Decimal | None
    includes_fee: bool
    #: Cleaned.
    reason: str
    idempotency_key: str
    #: The most that one operator may reverse of one transaction, in minor units.
    approval_above_minor: int
    #: New ids, generated beforehand so that decisions stay pure: of the action and of the reversal.
    action_id: UUID
    reference: UUID

    @property
    def key(self) -> Key:
        return Key(self.authority.user_id, Kind.REVERSAL, self.idempotency_key)

    @property
    def of_key(self) -> ActionOfKey:
        return ActionOfKey(self.authority.user_id, self.idempotency_key)

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.authority.user_id, *(() if self.target is None else self.target.user_ids))

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        # The end of the log comes first: what is read after it was locked is up to date.
        return (LogHead(), self.of_key, *(() if self.target is None else self.target.look_ups))


@dataclass(frozen=True, slots=True)
class DecideAction:
    """Approve a proposal, which reverses the transaction, or reject it."""

    authority: Operator
    #: As it was proposed.
    proposal: Action
    agrees: bool
    reference: UUID

    @property
    def target(self) -> Target:
        record = self.proposal.record
        assert record.reference is not None
        users = [record.account_id, *([record.other_account_id] if record.other_account_id else [])]
        return Target(record.reference, tuple(users))

    @property
    def key(self) -> Key:
        # Each command has a key. That of a decision is new, and finds nothing.
        return Key(self.authority.user_id, Kind.REVERSAL, str(self.reference))

    @property
    def account_ids(self) -> Sequence[UUID]:
        return (self.authority.user_id, *self.target.user_ids)

    @property
    def look_ups(self) -> Sequence[LookUp[object]]:
        return (LogHead(), ProposalOf(self.proposal.action_id), *self.target.look_ups)


# ================================================================ reversing


def is_same_input(ledger: Ledger, command: ReverseTransaction, _earlier: Entry) -> bool:
    """Whether the action of the key requests the same."""
    action = ledger.find(command.of_key)
    return action is not None and _requests(command, action, ledger.limits)


def _requests(command: ReverseTransaction, action: Action, limits: money.Limits) -> bool:
    record = action.record
    return (
        record.reference,
        record.requested_minor,
        record.includes_fee,
        record.reason,
    ) == (
        command.transaction_reference,
        _requested_minor(command, limits),
        command.includes_fee,
        command.reason,
    )


def _requested_minor(command: ReverseTransaction, limits: money.Limits) -> int | None:
    return None if command.amount is None else money.minor_units(command.amount, limits.currency)


def decide_reversal(ledger: Ledger, command: ReverseTransaction, _caller: Account) -> Decision:
    """Reverse the transaction, or propose it above the threshold. Raises the refusals of
    `reverseTransaction`."""
    earlier = ledger.find(command.of_key)
    if earlier is not None:
        if not _requests(command, earlier, ledger.limits):
            raise errors.IdempotencyKeyReused
        return Decision()
    target = command.target
    if target is None:
        raise errors.NotFound("There is no transaction with this reference.")
    if command.authority.user_id in target.user_ids:
        raise actions.own_account("reference")
    returning = _returning(ledger, target)
    requested_minor = _requested_minor(command, ledger.limits)
    # All that was reversed counts, so that the threshold cannot be passed in small steps.
    asked_minor = returning.remaining_minor if requested_minor is None else requested_minor
    is_proposal = returning.reversed_minor + asked_minor > command.approval_above_minor
    try:
        decision = _reverse(ledger, command, target, command.amount)
    except errors.InsufficientFunds:
        # The balance matters when the proposal is decided.
        if not is_proposal:
            raise
        decision = None
    record = Record(
        position=0,
        type=RecordType.PROPOSAL if is_proposal else RecordType.ACTION,
        number=None,
        decides=None,
        action_id=command.action_id,
        operator_id=command.authority.user_id,
        account_id=returning.entry.user_id,
        other_account_id=returning.entry.counterparty_id,
        kind=ActionKind.REVERSE,
        created_at=_time(ledger, decision, is_proposal=is_proposal),
        reason=command.reason,
        reference=target.reference,
        amount_minor=asked_minor,
        requested_minor=requested_minor,
        includes_fee=command.includes_fee,
        posted_reference=None if is_proposal else command.reference,
        idempotency_key=command.idempotency_key,
    )
    placed, effects, found = _append(ledger, record)
    action = Action(placed)
    found[command.of_key] = action
    if is_proposal or decision is None:
        return Decision(effects=effects, found={**found, ProposalOf(command.action_id): action})
    return _with(decision, effects, found)


def _returning(ledger: Ledger, target: Target) -> Original:
    """The entry of the user who received the money."""
    for look_up in target.look_ups:
        original = ledger.find(look_up)
        if original is not None and original.entry.direction is Direction.INCOMING:
            return original
    raise errors.NotFound("There is no transaction with this reference.")


def _reverse(
    ledger: Ledger,
    command: ReverseTransaction | DecideAction,
    target: Target,
    amount: Decimal | None,
) -> Decision:
    includes_fee = (
        command.includes_fee
        if isinstance(command, ReverseTransaction)
        else bool(command.proposal.record.includes_fee)
    )
    return reversals.reverse(
        ledger, target, amount=amount, includes_fee=includes_fee, reference=command.reference
    )


# ================================================================ deciding


def decide_proposal(ledger: Ledger, command: DecideAction, _caller: Account) -> Decision:
    """Reverse the transaction, or record that it is not to be. Raises the refusals of `decideAction`."""
    operator_id = command.authority.user_id
    proposal = ledger.find(ProposalOf(command.proposal.action_id))
    if proposal is None:
        raise errors.NotFound
    record = proposal.record
    if operator_id == record.operator_id:
        raise errors.invalid(
            "actionId", "You cannot decide your own proposal. Another operator has to."
        )
    if operator_id in command.target.user_ids:
        raise actions.own_account("actionId")
    wanted = RecordType.APPROVAL if command.agrees else RecordType.REJECTION
    if proposal.decision is not None:
        if (proposal.decision.operator_id, proposal.decision.type) == (operator_id, wanted):
            return Decision()
        raise errors.invalid("actionId", "This proposal was already decided.")
    decision = None
    if command.agrees:
        assert record.amount_minor is not None
        amount = ledger.limits.money(record.amount_minor).amount
        decision = _reverse(ledger, command, command.target, amount)
    decided = Record(
        position=0,
        type=wanted,
        number=None,
        decides=record.number,
        action_id=None,
        operator_id=operator_id,
        account_id=record.account_id,
        other_account_id=record.other_account_id,
        kind=None,
        created_at=_time(ledger, decision, is_proposal=decision is None),
        posted_reference=None if decision is None else command.reference,
    )
    placed, effects, found = _append(ledger, decided)
    found[ProposalOf(command.proposal.action_id)] = Action(record, placed)
    if decision is None:
        return Decision(effects=effects, found=found)
    return _with(decision, effects, found)


def never_same(_ledger: Ledger, _command: DecideAction, _earlier: Entry) -> bool:
    """Never: no two decisions have the same key."""
    return False


# ================================================================ the log


def _time(ledger: Ledger, decision: Decision | None, *, is_proposal: bool) -> datetime:
    """That of the entries, if there are any."""
    return ledger.now if is_proposal or decision is None else decision.entries[0].created_at


def _append(
    ledger: Ledger, record: Record
) -> tuple[Record, list[Effect], dict[LookUp[object], object]]:
    """The record in its place, what stores it, and what later commands find."""
    head = ledger.find(LogHead())
    assert head is not None
    placed, head = head.append(ledger.audit_key, record)
    return placed, [AppendRecord(placed), MoveHead(head)], {LogHead(): head}


def _with(
    decision: Decision, effects: Sequence[Effect], found: dict[LookUp[object], object]
) -> Decision:
    return replace(
        decision,
        effects=[*decision.effects, *effects],
        found={**decision.found, **found},
    )
