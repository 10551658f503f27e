"""The back office: what operators do."""

from __future__ import annotations

import application.operate
import schema.operators as types
from domain import ids
from domain.operators.actions import Action
from resolvers import operators
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import operating
from schema.arguments import given


async def restrict_account(
    info: Info,
    input: operating.RestrictAccountInput,  # noqa: A002
) -> operating.OperatorActionResult:
    context = info.context
    return await _done(
        context,
        await application.operate.restrict_account(
            context.services,
            context.caller,
            ids.read_row_id(input.user_id, "User"),
            restrictions=input.restrictions,
            reason=input.reason,
            until=given(input.until),
        ),
    )


async def lift_restrictions(
    info: Info,
    input: operating.LiftRestrictionsInput,  # noqa: A002
) -> operating.OperatorActionResult:
    context = info.context
    return await _done(
        context,
        await application.operate.lift_restrictions(
            context.services,
            context.caller,
            ids.read_row_id(input.user_id, "User"),
            reason=input.reason,
        ),
    )


async def end_sessions(
    info: Info,
    input: operating.EndSessionsInput,  # noqa: A002
) -> operating.OperatorActionResult:
    context = info.context
    return await _done(
        context,
        await application.operate.end_sessions(
            context.services,
            context.caller,
            ids.read_row_id(input.user_id, "User"),
            reason=input.reason,
        ),
    )


async def reverse_transaction(
    info: Info,
    input: operating.ReverseTransactionInput,  # noqa: A002
) -> operating.ReverseTransactionResult:
    context = info.context
    return await _done(
        context,
        await application.operate.reverse_transaction(
            context.services,
            context.caller,
            reference=ids.read_uuid(input.reference),
            amount=given(input.amount),
            includes_fee=input.includes_fee,
            reason=input.reason,
            idempotency_key=input.idempotency_key,
        ),
    )


async def decide_action(
    info: Info,
    input: operating.DecideActionInput,  # noqa: A002
) -> operating.ReverseTransactionResult:
    context = info.context
    return await _done(
        context,
        await application.operate.decide_action(
            context.services,
            context.caller,
            ids.read_row_id(input.action_id, "OperatorAction"),
            agrees=input.agrees,
        ),
    )


async def _done(context: RequestContext, action: Action) -> operating.OperatorActionDone:
    users = await operators.users_of(context, [action])
    return operating.OperatorActionDone(
        action=types.shown_action(action, users, context.services.limits.currency, context.caller)
    )
