"""The outbox: what has happened and is yet to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain import events
from persistence.database import Database


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One thing that has happened."""

    user_id: UUID
    id: UUID
    topic: events.Topic
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Backlog:
    """How much is yet to be told, and how old the oldest of it is."""

    count: int
    oldest_age_seconds: float


async def claim(db: Database, limit: int, lease_seconds: float) -> list[OutboxRow]:
    raise NotImplementedError


async def mark_published(db: Database, rows: Sequence[OutboxRow]) -> None:
    raise NotImplementedError


async def backlog(db: Database) -> Backlog:
    raise NotImplementedError
