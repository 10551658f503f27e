"""Sessions: begun, refreshed, listed and ended."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from domain.accounts import Person
from domain.sessions import RefreshToken, Session
from persistence.database import Database


async def begin(
    db: Database,
    *,
    user_id: UUID,
    password_hash: str,
    token: RefreshToken,
    token_text: str,
    user_agent: str | None,
    ip_address: str | None,
) -> Person:
    raise NotImplementedError


async def refresh(
    db: Database, token: RefreshToken, token_text: str, *, jwt_secrets: Sequence[str]
) -> tuple[RefreshToken, str, Person]:
    raise NotImplementedError


async def list_for(db: Database, user_id: UUID) -> list[Session]:
    raise NotImplementedError


async def end(db: Database, user_id: UUID, session_id: UUID) -> bool:
    raise NotImplementedError


async def end_all(db: Database, user_id: UUID, *, except_id: UUID | None = None) -> int:
    raise NotImplementedError


async def standing(db: Database, credentials: Collection[tuple[UUID, UUID]]) -> set[UUID]:
    raise NotImplementedError


async def touch(db: Database, credentials: Collection[tuple[UUID, UUID]]) -> None:
    raise NotImplementedError
