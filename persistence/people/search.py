"""Search for users by a part of the name, the beginning of a handle, or a complete email address."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from uuid import UUID

from domain import errors
from domain import text as texts
from domain.paging import Page, PageRequest
from domain.people import accounts, handles
from domain.people.accounts import Person
from persistence.engine import patterns
from persistence.engine.database import Database
from persistence.engine.pipeline import Query, Rows, Statement

#: Trigrams need three characters: a shorter text is searched at the beginning of words, which they cover too.
MINIMUM_PART_CHARACTERS = 3
#: The maximum number of considered names that contain the text anywhere.
MAXIMUM_CONTAINING = 200
MAXIMUM_QUERY_CHARACTERS = 254

# The tiers, the best match first: by the address or the handle, the exact name, the beginning of the handle,
# that of the name, any part of the name.
_EXACTLY, _NAME, _CONTAINING = 0, 1, 4

#: At most this many users of a page are left out because of blocks, and replaced by the next ones.
_MAXIMUM_BLOCKS = 1_000

# Blocks in either direction.
_BLOCKED = Query("SELECT other_id FROM blocks WHERE user_id = :viewer_id", is_kept=True)
# All tiers in one call; each is executed only if the previous ones do not fill the page. Alone in its
# statement: a cluster would otherwise call the function on the node of another table.
_FIND = Query(
    """
    SELECT rank, matched, id, name, email, email_verified_at, balance, sequence, handle
    FROM find_users(
        :viewer_id, :address, :handle, :wanted, :containing, :beginning, :after_rank, :after_text,
        :after_id, :limit, :considered
    )
    """,
    is_kept=True,
)
_ID = itemgetter(2)


@dataclass(frozen=True, slots=True)
class _Position:
    rank: int
    #: What the tier is ordered by: the search text, or the handle.
    matched: str
    user_id: UUID

    def render(self) -> str:
        return f"{self.rank}:{self.user_id}:{self.matched}"


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A user who was found."""

    person: Person
    _position: _Position

    @property
    def position(self) -> str:
        """A position in the list, as a cursor holds it."""
        return self._position.render()


def _read_position(cursor: str) -> _Position:
    rank, _, rest = cursor.partition(":")
    user_id, _, matched = rest.partition(":")
    try:
        position = _Position(int(rank), matched, UUID(user_id))
    except ValueError:
        position = None
    if position is None or not _EXACTLY <= position.rank <= _CONTAINING or "\0" in cursor:
        raise errors.BadUserInput(
            "That cursor is not one of this list: take it from an earlier page."
        )
    return position


async def search_people(
    db: Database, *, viewer_id: UUID, query: str, page: PageRequest
) -> Page[FoundPerson]:
    """Users by a part of the name, best match first: the exact name, then names that begin with the text,
    then names that contain it. The user with that complete email address or handle comes before all of
    them, and handles that begin with the text come after the exact name. With "@" in front, handles alone.

    Never the viewer, an unverified or closed account, or anyone whom the viewer has blocked or who has blocked
    the viewer. Raises BadUserInput for an invalid cursor.
    """
    query = query[:MAXIMUM_QUERY_CHARACTERS]
    wanted = "" if handles.is_marked(query) else texts.search_text(query)
    after = None if page.after is None else _read_position(page.after)
    if after is not None and after.rank == _EXACTLY:
        # At most one user has the address or the handle: the list continues with the next tier.
        after = _Position(_NAME, "", UUID(int=0))
    find = partial(
        _FIND.bind,
        viewer_id=viewer_id,
        address=_whole_address(query),
        handle=handles.searched(query),
        wanted=wanted,
        containing=_containing(wanted),
        beginning=patterns.begins_with(wanted),
        after_rank=_EXACTLY if after is None else after.rank,
        after_text=None if after is None else after.matched,
        after_id=None if after is None else after.user_id,
        considered=MAXIMUM_CONTAINING,
    )
    found = await _unblocked(db, viewer_id, find, page.size + 1)
    # By rank, text and id: the first three columns.
    found.sort(key=itemgetter(slice(3)))
    items = [
        FoundPerson(
            Person(user_id, name, email, verified_at, balance_minor, sequence, handle=handle),
            _Position(rank, matched, user_id),
        )
        for (
            rank, matched, user_id, name, email, verified_at, balance_minor, sequence, handle,
        ) in found[: page.size]
    ]  # fmt: skip
    return Page(items, has_next=len(found) > page.size, has_previous=page.after is not None)


async def _unblocked(
    db: Database, viewer_id: UUID, find: Callable[..., Statement], size: int
) -> Rows:
    """At least `size` of the users found, if there are so many, without those blocked in either direction."""
    blocks, found = await db.rows_of_each([_BLOCKED.bind(viewer_id=viewer_id), find(limit=size)])
    blocked = {other_id for (other_id,) in blocks}
    if blocked.isdisjoint(map(_ID, found)):
        return found
    # Rare: search for more, as others take the places of those who are left out.
    found = await db.rows(find(limit=size + min(len(blocked), _MAXIMUM_BLOCKS)))
    return [row for row in found if _ID(row) not in blocked]


def _containing(wanted: str) -> str | None:
    """The pattern of names that contain the text; None if it is too short for trigrams."""
    if len(wanted) >= MINIMUM_PART_CHARACTERS:
        return patterns.contains(wanted)
    return patterns.contains(f" {wanted}") if wanted.isalnum() else None


def _whole_address(query: str) -> str | None:
    if "@" not in accounts.pasted_address(query):
        return None
    try:
        return accounts.clean_email(query)
    except errors.InvalidInput:
        return None
