"""Finding people."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import strawberry

from domain import errors, paging
from domain.text import search_text
from persistence.people import search
from resolvers.operations import Info
from schema import connections, people
from schema.arguments import AFTER, FIRST, Description, given

_LIST_NAME = "people"
#: As long as an address may be.
_QUERY_MAXIMUM_CHARACTERS = 254

QUERY = Annotated[str, Description("A part of the name, or a whole email address.")]


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
    if len(query) > _QUERY_MAXIMUM_CHARACTERS:
        raise errors.BadUserInput(f"`query` takes at most {_QUERY_MAXIMUM_CHARACTERS} characters.")
    found: paging.Page[search.FoundPerson] = paging.Page(items=[])
    if search_text(query):
        services = info.context.services
        async with services.searches.turn(viewer_id):
            found = await search.search_people(
                services.database, viewer_id=viewer_id, query=query, page=page
            )
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
