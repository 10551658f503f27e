"""Finding people by a part of the name, or by an address typed whole."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from domain.accounts import Person
from domain.paging import Page, PageRequest
from persistence.database import Database


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A person who was found, and where in the list: what a cursor holds."""

    person: Person
    position: str


async def search_people(
    db: Database, *, viewer_id: UUID, query: str, page: PageRequest
) -> Page[FoundPerson]:
    raise NotImplementedError
