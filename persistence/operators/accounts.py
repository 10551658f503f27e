"""Accounts as operators see them: found by whatever a report names, and read by their ids."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from domain import errors, ids
from domain.operators.views import AccountView, FoundAccount
from domain.paging import Page, PageRequest
from domain.people import accounts
from domain.people import restrictions as rules
from domain.people.accounts import Person
from persistence.engine.database import Database
from persistence.engine.pipeline import Query
from persistence.ledger import originals
from persistence.people import persons, restrictions, search

_COLUMNS = ", ".join(f"u.{column}" for column in persons.COLUMNS.split(", "))
_BY_IDS = Query(
    f"SELECT clock_timestamp(), u.created_at, u.closed_at, {restrictions.UNTILS}, {_COLUMNS} "  # noqa: S608
    "FROM users AS u WHERE u.id = ANY(:user_ids)"
)
# Any number of registrations share an address.
_BY_ADDRESS = Query(
    "SELECT id FROM users WHERE email = :address ORDER BY email_verified_at NULLS LAST, id LIMIT 20"
)
#: No user has it: operators find everyone, whom they have blocked too.
_NOBODY = UUID(int=0)


async def by_ids(db: Database, user_ids: Collection[UUID]) -> dict[UUID, AccountView]:
    """The accounts, closed and unverified ones too, in one query; unknown ids are left out."""
    if not user_ids:
        return {}
    rows = await db.rows(_BY_IDS.bind(user_ids=user_ids))
    return {
        person[0]: AccountView(
            Person(*person), created_at, closed_at, tuple(rules.in_force(untils, now))
        )
        for now, created_at, closed_at, untils, *person in rows
    }


async def find(db: Database, query: str, page: PageRequest) -> Page[FoundAccount]:
    """Accounts by the id of the user, the reference of a transaction, or a complete email address; or by
    a part of the name or the beginning of a handle, best match first.

    Closed and unverified accounts are found by the first three alone. Raises BadUserInput for an invalid
    cursor.
    """
    if page.after is None and (exact := await _exactly(db, query)):
        views = await by_ids(db, exact)
        found = [FoundAccount(views[each], str(each)) for each in exact if each in views]
        return Page(found[: page.size])
    people = await search.search_people(db, viewer_id=_NOBODY, query=query, page=page)
    views = await by_ids(db, [match.person.user_id for match in people.items])
    return Page(
        [
            FoundAccount(views[match.person.user_id], match.position)
            for match in people.items
            if match.person.user_id in views
        ],
        has_next=people.has_next,
        has_previous=people.has_previous,
    )


async def _exactly(db: Database, query: str) -> list[UUID]:
    """The accounts that the query names by an id, a reference or an address."""
    named = query.strip()
    user_id = ids.read_row_id(named, "User") or ids.read_uuid(named)
    if user_id is not None:
        if await by_ids(db, [user_id]):
            return [user_id]
        target = await originals.find(db, user_id)
        return [] if target is None else list(target.user_ids)
    try:
        address = accounts.clean_email(named)
    except errors.InvalidInput:
        return []
    return [row[0] for row in await db.rows(_BY_ADDRESS.bind(address=address))]
