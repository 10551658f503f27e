"""What operators do: each action is checked and recorded in the transaction that carries it out."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import structlog

from application.services import Services
from domain import errors, ids
from domain.authority import Operator
from domain.ledger import transfers
from domain.ledger.decisions import Command
from domain.operators import actions
from domain.operators.actions import Action
from domain.operators.log import ActionKind, RecordType
from domain.operators.reversing import DecideAction, ReverseTransaction
from domain.people.restrictions import Restriction
from domain.people.sessions import Principal
from persistence.ledger import originals
from persistence.ledger.ledger import Movement
from persistence.operators import acting
from persistence.operators import actions as stored_actions

log = structlog.get_logger(__name__)


async def reverse_transaction(
    services: Services,
    caller: Principal,
    *,
    reference: UUID | None,
    amount: Decimal | None,
    includes_fee: bool,
    reason: str,
    idempotency_key: str,
) -> Action:
    """Reverse the amount, in whole units, once per key; above the threshold, propose it.

    Raises the refusals of `reverseTransaction`, or Unavailable.
    """
    key = transfers.check_idempotency_key(idempotency_key)
    database = services.database
    target = None if reference is None else await originals.find(database, reference)
    command = ReverseTransaction(
        authority=_authority(caller),
        transaction_reference=reference,
        target=target,
        amount=amount,
        includes_fee=includes_fee,
        reason=actions.clean_reason(reason),
        idempotency_key=key,
        approval_above_minor=services.settings.reversal_approval_above_minor,
        action_id=ids.new_id(),
        reference=ids.new_id(),
    )
    await _post(services, command)
    action = await stored_actions.by_key(database, caller.user_id, key)
    assert action is not None
    _log(action, caller)
    return action


async def decide_action(
    services: Services, caller: Principal, action_id: UUID | None, *, agrees: bool
) -> Action:
    """Approve a proposal of another operator, which carries it out, or reject it.

    Raises the refusals of `decideAction`, or Unavailable.
    """
    database = services.database
    found = {} if action_id is None else await stored_actions.by_ids(database, [action_id])
    if action_id is None or action_id not in found:
        raise errors.NotFound
    proposal = found[action_id]
    if proposal.record.type is not RecordType.PROPOSAL:
        raise errors.invalid(
            "actionId", "This action needs no approval: it was carried out at once."
        )
    await _post(services, DecideAction(_authority(caller), proposal, agrees, ids.new_id()))
    decided = (await stored_actions.by_ids(database, [action_id]))[action_id]
    _log(decided, caller)
    return decided


def _authority(caller: Principal) -> Operator:
    assert caller.session_id is not None
    return Operator(caller.user_id, caller.session_id)


async def restrict_account(
    services: Services,
    caller: Principal,
    user_id: UUID | None,
    *,
    restrictions: Collection[Restriction],
    reason: str,
    until: datetime | None,
) -> Action:
    """Bar the account from those operations, until then; None is until lifted.

    Raises the refusals of `restrictAccount`, or Unavailable.
    """
    chosen = [each for each in Restriction if each in restrictions]
    if not chosen:
        raise errors.invalid("restrictions", "Choose at least one restriction.")
    return await _act(
        services,
        caller,
        user_id,
        ActionKind.RESTRICT,
        reason,
        acting.restricting(chosen, until),
        restrictions=tuple(each.value for each in chosen),
        until=until,
    )


async def lift_restrictions(
    services: Services, caller: Principal, user_id: UUID | None, *, reason: str
) -> Action:
    """End all restrictions of the account. Raises the refusals of `liftRestrictions`, or Unavailable."""
    return await _act(services, caller, user_id, ActionKind.LIFT, reason, acting.lift)


async def end_sessions(
    services: Services, caller: Principal, user_id: UUID | None, *, reason: str
) -> Action:
    """Sign the account out on all devices. Raises the refusals of `endSessions`, or Unavailable."""
    return await _act(
        services, caller, user_id, ActionKind.END_SESSIONS, reason, acting.end_sessions
    )


async def _act(  # noqa: PLR0917
    services: Services,
    caller: Principal,
    user_id: UUID | None,
    kind: ActionKind,
    reason: str,
    change: acting.Change,
    **facts: Any,
) -> Action:
    cleaned = actions.clean_reason(reason)
    if user_id is None:
        raise errors.NotFound
    action = await acting.act(
        services.database,
        caller,
        user_id,
        kind,
        cleaned,
        change,
        audit_key=services.settings.sealing_key,
        **facts,
    )
    services.wake_relay()
    _log(action, caller)
    return action


async def _post(services: Services, command: Command) -> None:
    """Execute the command; then count it, notify the listeners and wake the relay."""
    outcome = "failed"
    try:
        movement = await services.ledger.run(command)
        outcome = "replayed" if movement is None or movement.replayed else "moved"
    except errors.DomainError as refusal:
        outcome = type(refusal).__name__
        raise
    finally:
        services.metrics.transfer(outcome)
    if movement is not None and not movement.replayed:
        await _tell(services, movement)
    services.wake_relay()


async def _tell(services: Services, movement: Movement) -> None:
    """Tell the subscribers of this process; others hear of it from the relay."""
    services.live.posted(movement.entry, movement.counterparty)
    if movement.other_entry is not None:
        returning = await services.people.one(movement.entry.user_id)
        services.live.posted(movement.other_entry, returning)
    if movement.notifications:
        services.live.notified(movement.notifications, None, movement.person)


def _log(action: Action, caller: Principal) -> None:
    log.info(
        "operator.acted",
        operator_id=str(caller.user_id),
        action=action.number,
        kind=None if action.record.kind is None else action.record.kind.value,
        status=action.status.value,
    )
