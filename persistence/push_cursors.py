"""How far each person's book has been given to the Channels server."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from uuid import UUID

from domain.transfers import Line
from persistence.database import Database


@dataclass(frozen=True, slots=True)
class Lag:
    """How many people have lines that the Channels server has not accepted, and since when."""

    users: int
    oldest_age_seconds: float


class Push:
    """One person's cursor, held: nobody else pushes for this person meanwhile."""

    #: What comes next, in sequence: ten lines at most.
    lines: Sequence[Line]

    async def advance(self, sequence: int) -> None:
        raise NotImplementedError


def take(db: Database, user_id: UUID) -> AbstractAsyncContextManager[Push]:
    raise NotImplementedError


async def behind(db: Database, limit: int, *, older_than_seconds: float = 0) -> list[UUID]:
    raise NotImplementedError


async def lag(db: Database) -> Lag:
    raise NotImplementedError
