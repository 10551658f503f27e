"""Searching for users."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry

import application.search_users
from domain import paging
from resolvers.operations import Info
from schema import connections, people
from schema.arguments import AFTER, FIRST, Description, given

_LIST_NAME = "people"

QUERY = Annotated[str, Description("A part of the name, or a complete email address.")]


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
