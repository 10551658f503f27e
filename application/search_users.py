"""Find users by a part of their name, or by a complete email address."""

from __future__ import annotations

from uuid import UUID

from application.services import Services
from domain import errors, paging
from domain.text import search_text
from persistence.people import search


async def execute(
    services: Services, viewer_id: UUID, query: str, page: paging.PageRequest
) -> paging.Page[search.FoundPerson]:
    """The best matches first, without the viewer and unverified users.

    Raises BadUserInput for a query that is too long, and RateLimited where too many of the viewer's
    searches are waiting.
    """
    maximum = search.MAXIMUM_QUERY_CHARACTERS
    if len(query) > maximum:
        raise errors.BadUserInput(f"`query` takes at most {maximum} characters.")
    if not search_text(query):
        return paging.Page(items=[])
    async with services.searches.turn(viewer_id):
        return await search.search_people(
            services.database, viewer_id=viewer_id, query=query, page=page
        )
