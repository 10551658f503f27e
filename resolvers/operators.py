"""The back office: what operators read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated
from uuid import UUID

import strawberry

import schema.operators as types
from application import read_operations
from application.services import Services
from domain import errors, ids, paging
from domain.operators.actions import Action, ActionStatus
from domain.people.accounts import Person
from domain.people.sessions import Principal
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import connections, sessions
from schema.arguments import AFTER, FIRST, Description, given
from schema.transactions import Transaction, TransactionConnection, TransactionFilter

#: The first parameters of the resolvers of these types.
OfOperator = strawberry.Parent[types.Operator]
OfAccount = strawberry.Parent[types.OperatedAccount]


async def operator(info: Info) -> types.Operator | None:
    principal = info.context.principal
    if principal is None:
        return None
    access = await read_operations.access(info.context.services, principal)
    return types.Operator(access=access) if access.is_operator else None


async def operators_only(context: RequestContext, _operation: str, _arguments: object) -> None:
    """A guard: an operator, whose session was confirmed by a second factor within the hour.

    The transaction that acts checks it again.
    """
    access = await read_operations.access(context.services, context.caller)
    access.check()


# ================================================================ fields of Operator


async def accounts(
    operator: OfOperator,
    info: Info,
    query: Annotated[
        str,
        Description(
            "A part of the name, the beginning of a handle, a complete email address, a `User.id` or a "
            "`Transaction.reference`. Closed and unverified accounts are found only by the last three."
        ),
    ],
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
) -> types.OperatedAccountConnection:
    services, caller = _checked(operator, info)
    page = paging.page_request(given(first), given(after))
    if page.after is not None:
        page = replace(page, after=connections.read_cursor(page.after, types.ACCOUNTS_LIST))
    found = await read_operations.find_accounts(services, caller, query, page)
    return types.shown_accounts(found, services.limits.currency, to=caller.user_id)


async def account(
    operator: OfOperator,
    info: Info,
    user_id: Annotated[strawberry.ID, Description("A `User.id`.")],
) -> types.OperatedAccount | None:
    services, caller = _checked(operator, info)
    named = ids.read_row_id(user_id, "User")
    if named is None:
        return None
    found = await read_operations.accounts_by_ids(services, caller, [named])
    if named not in found:
        return None
    return types.shown_account(found[named], services.limits.currency, to=caller.user_id)


async def transaction(
    operator: OfOperator,
    info: Info,
    reference: Annotated[strawberry.ID, Description("A `Transaction.reference`.")],
) -> list[Transaction]:
    services, caller = _checked(operator, info)
    named = ids.read_uuid(reference)
    if named is None:
        return []
    sides = await read_operations.sides(services, caller, named)
    return await info.context.reads.shown_entries(sides)


async def actions(
    operator: OfOperator,
    info: Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
    status: Annotated[
        ActionStatus | None, Description("Only actions with this status.")
    ] = strawberry.UNSET,
) -> types.OperatorActionConnection:
    _checked(operator, info)
    return await _actions(info, given(first), given(after), status=given(status))


async def books(operator: OfOperator, info: Info) -> types.BooksSummary:
    services, caller = _checked(operator, info)
    summary = await read_operations.summary(services, caller)
    return types.shown_summary(summary, services.limits.currency)


async def days(
    operator: OfOperator,
    info: Info,
    first: Annotated[int | None, Description("The number of days, 0 to 100.")] = 30,
) -> list[types.OperatedDay]:
    services, caller = _checked(operator, info)
    listed = await read_operations.days(services, caller, 30 if first is None else first)
    return [types.shown_day(totals, services.limits.currency) for totals in listed]


def _checked(operator: types.Operator, info: Info) -> tuple[Services, Principal]:
    operator.access.check()
    return info.context.services, info.context.caller


# ================================================================ fields of OperatedAccount


async def account_transactions(
    account: OfAccount,
    info: Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
    filter: Annotated[  # noqa: A002
        TransactionFilter | None, Description("Only transactions that match this filter.")
    ] = strawberry.UNSET,
) -> TransactionConnection:
    context = info.context
    read_operations.record(context.caller, "transactions", accounts=[str(account.user_id)])
    page = paging.page_request(given(first), given(after))
    return await context.reads.transactions(account.user_id, page, given(filter))


async def account_sessions(account: OfAccount, info: Info) -> list[sessions.Session]:
    caller = info.context.caller
    listed = await read_operations.sessions_of(info.context.services, caller, account.user_id)
    return [sessions.shown_session(session, caller) for session in listed]


async def account_actions(
    account: OfAccount,
    info: Info,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
) -> types.OperatorActionConnection:
    return await _actions(info, given(first), given(after), account_id=account.user_id)


async def _actions(
    info: Info,
    first: int | None,
    after: str | None,
    *,
    status: ActionStatus | None = None,
    account_id: UUID | None = None,
) -> types.OperatorActionConnection:
    context = info.context
    page = paging.page_request(first, after)
    position = connections.read_number(page.after, types.ACTIONS_LIST)
    found = await read_operations.action_page(
        context.services,
        context.caller,
        page.size,
        None if position is None else int(position),
        status=status,
        account_id=account_id,
    )
    users = await users_of(context, found.items)
    return types.shown_actions(found, users, context.services.limits.currency, context.caller)


async def users_of(context: RequestContext, listed: Iterable[Action]) -> dict[UUID, Person]:
    """The users whom the actions name, in one query."""
    named = {
        user_id
        for action in listed
        for user_id in (action.operator_id, action.decided_by, action.record.account_id)
        if user_id is not None
    }
    return dict(await context.services.people.get(named)) if named else {}


# ================================================================ objects by id


async def _may_read(context: RequestContext, caller: Principal) -> bool:
    access = await read_operations.access(context.services, caller)
    try:
        access.check()
    except errors.Forbidden:
        return False
    return True


async def accounts_by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not await _may_read(context, caller):
        return {}
    services = context.services
    named = {ids.read_row_id(text, "OperatedAccount") for text in asked}
    found = await read_operations.accounts_by_ids(services, caller, [n for n in named if n])
    shown = [
        types.shown_account(view, services.limits.currency, to=caller.user_id)
        for view in found.values()
    ]
    return {account.id: account for account in shown}


async def actions_by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
    if not await _may_read(context, caller):
        return {}
    named = {ids.read_row_id(text, "OperatorAction") for text in asked}
    found = await read_operations.actions_by_ids(context.services, caller, [n for n in named if n])
    users = await users_of(context, found.values())
    currency = context.services.limits.currency
    shown = [types.shown_action(action, users, currency, caller) for action in found.values()]
    return {action.id: action for action in shown}
