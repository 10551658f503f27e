"""Searching for users."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry

import application.read_users
import application.search_users
from domain import ids, paging
from domain.people.sessions import Principal, Scope
from resolvers.nodes import Asked, Found
from resolvers.operations import Info
from resolvers.request import RequestContext
from schema import connections, people
from schema.arguments import AFTER, FIRST, Description, given

_LIST_NAME = "people"

QUERY = Annotated[
    str, Description("A part of the name, the beginning of a handle, or a complete email address.")
]


async def search_users(
    info: Info,
    query: QUERY,
    first: FIRST = strawberry.UNSET,
    after: AFTER = strawberry.UNSET,
) -> people.UserConnection:
    viewer_id = info.context.caller.user_id
    page = paging.page_request(given(first), given(after))
    if page.after is not None:
        page = replace(page, after=connections.read_cursor(page.after, _LIST_NAME))
    found = await application.search_users.execute(info.context.services, viewer_id, query, page)
    edges = [
        people.UserEdge(
            cursor=connections.cursor_of(_LIST_NAME, match.position),
            node=user,
        )
        for match, user in zip(
            found.items,
            people.shown_together((match.person for match in found.items), to=viewer_id),
            strict=True,
        )
    ]
    return people.UserConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=connections.page_info(found, [edge.cursor for edge in edges], _LIST_NAME),
    )


async def user_by_handle(
    info: Info,
    handle: Annotated[
        str, Description('The handle, with or without "@" in front; case does not matter.')
    ],
) -> people.User | None:
    context = info.context
    person = await application.read_users.by_handle(context.services, handle)
    if person is None:
        return None
    caller = context.principal
    if caller is None or not caller.may(Scope.SEARCH_USERS):
        return people.shown(person, to=None)
    may_search = await context.services.is_verified(caller.user_id)
    return people.shown(person, to=caller.user_id if may_search else None)


async def by_ids(context: RequestContext, caller: Principal, asked: Asked) -> Found:
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
