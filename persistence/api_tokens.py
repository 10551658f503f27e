"""API tokens: created, listed, revoked and checked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from domain.sessions import ApiToken, NamedSecret, Principal, Scope
from persistence.database import Database


async def create(
    db: Database,
    user_id: UUID,
    *,
    name: str,
    scopes: Collection[Scope],
    daily_limit_minor: int | None,
    expires_at: datetime | None,
) -> tuple[ApiToken, str]:
    raise NotImplementedError


async def list_for(db: Database, user_id: UUID) -> list[ApiToken]:
    raise NotImplementedError


async def revoke(db: Database, user_id: UUID, api_token_id: UUID) -> ApiToken:
    raise NotImplementedError


async def authenticate(db: Database, secret: NamedSecret) -> Principal:
    raise NotImplementedError
