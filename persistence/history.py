"""The book of a person: its lines, page by page, and who is in it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.accounts import Person
from domain.paging import Page, PageRequest
from domain.transfers import Direction, Kind, Line
from persistence.database import Database


@dataclass(frozen=True, slots=True)
class LineFilter:
    """Which lines; None is any. Both instants are exclusive; `text` is raw, as it was typed."""

    kind: Kind | None = None
    direction: Direction | None = None
    counterparty_id: UUID | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    text: str | None = None


async def lines(
    db: Database, user_id: UUID, line_filter: LineFilter, page: PageRequest
) -> Page[Line]:
    raise NotImplementedError


async def line(db: Database, user_id: UUID, sequence: int) -> Line | None:
    raise NotImplementedError


async def lines_by_ids(
    db: Database, ids: Collection[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Line]:
    raise NotImplementedError


async def line_by_key(db: Database, user_id: UUID, kind: Kind, key: str) -> Line | None:
    raise NotImplementedError


async def lines_after(db: Database, user_id: UUID, sequence: int, limit: int = 100) -> list[Line]:
    raise NotImplementedError


async def newest_sequences(db: Database, user_ids: Collection[UUID]) -> dict[UUID, int]:
    raise NotImplementedError


async def balance_at(db: Database, user_id: UUID, instant: datetime) -> int:
    raise NotImplementedError


async def contacts(db: Database, user_id: UUID, first: int) -> list[Person]:
    raise NotImplementedError
