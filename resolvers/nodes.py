"""Reading objects by id. An object that the viewer may not see is null, like one that does not exist."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

import strawberry

from application import read_ledger, read_notifications, read_webhooks
from domain import errors, ids, paging
from domain.people.sessions import Principal, Scope
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import notifications, people, viewers, webhooks
from schema.arguments import Description
from schema.nodes import Node

_MAXIMUM_NUMBER = 2**63 - 1

ID = Annotated[strawberry.ID, Description("A `Node.id` from an earlier response.")]
IDS = Annotated[
    list[strawberry.ID], Description("At most 100 ids; the response keeps their order.")
]

#: The objects found of one type, by their ids as requested.
Found = dict[str, Node]


async def node(info: Info, id: ID) -> Node | None:  # noqa: A002
    return (await _read(info.context, [id]))[0]


async def nodes(info: Info, ids: IDS) -> list[Node | None]:
    if len(ids) > paging.MAXIMUM_SIZE:
        raise errors.BadUserInput(f"`ids` takes at most {paging.MAXIMUM_SIZE} ids at once.")
    return await _read(info.context, ids)


async def _read(context: RequestContext, asked: Sequence[str]) -> list[Node | None]:
    """The objects in the requested order; those of one type are read together."""
    caller = context.principal
    if caller is None:
        return [None] * len(asked)
    by_type: dict[str, dict[str, list[str]]] = {}
    for text in asked:
        named = ids.read_global_id(text)
        if named is not None and named[0] in _READERS:
            by_type.setdefault(named[0], {})[text] = named[1]
    found: Found = {}
    for type_name, parts in by_type.items():
        found.update(await _READERS[type_name](context, caller, parts))
    return [found.get(text) for text in asked]


async def _users(context: RequestContext, caller: Principal, asked: dict[str, list[str]]) -> Found:
    named = {text: ids.read_row_id(text, "User") for text in asked}
    wanted = {user_id for user_id in named.values() if user_id is not None}
    if not caller.may(Scope.READ_PROFILE):
        wanted.discard(caller.user_id)
    if not (caller.may(Scope.SEARCH_USERS) or caller.may(Scope.READ_TRANSACTIONS)):
        wanted &= {caller.user_id}
    if wanted - {caller.user_id} and not await context.services.is_verified(caller.user_id):
        wanted &= {caller.user_id}
    if not wanted:
        return {}
    read = await context.services.people.get(wanted)
    visible = [
        person
        for person in read.values()
        if person.user_id == caller.user_id or person.email_verified_at is not None
    ]
    shown = {user.id: user for user in people.shown_together(visible, to=caller.user_id)}
    return {
        text: shown[people.global_id(user_id)]
        for text, user_id in named.items()
        if user_id is not None and people.global_id(user_id) in shown
    }


async def _viewers(
    context: RequestContext, caller: Principal, asked: dict[str, list[str]]
) -> Found:
    own = [text for text in asked if ids.read_row_id(text, "Viewer") == caller.user_id]
    person = await context.services.person(caller.user_id) if own else None
    if person is None:
        return {}
    currency = context.services.limits.currency
    return {text: viewers.shown(person, caller, currency) for text in own}


async def _sessions(
    context: RequestContext, caller: Principal, asked: dict[str, list[str]]
) -> Found:
    if caller.session_id is None:
        return {}
    return {
        session.id: session
        for session in await context.reads.sessions(caller)
        if session.id in asked
    }


async def _api_tokens(
    context: RequestContext, caller: Principal, asked: dict[str, list[str]]
) -> Found:
    if caller.session_id is None:
        return {}
    return {
        token.id: token for token in await context.reads.api_tokens(caller) if token.id in asked
    }


async def _transactions(
    context: RequestContext, caller: Principal, asked: dict[str, list[str]]
) -> Found:
    if not caller.may(Scope.READ_TRANSACTIONS):
        return {}
    sequences = _numbers(caller, asked)
    if not sequences:
        return {}
    entries = await read_ledger.entries(context.services, caller.user_id, sequences)
    shown = await context.reads.shown_entries(entries)
    return {transaction.id: transaction for transaction in shown}


async def _webhooks(
    context: RequestContext, caller: Principal, asked: dict[str, list[str]]
) -> Found:
    if not caller.may(Scope.MANAGE_WEBHOOKS):
        return {}
    named = {ids.read_row_id(text, "Webhook") for text in asked} - {None}
    found = await read_webhooks.by_ids(
        context.services.database,
        caller,
        [webhook_id for webhook_id in named if webhook_id is not None],
    )
    return {webhooks.global_id(each.webhook_id): webhooks.shown(each) for each in found}


async def _notifications(
    context: RequestContext, caller: Principal, asked: dict[str, list[str]]
) -> Found:
    if not caller.may(Scope.READ_TRANSACTIONS):
        return {}
    views = await read_notifications.by_numbers(
        context.services, caller.user_id, _numbers(caller, asked)
    )
    currency = context.services.limits.currency
    shown = [notifications.shown(view, currency) for view in views]
    return {notification.id: notification for notification in shown}


def _numbers(caller: Principal, asked: dict[str, list[str]]) -> list[int]:
    """The numbers in the caller's own stream that ids made of a user and a number name."""
    numbers: list[int] = []
    for owner, *rest in asked.values():
        if owner != str(caller.user_id) or len(rest) != 1:
            continue
        if rest[0].isdigit() and len(rest[0]) < 20 and int(rest[0]) <= _MAXIMUM_NUMBER:
            numbers.append(int(rest[0]))
    return numbers


_Reader = Callable[[RequestContext, Principal, dict[str, list[str]]], Awaitable[Found]]
_READERS: dict[str, _Reader] = {
    "User": _users,
    "Viewer": _viewers,
    "Session": _sessions,
    "ApiToken": _api_tokens,
    "Transaction": _transactions,
    "Webhook": _webhooks,
    "Notification": _notifications,
}
